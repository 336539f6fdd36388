"""Tracker configurations from DeepSORT as published to the default, and variations of the default.

Every entry is a factory of a new tracker. Changes of the tracker's defaults apply here, too: each
configuration copies the named fields from the default.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import (
    AspectMotion,
    DeepSort,
    DeepSortConfig,
    GalleryAppearance,
    LikelihoodRatio,
    MatchingCascade,
    MeanAppearance,
    SizeMotion,
    published,
)


class FilteredBoxes:
    """A tracker that reports the boxes of the Kalman filter.

    Args:
        tracker: the tracker whose boxes are replaced.
    """

    def __init__(self, tracker: DeepSort) -> None:
        self._tracker = tracker

    def update(self, detections: Detections, **extras: Any) -> Tracks:
        """Return the tracks of one frame; arguments as for `DeepSort.update`."""
        tracks = self._tracker.update(detections, **extras)
        return replace(tracks, xyxy=tracks.filtered_xyxy)


DEFAULT = DeepSortConfig()
GALLERY_BUDGET = GalleryAppearance().budget  # embeddings per track in DeepSORT as published

# Fields of the configuration that a component consists of.
INITIATION = ("min_score", "new_track_score", "max_new_track_overlap")
LOW_SCORE = ("high_score_threshold",)
NOISE = ("nsa_kalman", "coasting_size_velocity_decay")
GALLERY_FILTER = ("min_gallery_score", "store_truncated")
COMMON_MOTION = ("common_motion_compensation",)
MAX_AGE = ("max_age",)
BORDER = ("max_age_at_border",)


def with_default_fields(*fields: str, base: DeepSortConfig | None = None) -> DeepSortConfig:
    """Return the published configuration (or `base`) with these fields of the default."""
    values = {name: getattr(DEFAULT, name) for name in fields}
    return replace(base or DeepSortConfig.published(), **values)


def matching_cascade(*fields: str) -> Callable[[], DeepSort]:
    """Return a factory of the published association with these fields of the default."""
    parts: dict[str, Any] = {"motion": AspectMotion(), "appearance": GalleryAppearance()}
    config = with_default_fields(*fields)
    return lambda: DeepSort(config, association=MatchingCascade(), **parts)


def likelihood_ratio(*fields: str, **parts: Any) -> Callable[[], DeepSort]:
    """Return a factory of the default association with these fields of the default.

    `parts` are further keyword arguments of `DeepSort`.
    """
    config = with_default_fields(*fields)
    return lambda: DeepSort(config, **parts)


def changed(**fields: Any) -> Callable[[], DeepSort]:
    """Return a factory of the default with other values of these fields."""
    return lambda: DeepSort(replace(DEFAULT, **fields))


MOTION_FIELDS = (*INITIATION, *LOW_SCORE, *NOISE, *GALLERY_FILTER, *COMMON_MOTION, *MAX_AGE)

# From the paper to the default: each configuration adds one component to the one above it.
CUMULATIVE: dict[str, Callable[[], Any]] = {
    "as published": published,
    "+ track initiation rules": matching_cascade(*INITIATION),
    "+ likelihood-ratio association": likelihood_ratio(*INITIATION, motion=AspectMotion()),
    "+ lower velocity noise": likelihood_ratio(*INITIATION),
    "+ low-score association": likelihood_ratio(*INITIATION, *LOW_SCORE),
    "+ NSA Kalman, size damping": likelihood_ratio(*INITIATION, *LOW_SCORE, *NOISE),
    "+ gallery filtering": likelihood_ratio(*INITIATION, *LOW_SCORE, *NOISE, *GALLERY_FILTER),
    "+ common-motion compensation": likelihood_ratio(
        *INITIATION, *LOW_SCORE, *NOISE, *GALLERY_FILTER, *COMMON_MOTION
    ),
    "+ longer max_age": likelihood_ratio(*MOTION_FIELDS),
    "+ max_age_at_border": likelihood_ratio(*MOTION_FIELDS, *BORDER),
    "+ reused ids": changed(smooth_boxes=False),
    "DeepSort()": DeepSort,  # adds box smoothing
}
# The default with one component changed.
SINGLE_CHANGES: dict[str, Callable[[], Any]] = {
    "no box smoothing": changed(smooth_boxes=False),
    "Kalman-filtered boxes": lambda: FilteredBoxes(DeepSort()),
    "no reused ids": changed(reuse_ids=False),
    "max_age_at_border = max_age": changed(max_age_at_border=DEFAULT.max_age),
    "max_stored_occlusion 0.4": changed(max_stored_occlusion=0.4),
    "truncated stored": changed(store_truncated=True),
    "matching cascade": lambda: DeepSort(association=MatchingCascade()),
    "velocity noise as published": lambda: DeepSort(motion=AspectMotion()),
    "motion state x, y, w, h": lambda: DeepSort(motion=SizeMotion(velocity_noise=1 / 320)),
    "gallery of embeddings": lambda: DeepSort(appearance=GalleryAppearance()),
    "mean embedding, momentum 0.8": lambda: DeepSort(appearance=MeanAppearance(momentum=0.8)),
    "no low-score association": changed(min_score=DEFAULT.high_score_threshold),
    "no new-track overlap limit": changed(max_new_track_overlap=1.0),
    "new_track_score = high_score_threshold": changed(new_track_score=DEFAULT.high_score_threshold),
    "no NSA Kalman": changed(nsa_kalman=False),
    "no size damping": changed(coasting_size_velocity_decay=1.0),
    "min_gallery_score = min_score": changed(min_gallery_score=DEFAULT.min_score),
    "no common-motion compensation": changed(common_motion_compensation=False),
    "max_age 30": changed(max_age=30),
}
# The default with one parameter slightly lower or higher.
PARAMETER_VALUES: dict[str, Callable[[], DeepSort]] = {
    "n_init 2": changed(n_init=2),
    "n_init 4": changed(n_init=4),
    "max_age 60": changed(max_age=60),
    "max_age 240": changed(max_age=240),
    "max_age_at_border 5": changed(max_age_at_border=5),
    "high_score_threshold 0.3": changed(high_score_threshold=0.3),
    "high_score_threshold 0.5": changed(high_score_threshold=0.5),
    "new_track_score 0.5": changed(new_track_score=0.5),
    "new_track_score 0.7": changed(new_track_score=0.7),
    "max_new_track_overlap 0.5": changed(max_new_track_overlap=0.5),
    "max_new_track_overlap 0.7": changed(max_new_track_overlap=0.7),
    "momentum 0.9": lambda: DeepSort(appearance=MeanAppearance(momentum=0.9)),
    "momentum 0.97": lambda: DeepSort(appearance=MeanAppearance(momentum=0.97)),
    "velocity_noise 1 / 240": lambda: DeepSort(motion=AspectMotion(velocity_noise=1 / 240)),
    "velocity_noise 1 / 480": lambda: DeepSort(motion=AspectMotion(velocity_noise=1 / 480)),
    "min_llr 1.5": lambda: DeepSort(association=LikelihoodRatio(min_llr=1.5)),
    "min_llr 2.5": lambda: DeepSort(association=LikelihoodRatio(min_llr=2.5)),
}
