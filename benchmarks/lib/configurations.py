"""Our configurations: the rungs from DeepSORT as published to the default, and the default changed.

Every entry gives a fresh tracker. When the tracker's defaults change, the rungs follow by
themselves: each takes the named fields over from the default.
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


class Filtered:
    """A tracker that reports the Kalman filter's boxes."""

    def __init__(self, tracker: DeepSort) -> None:
        self._tracker = tracker

    def update(self, detections: Detections, **extras: Any) -> Tracks:
        """The tracks of one frame."""
        tracks = self._tracker.update(detections, **extras)
        return replace(tracks, xyxy=tracks.filtered_xyxy)


DEFAULT = DeepSortConfig()
GALLERY = GalleryAppearance().budget  # embeddings that a track remembers in the published rung

# What each rung adds: fields of the configuration, taken over from the default.
BIRTHS = ("min_score", "new_track_score", "max_new_track_overlap")
LOW_SCORES = ("high_score_threshold",)
NOISE = ("nsa_kalman", "coasting_size_velocity_decay")
CLEAN = ("min_gallery_score", "store_truncated")
SHIFT = ("common_motion_compensation",)
LONGER = ("max_age",)
LEAVING = ("max_age_at_border",)


def taking(*fields: str, base: DeepSortConfig | None = None) -> DeepSortConfig:
    """The published configuration (or `base`) with these fields as in the default."""
    values = {name: getattr(DEFAULT, name) for name in fields}
    return replace(base or DeepSortConfig.published(), **values)


def by_cascade(*fields: str) -> Callable[[], DeepSort]:
    """The published association with some fields of the default."""
    parts: dict[str, Any] = {"motion": AspectMotion(), "appearance": GalleryAppearance()}
    return lambda: DeepSort(taking(*fields), association=MatchingCascade(), **parts)


def by_likelihood(*fields: str, **parts: Any) -> Callable[[], DeepSort]:
    """The default association with some fields of the default."""
    config = taking(*fields)
    return lambda: DeepSort(config, **parts)


def other_ids(rows: dict[str, Callable[[], Any]]) -> dict[str, Callable[[], Any]]:
    """Without those that only report other boxes: they give the same ids as another row."""
    return {name: make for name, make in rows.items() if "boxes" not in name}


def changed(**fields: Any) -> Callable[[], DeepSort]:
    """The default with other values."""
    return lambda: DeepSort(replace(DEFAULT, **fields))


ALL_MOTION = (*BIRTHS, *LOW_SCORES, *NOISE, *CLEAN, *SHIFT, *LONGER)

# From the paper to what users get: each rung has what the one above it has, and one idea more.
RUNGS: dict[str, Callable[[], Any]] = {
    "as published": published,
    "+ births that make sense": by_cascade(*BIRTHS),
    "+ likelihood ratio": by_likelihood(*BIRTHS, motion=AspectMotion()),
    "+ slower change of pace": by_likelihood(*BIRTHS),
    "+ low scores continue": by_likelihood(*BIRTHS, *LOW_SCORES),
    "+ noise by score, damped": by_likelihood(*BIRTHS, *LOW_SCORES, *NOISE),
    "+ clean memory": by_likelihood(*BIRTHS, *LOW_SCORES, *NOISE, *CLEAN),
    "+ common shift": by_likelihood(*BIRTHS, *LOW_SCORES, *NOISE, *CLEAN, *SHIFT),
    "+ waiting longer": by_likelihood(*ALL_MOTION),
    "+ gone at the edge": by_likelihood(*ALL_MOTION, *LEAVING),
    "+ people who return": changed(smooth_boxes=False),
    "DeepSort()": DeepSort,  # and boxes without the detector's shaking
}
# The default with one thing else.
ALTERNATIVES: dict[str, Callable[[], Any]] = {
    "matched boxes": changed(smooth_boxes=False),
    "filtered boxes": lambda: Filtered(DeepSort()),
    "new ids reconsidered": changed(id_correction_window=50),
    "nobody remembered": changed(identity_memory_size=0),
    "waits at the edge, too": changed(max_age_at_border=DEFAULT.max_age),
    "hidden not remembered": changed(max_stored_occlusion=0.4),
    "cut off remembered": changed(store_truncated=True),
    "cascade": lambda: DeepSort(association=MatchingCascade()),
    "pace as published": lambda: DeepSort(motion=AspectMotion()),
    "motion x, y, w, h": lambda: DeepSort(motion=SizeMotion(velocity_noise=1 / 320)),
    "gallery": lambda: DeepSort(appearance=GalleryAppearance()),
    "mean, momentum 0.8": lambda: DeepSort(appearance=MeanAppearance(momentum=0.8)),
    "no low scores": changed(min_score=DEFAULT.high_score_threshold),
    "births anywhere": changed(max_new_track_overlap=1.0),
    "births from high_score_threshold": changed(new_track_score=DEFAULT.high_score_threshold),
    "noise not by score": changed(nsa_kalman=False),
    "not damped": changed(coasting_size_velocity_decay=1.0),
    "remember everything": changed(min_gallery_score=DEFAULT.min_score),
    "no common shift": changed(common_motion_compensation=False),
    "gone after 30": changed(max_age=30),
}
# The default with one of its numbers a notch lower or higher.
NEIGHBOURS: dict[str, Callable[[], DeepSort]] = {
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
