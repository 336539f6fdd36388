"""The numbers a tracker lives by."""

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

_SWITCHES = (
    "remember_cut",
    "common_shift",
    "steady_boxes",
    "scale_noise_by_score",
    "match_across_classes",
)


@dataclass(frozen=True, kw_only=True)
class DeepSortConfig:
    """The life of tracks and what detections are good for; `published()` has the paper's values.

    Scores are expected in [0, 1]; `detectors.unit_scores` maps raw ones.

    Raises ValueError when a value is of another kind or outside its range.
    """

    confirm_after: int = 3  # consecutive frames before a track gets its id
    max_misses: int = 120  # frames a confirmed track survives unseen,
    leave_after: int = 2  # or so many, when last seen at the left or right edge of the picture
    min_score: float = 0.1  # detections below are not looked at,
    sure_score: float = 0.4  # those from here up compete for every track; others only continue one
    birth_score: float = 0.6  # and those from here up may begin a track,
    birth_overlap: float = 0.6  # unless this share of the smaller box lies on a person seen now
    remember_score: float = 0.6  # embeddings of less sure boxes are compared but not remembered,
    remember_cut: bool = False  # nor those of boxes that the picture's edge cuts,
    remember_hidden: float = 1.0  # nor when more than this share is behind a nearer box
    remember_people: int = 500  # who left, to give them their id back; 0: nobody
    reconsider: int = 0  # matches in which a new id may still turn out to be somebody known
    coasting_growth: float = 0.5  # of the size's velocity, kept in each frame a track is unseen
    common_shift: bool = True  # take what shifts all people alike for the camera's
    steady_boxes: bool = True  # report boxes without the shaking that this video's show, if any
    scale_noise_by_score: bool = True  # NSA: measurement variance times 1 - score
    match_across_classes: bool = True  # False: a track only matches detections of its class

    def __post_init__(self) -> None:
        for name in ("confirm_after", "max_misses", "leave_after", "remember_people", "reconsider"):
            value, low = getattr(self, name), int(name == "confirm_after")
            if not isinstance(value, Integral) or value < low:
                raise ValueError(f"{name} must be a whole number, at least {low}, got {value!r}")
        for name in ("min_score", "sure_score", "birth_score", "remember_score"):
            _require_number(name, getattr(self, name), -math.inf, math.inf)
        for name in ("birth_overlap", "remember_hidden", "coasting_growth"):
            _require_number(name, getattr(self, name), 0, 1)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")

    @classmethod
    def published(cls) -> "DeepSortConfig":
        """DeepSORT as published (Wojke et al. 2017): every detection counts the same."""
        return cls(
            max_misses=30,
            leave_after=30,
            min_score=-math.inf,
            sure_score=-math.inf,
            birth_score=-math.inf,
            birth_overlap=1.0,
            remember_score=-math.inf,
            remember_cut=True,
            remember_people=0,
            coasting_growth=1.0,
            common_shift=False,
            steady_boxes=False,
            scale_noise_by_score=False,
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DeepSortConfig":
        """A configuration from the fields that are named, e.g. read from JSON.

        Raises ValueError when a field does not exist or its value is refused.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ValueError(f"DeepSortConfig has no field {name!r}; it has {', '.join(known)}")
        return cls(**values)


def _require_number(name: str, value: Any, low: float, high: float) -> None:
    if not isinstance(value, Real) or math.isnan(value) or not low <= float(value) <= high:
        within = "" if math.isinf(high) else f" in [{low}, {high}]"
        raise ValueError(f"{name} must be a number{within}, got {value!r}")
