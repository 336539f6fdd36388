"""`deepsort-reid train`: train an embedder on labelled images."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.train_options import add_arguments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepsort_reid.reid.data.datasets import Sample
    from deepsort_reid.reid.models.reid_model import ReidModel
    from deepsort_reid.reid.training.distributed import World
    from deepsort_reid.reid.training.learner import MakeOptimizer
    from deepsort_reid.reid.training.losses import CombinedLoss
    from deepsort_reid.reid.training.schedules import Schedule
    from deepsort_reid.reid.training.train import TrainConfig, Validate

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    import logging

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
    # Checked before the images are loaded.
    check_output_folder(args.out, args.resume, world)
    check_precision(getattr(torch, args.precision), world)
    _set_up(args, world)
    model, architecture = _model(args)
    size = tuple(architecture["input_size"])
    samples, validation = _split(args)
    images, kept, identity = _load(samples, size)
    names = sorted({sample.identity for sample in kept})
    try:
        history = train(
            model,
            _criterion(args, architecture, len(names)),
            images,
            identity,
            args.out,
            optimizer=_optimizer(args),
            schedule=_schedule(args),
            config=_config(args, len(names)),
            description=_description(args, architecture, names, kept, validation),
            augmentation=(
                None
                if args.no_augmentation
                else AugmentConfig(noise_occlusion=args.noise_occlusion)
            ),
            validate=_validation(validation, size) if validation else None,
            resume=args.resume,
            world=world,
        )
    except KeyboardInterrupt:
        logging.info("continue after the last finished epoch with --resume %s", args.out)
        raise
    if world.is_main:
        print(_summary(history, args))
    shutdown_distributed(world)
    return 0


def _set_up(args: argparse.Namespace, world: "World") -> None:
    """Logging of the main process to stderr, number of threads, seed of torch."""
    import logging
    import sys

    import torch

    level = logging.INFO if world.is_main else logging.ERROR
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)


def _summary(history: "list[dict[str, float]]", args: argparse.Namespace) -> str:
    """The best epoch, its checkpoint, and the command that exports it."""
    name = "best.pt" if (args.out / "best.pt").is_file() else "last.pt"
    validated = [row for row in history if "mAP" in row]
    text = f"epoch {len(history)}"
    if name == "best.pt" and validated:
        best = max(reversed(validated), key=lambda row: row["mAP"])  # of equal ones the later
        text = f"best epoch {best['epoch']:.0f} of {len(history)}, mAP {best['mAP']:.1%}"
    return f"{text}: {args.out / name}; next: deepsort-reid export {args.out} --crops {args.data}"


def _config(args: argparse.Namespace, num_identities: int) -> "TrainConfig":
    import torch

    from deepsort_reid.reid.training.train import TrainConfig

    return TrainConfig(
        epochs=min(args.stop_after or args.epochs, args.epochs),
        identities_per_batch=args.identities_per_batch or min(16, num_identities),
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
    """The model of --init-from or a new one, and its architecture."""
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
    """Images, their samples, and class indices in alphabetical order of the identities."""
    import logging

    import numpy as np

    from deepsort_reid.reid.data.datasets import load_images

    images, kept, problems = load_images(samples, *size)
    for problem in problems:
        logging.warning("skipped %s", problem)
    names = np.array([sample.identity for sample in kept], dtype=np.str_)
    distinct, identity, count = np.unique(names, return_inverse=True, return_counts=True)
    logging.info(
        "training on %d images of %d identities (%d images skipped, %d identities with one image)",
        *(len(images), len(distinct), len(problems), int((count == 1).sum())),
    )
    return images, kept, identity.astype(np.int64)


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

    arguments = {
        key: str(value) if isinstance(value, Path) else value
        for key, value in vars(args).items()
        if value is None or isinstance(value, str | int | float | list | tuple | Path)
    }
    return {
        "architecture": architecture,
        "arguments": arguments,
        "identities": identities,
        "files": [sample.path.name for sample in kept],
        "validation_files": [sample.path.name for sample in validation],
        "versions": {"torch": str(torch.__version__), "numpy": np.__version__},
    }


def _split(args: argparse.Namespace) -> "tuple[list[Sample], list[Sample]]":
    """Training and validation samples."""
    from deepsort_reid.reid.data import splits
    from deepsort_reid.reid.data.datasets import read_dataset

    samples = [sample for sample in read_dataset(args.data) if not sample.is_junk_or_distractor]
    if args.split == "none":
        return samples, []
    split = {
        "identity": splits.split_by_identity,
        "time": splits.split_by_time,
        "image": splits.split_by_image,
    }[args.split]
    return split(samples, args.validation_share, seed=args.seed)


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


def _validation(samples: "list[Sample]", size: tuple[int, int]) -> "Validate":
    """Function that evaluates each validation image against all others.

    Images of one camera are not compared where all cameras are known.
    """
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
