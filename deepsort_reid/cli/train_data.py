"""Images of `deepsort-reid train`: paths, split, loading and validation."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepsort_reid.reid.data.datasets import Sample
    from deepsort_reid.reid.models.reid_model import ReidModel
    from deepsort_reid.reid.training.train import Validate

IMAGE_SPLIT_WARNING = (
    "deepsort-reid train: warning: --split image puts neighbouring frames of one person on both "
    "sides and overestimates every score; --split identity or time does not"
)


def check_paths(args: argparse.Namespace) -> None:
    """Raise FileNotFoundError for a missing input, before torch is imported."""
    from deepsort_reid.reid.training.run_folder import checkpoint_file

    if args.data is None:
        raise ValueError("expected a folder of images, or --resume RUN to continue a run")
    if args.resume is not None:
        return  # the weights come from that run
    if args.init_from is not None:
        checkpoint_file(args.init_from, prefer_best=True)
    if args.weights not in (None, "imagenet") and not Path(args.weights).is_file():
        raise FileNotFoundError(
            f"{args.weights}: no such weights file; give a .pth file or 'imagenet'"
        )


def split_samples(args: argparse.Namespace) -> "tuple[list[Sample], list[Sample]]":
    """Training and validation samples; the latter can be validated, or are none."""
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
    training, validation = split(samples, args.validation_share, seed=args.seed)
    splits.check_validation(validation)
    return training, validation


def load_training_images(
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


def make_validation(samples: "list[Sample]", size: tuple[int, int]) -> "Validate":
    """Function that evaluates each validation image against all others.

    Images of one camera are not compared where all cameras are known. Raises ValueError when the
    images that can be read allow no validation.
    """
    from deepsort_reid.reid.data.datasets import load_images
    from deepsort_reid.reid.data.splits import check_validation
    from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all
    from deepsort_reid.reid.models.reid_model import embed_images

    images, kept, _ = load_images(samples, *size)
    check_validation(kept)
    identity = [sample.identity for sample in kept]
    camera = None if any(s.camera < 0 for s in kept) else [sample.camera for sample in kept]

    def validate(model: "ReidModel") -> dict[str, float]:
        embedding = embed_images(model, images).numpy()
        result = evaluate_each_against_all(embedding, identity, camera=camera)
        return {"mAP": result.mean_average_precision, "rank1": float(result.cmc[1])}

    return validate
