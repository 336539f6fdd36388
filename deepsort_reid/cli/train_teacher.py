"""`deepsort-reid train --teacher`: options and preparation of a distillation."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.train_data import LabelledImages, make_validation, retrieval_scores

if TYPE_CHECKING:
    from deepsort_reid.reid.models.reid_model import ReidModel
    from deepsort_reid.reid.training.distributed import World
    from deepsort_reid.reid.training.teacher import Teachers

VIEWS_PER_IMAGE, MIN_VIEWS, MAX_VIEWS = 20, 8192, 65536
LABEL_WEIGHT = 0.02  # larger ones make the student overfit the identities
# Options that have no effect with a teacher, and without one.
NOT_WITH_TEACHER = (
    "losses", "label_smoothing", "margin", "no_augmentation", "noise_occlusion"
)  # fmt: skip
ONLY_WITH_TEACHER = ("unlabelled", "views", "label_weight")


def add_teacher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the distillation."""
    add = parser.add_argument_group("teacher").add_argument
    add(
        "--teacher",
        type=Path,
        action="append",
        metavar="FILE.onnx",
        help="train a student to reproduce the embeddings of this network, any file for "
        "--embedder; may be given several times. The teacher embeds strongly changed views of the "
        "images, which are stored in the run folder (default: labels only)",
    )
    add(
        "--unlabelled",
        type=Path,
        metavar="FOLDER",
        help="crops of unknown people, in subfolders or not, in addition to DATA or alone; needs "
        "--teacher. Alone, the last of them in order of their names are for validation "
        "(default: none)",
    )
    add(
        "--views",
        type=int,
        metavar="N",
        help=f"views to store, which an epoch uses once (default: {VIEWS_PER_IMAGE} for each "
        f"image, {MIN_VIEWS} to {MAX_VIEWS})",
    )
    add(
        "--label-weight",
        type=float,
        default=LABEL_WEIGHT,
        metavar="W",
        help="weight of the identities of DATA in the loss beside the embeddings of the teacher "
        "(default: %(default)s)",
    )


def check_teacher_options(args: argparse.Namespace) -> None:
    """Raise ValueError when options were given that have no effect or are out of range."""
    unused = NOT_WITH_TEACHER if args.teacher else ONLY_WITH_TEACHER
    for name in unused:
        if name in args.given:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{option}: has no effect with --teacher, leave it out"
                if args.teacher
                else f"{option}: needs --teacher FILE.onnx"
            )
    if args.label_weight < 0:
        raise ValueError(f"--label-weight: expected 0 or more, got {args.label_weight}")
    batch = (args.identities_per_batch or 16) * args.images_per_identity
    if args.views is not None and args.views < batch:
        raise ValueError(f"--views: expected at least {batch}, one batch, got {args.views}")


def open_teachers(args: argparse.Namespace) -> "Teachers":
    """The teachers, on a CUDA device if ONNX Runtime and --device allow. Raises as `Teachers`."""
    import onnxruntime

    from deepsort_reid.reid.training.teacher import Teachers

    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    device = "cuda" if has_cuda and args.device != "cpu" else "cpu"
    return Teachers(args.teacher, threads=args.threads, device=device)


def set_defaults(args: argparse.Namespace, teachers: "Teachers | None") -> None:
    """Set the options whose default depends on the teacher."""
    if args.epochs is None:
        args.epochs = 30 if args.teacher else 120
    if args.embedding_dim is None:
        args.embedding_dim = min(256, sum(teachers.dims)) if teachers else 256


def distillation_arguments(
    args: argparse.Namespace,
    model: "ReidModel",
    crops: LabelledImages,
    held_out: LabelledImages,
    teachers: "Teachers | None",
    world: "World",
) -> "dict[str, Any]":
    """Arguments of `train` for a training with teachers; makes the views that are missing.

    teachers: None opens them if they are needed.
    """
    from deepsort_reid.reid.data.augmentation import AugmentConfig
    from deepsort_reid.reid.models.reid_model import embed_images
    from deepsort_reid.reid.training.distillation import DistillationLoss, distil
    from deepsort_reid.reid.training.teacher import check_width
    from deepsort_reid.reid.training.view_store import ViewStore

    images = crops.images
    # What is impossible is refused before the views are made.
    embed_images(model, images[:1])
    if teachers is not None:
        check_width(teachers.dims, model.embedding_dim)
    count = args.views or min(max(VIEWS_PER_IMAGE * len(images), MIN_VIEWS), MAX_VIEWS)
    store = ViewStore(args.out / "views", images, held_out.images, count=count, seed=args.seed)
    if not store.is_complete():
        store.make(teachers or open_teachers(args), part=world.rank, num_parts=world.world_size)
    distilled = distil(store, crops.samples, crops.identity, model.embedding_dim, world)
    if held_out.samples:
        scores = retrieval_scores(distilled.held_out, held_out.samples)
        text = " ".join(f"{name} {value:.5g}" for name, value in scores.items())
        logging.info("teacher on the validation images: %s", text or "people unknown, no scores")
    return {
        "images": distilled.views,
        "identity": distilled.group,
        "targets": distilled.targets,
        "criterion": DistillationLoss(
            model.embedding_dim, int(crops.identity.max()) + 1, args.label_weight
        ),
        # Everything else is changed in the views: the teacher must see it.
        "augmentation": AugmentConfig(flip=0.5, shift=0, zoom=0, jitter=0, erase=0),
        "validate": make_validation(held_out, distilled.held_out) if held_out.samples else None,
    }
