"""`deepsort-reid train`: train an embedder on labelled images."""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.train_data import (
    IMAGE_SPLIT_WARNING,
    LabelledImages,
    check_paths,
    load_training_images,
    load_validation_images,
    make_validation,
    split_samples,
)
from deepsort_reid.cli.train_options import add_arguments
from deepsort_reid.cli.train_resume import check_identities, options_as_json, restore_options
from deepsort_reid.cli.train_teacher import (
    check_teacher_options,
    distillation_arguments,
    open_teachers,
    set_defaults,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepsort_reid.reid.data.datasets import Sample
    from deepsort_reid.reid.models.reid_model import ReidModel
    from deepsort_reid.reid.training.distributed import World
    from deepsort_reid.reid.training.learner import MakeOptimizer
    from deepsort_reid.reid.training.losses import CombinedLoss
    from deepsort_reid.reid.training.schedules import Schedule
    from deepsort_reid.reid.training.train import TrainConfig

__all__ = ["add_arguments", "run"]

# With a teacher or not -> the metric that selects best.pt, and its name in the summary.
BEST_BY = {False: ("mAP", "mAP"), True: ("teacher_cosine", "cosine to the teacher")}


def run(args: argparse.Namespace) -> int:
    # Missing paths and impossible splits are reported before torch is imported, which is slow.
    resumed = None if args.resume is None else restore_options(args)
    check_teacher_options(args)
    check_paths(args)
    samples, validation = split_samples(args)
    # A resumed run has stored what the teachers answered.
    teachers = open_teachers(args) if args.teacher and resumed is None else None
    set_defaults(args, teachers)
    import torch

    from deepsort_reid.reid.training.checkpoint import check_output_folder
    from deepsort_reid.reid.training.distributed import (
        check_precision,
        init_distributed,
        shutdown_distributed,
    )
    from deepsort_reid.reid.training.run_folder import run_folder_of
    from deepsort_reid.reid.training.train import train

    world = init_distributed(args.device)
    args.out = args.out or (Path("run") if args.resume is None else run_folder_of(args.resume))
    # Checked before the images are loaded.
    check_output_folder(args.out, args.resume, world)
    check_precision(getattr(torch, args.precision), world)
    _set_up(args, world)
    model, architecture = _model(args, resumed)
    size = tuple(architecture["input_size"])
    held_out = load_validation_images(validation, size)
    crops = load_training_images(samples, size)
    if resumed is None:
        _set_statistics(model, args, crops.images)
    names = sorted({sample.identity for sample in crops.samples} - {""})
    if resumed is not None:
        check_identities(names, args, resumed)
    try:
        history = train(
            model,
            folder=args.out,
            optimizer=_optimizer(args),
            schedule=_schedule(args),
            config=_config(args, len(names)),
            description=_description(args, architecture, names, crops.samples, validation),
            resume=args.resume,
            world=world,
            **(
                distillation_arguments(args, model, crops, held_out, teachers, world)
                if args.teacher
                else _label_arguments(args, architecture, crops, held_out)
            ),
        )
    except KeyboardInterrupt:
        if (args.out / "last.pt").is_file():
            logging.info("continue after the last finished epoch with --resume %s", args.out)
        raise
    if world.is_main:
        print(_summary(history, args))
    shutdown_distributed(world)
    return 0


def _label_arguments(
    args: argparse.Namespace,
    architecture: "dict[str, Any]",
    crops: LabelledImages,
    held_out: LabelledImages,
) -> "dict[str, Any]":
    """Arguments of `train` for a training on labels."""
    from deepsort_reid.reid.data.augmentation import AugmentConfig

    augmentation = AugmentConfig(noise_occlusion=args.noise_occlusion)
    return {
        "images": crops.images,
        "identity": crops.identity,
        "criterion": _criterion(args, architecture, int(crops.identity.max()) + 1),
        "augmentation": None if args.no_augmentation else augmentation,
        "validate": make_validation(held_out) if held_out.samples else None,
    }


def _set_up(args: argparse.Namespace, world: "World") -> None:
    """Logging and warning of the main process to stderr, number of threads, seed of torch."""
    import torch

    level = logging.INFO if world.is_main else logging.ERROR
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    if args.split == "image" and world.is_main:
        print(IMAGE_SPLIT_WARNING, file=sys.stderr)


def _summary(history: "list[dict[str, float]]", args: argparse.Namespace) -> str:
    """The best epoch, its checkpoint, and the command that exports it."""
    name = "best.pt" if (args.out / "best.pt").is_file() else "last.pt"
    metric, title = BEST_BY[bool(args.teacher)]
    validated = [row for row in history if metric in row]
    text = f"epoch {len(history)}"
    if name == "best.pt" and validated:
        best = max(reversed(validated), key=lambda row: row[metric])  # of equal ones the later
        text = f"best epoch {best['epoch']:.0f} of {len(history)}, {title} {best[metric]:.1%}"
    data = args.unlabelled if args.data is None else args.data
    return f"{text}: {args.out / name}; next: deepsort-reid export {args.out} --crops {data}"


def _config(args: argparse.Namespace, num_identities: int) -> "TrainConfig":
    import torch

    from deepsort_reid.reid.training.train import TrainConfig

    return TrainConfig(
        epochs=min(args.stop_after or args.epochs, args.epochs),
        identities_per_batch=args.identities_per_batch
        or (16 if args.teacher else min(16, num_identities)),
        images_per_identity=args.images_per_identity,
        weight_decay=_weight_decay(args),
        frozen_epochs=args.frozen_epochs,
        ema_decay=args.ema_decay,
        precision=getattr(torch, args.precision),
        sync_bn=not args.no_sync_bn,
        validate_every=args.validate_every,
        best_by=BEST_BY[bool(args.teacher)][0],
        patience=args.patience,
        seed=args.seed,
    )


def _model(
    args: argparse.Namespace, resumed: "dict[str, Any] | None"
) -> "tuple[ReidModel, dict[str, Any]]":
    """The model and its architecture: of the resumed run, of --init-from, or a new one.

    resumed: description of the run to continue, whose weights are loaded later.
    """
    from deepsort_reid.reid.training.checkpoint import build_model, load_model

    if resumed is not None:
        model, architecture = build_model(resumed["architecture"]), resumed["architecture"]
    elif _is_onnx(args.init_from):
        from deepsort_reid.reid.models.onnx_weights import load_onnx_model

        model, architecture = load_onnx_model(args.init_from)
    elif args.init_from:
        model, state = load_model(args.init_from)
        architecture = state["architecture"]
    else:
        architecture = {
            "backbone": args.backbone,
            "embedding_dim": args.embedding_dim,
            "pooling": args.pooling,
            "parts": args.parts,
            "input_size": [128, 64],
        }
        model = build_model(architecture, args.weights)
    # The size of a resumed run is in its architecture; another one was given explicitly.
    size = args.size if resumed is None or "size" in args.given else None
    return model, {**architecture, "input_size": list(size or architecture["input_size"])}


def _is_onnx(path: Path | None) -> bool:
    return path is not None and path.suffix.lower() == ".onnx"


def _set_statistics(
    model: "ReidModel", args: argparse.Namespace, images: "NDArray[np.uint8]"
) -> None:
    """Set the statistics of the normalisations of a model from an ONNX file, which has none."""
    if _is_onnx(args.init_from):
        from deepsort_reid.reid.models.onnx_weights import set_norm_statistics

        set_norm_statistics(model, images[:: max(1, len(images) // 512)])


def _description(
    args: argparse.Namespace,
    architecture: "dict[str, Any]",
    identities: "list[str]",
    kept: "list[Sample]",
    validation: "list[Sample]",
) -> "dict[str, Any]":
    """Content of config.json and description in the checkpoints."""
    import numpy as np
    import torch

    return {
        "architecture": architecture,
        "arguments": options_as_json(args),
        "identities": identities,
        "files": [sample.path.name for sample in kept],
        "validation_files": [sample.path.name for sample in validation],
        "versions": {"torch": str(torch.__version__), "numpy": np.__version__},
    }


def _criterion(
    args: argparse.Namespace, architecture: "dict[str, Any]", num_identities: int
) -> "CombinedLoss":
    from deepsort_reid.reid.training.losses import (
        CombinedLoss,
        CosineSoftmax,
        LabelSmoothingCrossEntropy,
    )

    dim = architecture["embedding_dim"]
    classification: list[tuple[float, Any]] = []
    if "softmax" in args.losses:
        softmax = LabelSmoothingCrossEntropy(
            dim,
            num_identities,
            smoothing=args.label_smoothing,
            num_splits=1 + architecture["parts"],
        )
        classification.append((1.0, softmax))
    if "cosine" in args.losses:
        classification.append((1.0, CosineSoftmax(dim, num_identities)))
    return CombinedLoss(
        classification,
        triplet=float("triplet" in args.losses),
        triplet_margin=args.margin,
        # Its gradient is proportional to its scale, 64.
        circle=("circle" in args.losses) / 64,
    )


def _optimizer(args: argparse.Namespace) -> "MakeOptimizer":
    from functools import partial

    import torch

    if args.optimizer == "sgd":
        return partial(torch.optim.SGD, lr=args.lr or 1e-2, momentum=0.9)
    return partial(torch.optim.AdamW, lr=args.lr or 2e-3, fused=True)


def _weight_decay(args: argparse.Namespace) -> float:
    if args.weight_decay is not None:
        return float(args.weight_decay)
    return 0.05 if args.optimizer == "adamw" else 5e-4


def _schedule(args: argparse.Namespace) -> "Schedule":
    from deepsort_reid.reid.training.schedules import flat_cosine, step_drop

    if args.schedule == "step":
        return step_drop(args.epochs)
    decay_from = args.decay_from if args.schedule == "flat-cosine" else 0.0
    return flat_cosine(args.epochs, warmup_epochs=args.warmup_epochs, decay_from=decay_from)
