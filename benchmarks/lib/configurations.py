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
    Cascade,
    DeepSort,
    DeepSortConfig,
    GalleryAppearance,
    LikelihoodRatio,
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
BIRTHS = ("min_score", "birth_score", "birth_overlap")
LOW_SCORES = ("sure_score",)
NOISE = ("scale_noise_by_score", "coasting_growth")
CLEAN = ("remember_score", "remember_cut")
SHIFT = ("common_shift",)
LONGER = ("max_misses",)
LEAVING = ("leave_after",)


def taking(*fields: str, base: DeepSortConfig | None = None) -> DeepSortConfig:
    """The published configuration (or `base`) with these fields as in the default."""
    values = {name: getattr(DEFAULT, name) for name in fields}
    return replace(base or DeepSortConfig.published(), **values)


def by_cascade(*fields: str) -> Callable[[], DeepSort]:
    """The published association with some fields of the default."""
    parts: dict[str, Any] = {"motion": AspectMotion(), "appearance": GalleryAppearance()}
    return lambda: DeepSort(taking(*fields), association=Cascade(), **parts)


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
    "+ people who return": changed(steady_boxes=False),
    "DeepSort()": DeepSort,  # and boxes without the detector's shaking
}
# The default with one thing else.
ALTERNATIVES: dict[str, Callable[[], Any]] = {
    "matched boxes": changed(steady_boxes=False),
    "filtered boxes": lambda: Filtered(DeepSort()),
    "new ids reconsidered": changed(reconsider=50),
    "nobody remembered": changed(remember_people=0),
    "waits at the edge, too": changed(leave_after=DEFAULT.max_misses),
    "hidden not remembered": changed(remember_hidden=0.4),
    "cut off remembered": changed(remember_cut=True),
    "cascade": lambda: DeepSort(association=Cascade()),
    "pace as published": lambda: DeepSort(motion=AspectMotion()),
    "motion x, y, w, h": lambda: DeepSort(motion=SizeMotion(velocity_noise=1 / 320)),
    "gallery": lambda: DeepSort(appearance=GalleryAppearance()),
    "mean, momentum 0.8": lambda: DeepSort(appearance=MeanAppearance(momentum=0.8)),
    "no low scores": changed(min_score=DEFAULT.sure_score),
    "births anywhere": changed(birth_overlap=1.0),
    "births from sure_score": changed(birth_score=DEFAULT.sure_score),
    "noise not by score": changed(scale_noise_by_score=False),
    "not damped": changed(coasting_growth=1.0),
    "remember everything": changed(remember_score=DEFAULT.min_score),
    "no common shift": changed(common_shift=False),
    "gone after 30": changed(max_misses=30),
}
# The default with one of its numbers a notch lower or higher.
NEIGHBOURS: dict[str, Callable[[], DeepSort]] = {
    "confirm_after 2": changed(confirm_after=2),
    "confirm_after 4": changed(confirm_after=4),
    "max_misses 60": changed(max_misses=60),
    "max_misses 240": changed(max_misses=240),
    "leave_after 5": changed(leave_after=5),
    "sure_score 0.3": changed(sure_score=0.3),
    "sure_score 0.5": changed(sure_score=0.5),
    "birth_score 0.5": changed(birth_score=0.5),
    "birth_score 0.7": changed(birth_score=0.7),
    "birth_overlap 0.5": changed(birth_overlap=0.5),
    "birth_overlap 0.7": changed(birth_overlap=0.7),
    "momentum 0.9": lambda: DeepSort(appearance=MeanAppearance(momentum=0.9)),
    "momentum 0.97": lambda: DeepSort(appearance=MeanAppearance(momentum=0.97)),
    "velocity_noise 1 / 240": lambda: DeepSort(motion=AspectMotion(velocity_noise=1 / 240)),
    "velocity_noise 1 / 480": lambda: DeepSort(motion=AspectMotion(velocity_noise=1 / 480)),
    "min_evidence 1.5": lambda: DeepSort(association=LikelihoodRatio(min_evidence=1.5)),
    "min_evidence 2.5": lambda: DeepSort(association=LikelihoodRatio(min_evidence=2.5)),
}
