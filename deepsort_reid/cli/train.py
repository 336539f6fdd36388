"""`deepsort-reid train`: fit an embedder to labelled pictures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepsort_reid.reid.data.datasets import Sample
    from deepsort_reid.reid.models.reid_model import ReidModel
    from deepsort_reid.reid.training.losses import CombinedLoss
    from deepsort_reid.reid.training.schedules import Schedule
    from deepsort_reid.reid.training.train import MakeOptimizer, TrainConfig, Validate

BACKBONE_HELP = (
    "compact (ours), osnet_x0_25, osnet_x0_5, osnet_x1_0, resnet18, resnet50, mobilenet_v3_small "
    "or vit_b_16"
)
LOSSES = ("softmax", "triplet", "cosine", "circle")
SIZE_HELP = "of the input (default: that of --init-from, else 128 64)"
LOSSES_HELP = "one or more (default: softmax triplet)"  # %(default)s would show a tuple


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "In several processes: torchrun --nproc-per-node 2 -m deepsort_reid train DATA ...; they "
        "share the people of a batch and train as one would."
    )

    def add(name: str, *, help: str = "", **options: Any) -> None:
        shown = "" if options.get("default") is None else "(default: %(default)s)"
        parser.add_argument(name, help=f"{help} {shown}".strip(), **options)

    add("data", type=Path, help="identity folders, or Market-1501 (its training people)")
    add("--out", type=Path, help="the run folder (default: the resumed one, else run)")
    add("--backbone", default="compact", help=BACKBONE_HELP)
    add("--weights", help="of the backbone: a file, or 'imagenet' for torchvision's")
    add("--init-from", type=Path, help="checkpoint whose network learns new people")
    add("--resume", type=Path, help="checkpoint or run folder to continue exactly")
    add("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help=SIZE_HELP)
    add("--embedding-dim", type=int, default=256)
    add("--pooling", choices=("average", "gem"), default="average")
    add("--parts", type=int, default=0, help="horizontal bands that get a part of the embedding")
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=LOSSES[:2], help=LOSSES_HELP)
    add("--label-smoothing", type=float, default=0.1, help="of the labels, for softmax")
    add("--margin", type=float, help="of the triplet loss (default: soft)")
    add("--epochs", type=int, default=120)
    add("--stop-after", type=int, help="epoch after which to leave, to be resumed")
    add(
        "--identities-per-batch",
        type=int,
        help="in a batch (default: 16, or all where there are fewer)",
    )
    add("--images-per-identity", type=int, default=4, help="of every person in a batch")
    add("--optimizer", choices=("adamw", "sgd"), default="adamw")
    add("--lr", type=float, help="learning rate (default: 2e-3 for adamw, 1e-2 for sgd)")
    add("--weight-decay", type=float, help="(default: 0.05 for adamw, 5e-4 for sgd)")
    add("--schedule", choices=("cosine", "flat-cosine", "step"), default="cosine")
    add("--warmup-epochs", type=float, default=2.0, help="epochs")
    add("--decay-from", type=float, default=0.0, help="epoch at which flat-cosine begins to fall")
    add("--frozen-epochs", type=int, default=0, help="epochs in which only the head learns")
    add("--ema-decay", type=float, default=0.999, help="of the moving average of the weights")
    add("--precision", choices=("float32", "bfloat16", "float16"), default="float32")
    add("--no-sync-bn", action="store_true", help="no batch statistics across processes")
    add("--no-augmentation", action="store_true", help="learn from the pictures as they are")
    add("--noise-occlusion", type=float, default=0.0, help="chance of three rectangles of noise")
    add("--split", choices=("identity", "time", "image", "none"), default="identity")
    add("--validation-share", type=float, default=0.2)
    add("--validate-every", type=int, default=5, help="epochs")
    add("--patience", type=int, help="stop after so many validations without a better mAP")
    add("--seed", type=int, default=0)
    add("--device", help="cpu or cuda (default: cuda where there is one)")
    add("--threads", type=int, help="of the CPU (default: torch's)")


def run(args: argparse.Namespace) -> int:
    import logging
    import sys

    import torch

    from deepsort_reid.reid.data.augmentation import AugmentConfig
    from deepsort_reid.reid.training.checkpoint import check_output_folder, run_folder_of
    from deepsort_reid.reid.training.distributed import (
        check_precision,
        init_distributed,
        shutdown_distributed,
    )
    from deepsort_reid.reid.training.train import train

    world = init_distributed(args.device)
    args.out = args.out or (Path("run") if args.resume is None else run_folder_of(args.resume))
    # Both complain before the pictures are loaded.
    check_output_folder(args.out, args.resume, world)
    check_precision(getattr(torch, args.precision), world)
    level = logging.INFO if world.is_main else logging.ERROR
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model, architecture = _model(args)
    size = tuple(architecture["input_size"])
    samples, validation = _split(args)
    images, kept, identity = _load(samples, size)
    people = sorted({sample.identity for sample in kept})
    try:
        history = train(
            model,
            _criterion(args, architecture, len(people)),
            images,
            identity,
            args.out,
            optimizer=_optimizer(args),
            schedule=_schedule(args),
            config=_config(args, len(people)),
            description=_description(args, architecture, people, kept, validation),
            augmentation=None
            if args.no_augmentation
            else AugmentConfig(noise_occlusion=args.noise_occlusion),
            validate=_validation(validation, size) if validation else None,
            resume=args.resume,
            world=world,
        )
    except KeyboardInterrupt:
        logging.info("continue after the last finished epoch with --resume %s", args.out)
        raise
    if world.is_main:
        print(_ending(history, args))
    shutdown_distributed(world)
    return 0


def _ending(history: "list[dict[str, float]]", args: argparse.Namespace) -> str:
    """Which epoch lies where, and the command that makes an embedder of it."""
    name = "best.pt" if (args.out / "best.pt").is_file() else "last.pt"
    scored = [row for row in history if "mAP" in row]
    told = f"epoch {len(history)}"
    if name == "best.pt" and scored:
        best = max(reversed(scored), key=lambda row: row["mAP"])  # of equals the later one
        told = f"best epoch {best['epoch']:.0f} of {len(history)}, mAP {best['mAP']:.1%}"
    return f"{told}: {args.out / name}; next: deepsort-reid export {args.out} --crops {args.data}"


def _config(args: argparse.Namespace, people: int) -> "TrainConfig":
    import torch

    from deepsort_reid.reid.training.train import TrainConfig

    return TrainConfig(
        epochs=min(args.stop_after or args.epochs, args.epochs),
        identities_per_batch=args.identities_per_batch or min(16, people),
        images_per_identity=args.images_per_identity,
        weight_decay=_weight_decay(args),
        frozen_epochs=args.frozen_epochs,
        ema_decay=args.ema_decay,
        precision=getattr(torch, args.precision),
        sync_bn=not args.no_sync_bn,
        validate_every=args.validate_every,
        patience=args.patience,
        seed=args.seed,
    )


def _model(args: argparse.Namespace) -> "tuple[ReidModel, dict[str, Any]]":
    """The network and what describes it: that of --init-from, or the one of the arguments."""
    from deepsort_reid.reid.training.checkpoint import build_model, load_model

    if args.init_from:
        model, state = load_model(args.init_from)
        architecture = state["architecture"]
        return model, {**architecture, "input_size": args.size or architecture["input_size"]}
    architecture = {
        "backbone": args.backbone,
        "embedding_dim": args.embedding_dim,
        "pooling": args.pooling,
        "parts": args.parts,
        "input_size": list(args.size or (128, 64)),
    }
    return build_model(architecture, args.weights), architecture


def _load(
    samples: "list[Sample]", size: tuple[int, int]
) -> "tuple[NDArray[np.uint8], list[Sample], NDArray[np.int64]]":
    """Pictures, their samples, and people as numbers from 0 in order of name."""
    import logging

    import numpy as np

    from deepsort_reid.reid.data.datasets import load_images

    images, kept, problems = load_images(samples, *size)
    for problem in problems:
        logging.warning("left out %s", problem)
    names = np.array([sample.identity for sample in kept], dtype=np.str_)
    people, identity, count = np.unique(names, return_inverse=True, return_counts=True)
    logging.info(
        "%d pictures of %d people to train on (%d left out, %d people with a single picture)",
        *(len(images), len(people), len(problems), int((count == 1).sum())),
    )
    return images, kept, identity.astype(np.int64)


def _description(
    args: argparse.Namespace,
    architecture: "dict[str, Any]",
    people: "list[str]",
    kept: "list[Sample]",
    validation: "list[Sample]",
) -> "dict[str, Any]":
    """For config.json and the checkpoints."""
    import numpy as np
    import torch

    arguments = {
        key: str(value) if isinstance(value, Path) else value
        for key, value in vars(args).items()
        if value is None or isinstance(value, str | int | float | list | tuple | Path)
    }
    return {
        "architecture": architecture,
        "arguments": arguments,
        "identities": people,
        "files": [sample.path.name for sample in kept],
        "validation_files": [sample.path.name for sample in validation],
        "versions": {"torch": str(torch.__version__), "numpy": np.__version__},
    }


def _split(args: argparse.Namespace) -> "tuple[list[Sample], list[Sample]]":
    from deepsort_reid.reid.data.datasets import (
        DISTRACTOR,
        JUNK,
        read_dataset,
        split_by_identity,
        split_by_image,
        split_by_time,
    )

    # Market-1501's names for nobody; in other folders somebody may well be called so.
    nobody = (JUNK, DISTRACTOR)
    samples = [s for s in read_dataset(args.data) if s.camera < 0 or s.identity not in nobody]
    if args.split == "none":
        return samples, []
    split = {"identity": split_by_identity, "time": split_by_time, "image": split_by_image}
    return split[args.split](samples, args.validation_share, seed=args.seed)


def _criterion(
    args: argparse.Namespace, architecture: "dict[str, Any]", people: int
) -> "CombinedLoss":
    from deepsort_reid.reid.training.losses import (
        CombinedLoss,
        CosineSoftmax,
        LabelSmoothingCrossEntropy,
    )

    width, num_splits = architecture["embedding_dim"], 1 + architecture["parts"]
    softmax: list[tuple[float, Any]] = []
    if "softmax" in args.losses:
        loss = LabelSmoothingCrossEntropy(
            width, people, smoothing=args.label_smoothing, num_splits=num_splits
        )
        softmax.append((1.0, loss))
    if "cosine" in args.losses:
        softmax.append((1.0, CosineSoftmax(width, people)))
    return CombinedLoss(
        softmax,
        triplet=float("triplet" in args.losses),
        triplet_margin=args.margin,
        # Its slope is its scale, 64, times that of the others.
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


def _validation(samples: "list[Sample]", size: tuple[int, int]) -> "Validate":
    """Every validation picture against all others, across cameras where they are known."""
    from deepsort_reid.reid.data.datasets import load_images
    from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all
    from deepsort_reid.reid.models.reid_model import ReidModel, embed_images

    images, kept, _ = load_images(samples, *size)
    identity = [sample.identity for sample in kept]
    camera = None if any(s.camera < 0 for s in kept) else [sample.camera for sample in kept]

    def validate(model: ReidModel) -> dict[str, float]:
        embedding = embed_images(model, images).numpy()
        result = evaluate_each_against_all(embedding, identity, camera=camera)
        return {"mAP": result.mean_average_precision, "rank1": float(result.cmc[1])}

    return validate
