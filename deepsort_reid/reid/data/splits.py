"""Splits of a dataset into training and validation samples."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import numpy as np

from deepsort_reid.reid.data.datasets import JUNK, Sample


def split_by_identity(
    samples: Sequence[Sample], validation_share: float = 0.2, *, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Training and validation samples without a common identity.

    validation_share: fraction of the identities for validation. Both sides get at least two
    identities, because one alone cannot be confused with another.

    Raises ValueError for fewer than four identities.
    """
    _check_share(validation_share)
    identities = sorted({sample.identity for sample in samples})
    if len(identities) < 4:
        raise ValueError(
            "a split by identity needs at least 4 identities, 2 for training and 2 for validation, "
            f"got {len(identities)}: use --split time (crops with a manifest) or --split none"
        )
    count = min(max(round(validation_share * len(identities)), 2), len(identities) - 2)
    chosen = np.random.default_rng(seed).permutation(len(identities))[:count]
    held_out = {identities[row] for row in chosen}
    return _partition(samples, lambda sample: sample.identity in held_out)


def split_by_time(
    samples: Sequence[Sample], validation_share: float = 0.2, *, gap: int = 50, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Training and validation samples that are more than `gap` frames apart in every track.

    The beginning or the end of each track goes to validation; frames within `gap` of it are
    dropped. A track too short for that is used for training as a whole. Without track names, the
    images of one identity in one camera count as one track.

    Raises ValueError when a sample has no frame number.
    """
    _check_share(validation_share)
    if gap < 0:
        raise ValueError(f"gap: expected 0 or more frames, got {gap}")
    tracks: dict[Hashable, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.frame < 0:
            raise ValueError(
                f"a split by time needs the frame number of every image, {sample.path} has none; "
                "use crops with a manifest or split by identity"
            )
        tracks[sample.track or (sample.identity, sample.camera)].append(sample)
    rng = np.random.default_rng(seed)
    held_out: set[Path] = set()
    dropped: set[Path] = set()
    for track in tracks.values():
        at_end = bool(rng.random() < 0.5)
        validation, between = _cut_track(track, validation_share, gap, at_end)
        held_out |= validation
        dropped |= between
    kept = [sample for sample in samples if sample.path not in dropped]
    return _partition(kept, lambda sample: sample.path in held_out)


def split_by_image(
    samples: Sequence[Sample], validation_share: float = 0.1, *, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Training and validation samples drawn image by image.

    Neighbouring frames of one person fall on both sides, so that validation scores are too high.
    """
    _check_share(validation_share)
    chosen = np.random.default_rng(seed).permutation(len(samples))
    held_out = {samples[row].path for row in chosen[: round(validation_share * len(samples))]}
    return _partition(samples, lambda sample: sample.path in held_out)


def split_last(
    samples: Sequence[Sample], validation_share: float = 0.2
) -> tuple[list[Sample], list[Sample]]:
    """Training and validation samples; the last ones in the given order are for validation.

    For images of unknown people, whose names are usually in the order of time or of tracks: few
    similar images are on both sides. Raises ValueError for fewer than two images.
    """
    _check_share(validation_share)
    if len(samples) < 2:
        raise ValueError(
            f"validation: expected at least 2 images, got {len(samples)}: use --split none"
        )
    count = min(max(round(validation_share * len(samples)), 1), len(samples) - 1)
    return list(samples[:-count]), list(samples[-count:])


def check_validation(samples: Sequence[Sample]) -> None:
    """Raise ValueError when no image can be found among the others by its identity.

    Needed are two identities, and two images of one of them: of two cameras where all cameras are
    known, because images of one camera are not compared then.
    """
    cameras: dict[str, list[int]] = defaultdict(list)
    for sample in samples:
        if sample.identity != JUNK:
            cameras[sample.identity].append(sample.camera)
    all_known = all(sample.camera >= 0 for sample in samples)
    remedy = "use a larger --validation-share, another --split, or --split none"
    if len(cameras) < 2:
        raise ValueError(
            "validation: expected images of at least two identities, got "
            f"{len(samples)} images of {len(cameras)}: {remedy}"
        )
    if not any(len(set(c) if all_known else c) > 1 for c in cameras.values()):
        raise ValueError(
            f"validation: expected an identity with two images{' of two cameras' * all_known}, got "
            f"none among {len(cameras)} identities with {len(samples)} images: {remedy}"
        )


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise ValueError(f"validation share: expected a number between 0 and 1, got {share}")


def _partition(
    samples: Sequence[Sample], is_validation: Callable[[Sample], bool]
) -> tuple[list[Sample], list[Sample]]:
    train: list[Sample] = []
    validation: list[Sample] = []
    for sample in samples:
        (validation if is_validation(sample) else train).append(sample)
    return train, validation


def _cut_track(
    track: Sequence[Sample], share: float, gap: int, at_end: bool
) -> tuple[set[Path], set[Path]]:
    """Paths of one track for validation, and the paths next to them that are dropped."""
    count = round(share * len(track))
    ordered = sorted(track, key=lambda sample: sample.frame, reverse=at_end)
    if count == 0:
        return set(), set()
    last = ordered[count - 1].frame
    # Images of one frame (a crop and its occluded copy) stay together.
    validation = {s.path for s in track if (s.frame >= last if at_end else s.frame <= last)}
    between = {s.path for s in track if s.path not in validation and abs(s.frame - last) <= gap}
    if len(validation) + len(between) == len(track):
        return set(), set()
    return validation, between
