"""Images of `deepsort-reid train`: paths, split, loading and validation."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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

    if args.data is None and args.unlabelled is None:
        raise ValueError(
            "expected a folder of images, --unlabelled FOLDER with --teacher FILE.onnx, or "
            "--resume RUN to continue a run"
        )
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
    from deepsort_reid.reid.data.datasets import read_dataset, read_unlabelled

    unlabelled = [] if args.unlabelled is None else read_unlabelled(args.unlabelled)
    if args.data is None:
        if args.split == "none":
            return unlabelled, []
        return splits.split_last(unlabelled, args.validation_share)
    samples = [sample for sample in read_dataset(args.data) if not sample.is_junk_or_distractor]
    if args.split == "none":
        return samples + unlabelled, []
    split = {
        "identity": splits.split_by_identity,
        "time": splits.split_by_time,
        "image": splits.split_by_image,
    }[args.split]
    training, validation = split(samples, args.validation_share, seed=args.seed)
    splits.check_validation(validation)
    return training + unlabelled, validation


class LabelledImages(NamedTuple):
    """Images that can be read, with their labels."""

    images: "NDArray[np.uint8]"  # (N, H, W, 3) RGB
    samples: "list[Sample]"
    identity: "NDArray[np.int64]"  # (N,) index in alphabetical order; -1: unknown


def load_training_images(samples: "list[Sample]", size: tuple[int, int]) -> LabelledImages:
    """Load the images and log how many there are; those that cannot be read are logged, too.

    Raises ValueError when none can be read.
    """
    import logging

    import numpy as np

    loaded, problems = _load(samples, size)
    for problem in problems:
        logging.warning("skipped %s", problem)
    if not loaded.samples:
        raise ValueError(f"no image can be read ({problems[0]})")
    count = np.bincount(loaded.identity[loaded.identity >= 0])
    logging.info(
        "training on %d images of %d identities (%d images skipped, %d identities with one image)",
        *(count.sum(), len(count), len(problems), int((count == 1).sum())),
    )
    if count.sum() < len(loaded.samples):
        logging.info("and on %d images of unknown people", len(loaded.samples) - count.sum())
    return loaded


def load_validation_images(samples: "list[Sample]", size: tuple[int, int]) -> LabelledImages:
    """Load the images. Raises ValueError when they have labels that allow no validation."""
    from deepsort_reid.reid.data.splits import check_validation

    loaded, _ = _load(samples, size)
    if any(sample.identity for sample in samples):
        check_validation(loaded.samples)
    return loaded


def _load(samples: "list[Sample]", size: tuple[int, int]) -> "tuple[LabelledImages, list[str]]":
    """The images, and a message for each that cannot be read."""
    import numpy as np

    from deepsort_reid.reid.data.datasets import load_images

    images, kept, problems = load_images(samples, *size)
    names = np.array([sample.identity for sample in kept], dtype=np.str_)
    identity = np.full(len(kept), -1)
    identity[names != ""] = np.unique(names[names != ""], return_inverse=True)[1]
    return LabelledImages(images, kept, identity), problems


def make_validation(
    held_out: LabelledImages, target: "NDArray[np.float32] | None" = None
) -> "Validate":
    """Function that evaluates a network on validation images.

    target: (M, D) targets of the teacher, for the mean cosine to them.
    """
    from deepsort_reid.reid.models.reid_model import embed_images

    def validate(model: "ReidModel") -> dict[str, float]:
        embedding = embed_images(model, held_out.images).numpy()
        scores = retrieval_scores(embedding, held_out.samples)
        if target is not None:
            scores["teacher_cosine"] = float((embedding * target).sum(1).mean())
        return scores

    return validate


def retrieval_scores(embedding: "NDArray[np.float32]", samples: "list[Sample]") -> dict[str, float]:
    """mAP and rank-1 of each image (M, D) against all others; none where the people are unknown.

    Images of one camera are not compared where all cameras are known.
    """
    from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all

    if not samples[0].identity:
        return {}
    identity = [sample.identity for sample in samples]
    camera = None if any(s.camera < 0 for s in samples) else [sample.camera for sample in samples]
    result = evaluate_each_against_all(embedding, identity, camera=camera)
    return {"mAP": result.mean_average_precision, "rank1": float(result.cmc[1])}
