"""The numbers a tracker lives by."""

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

_SWITCHES = (
    "store_truncated",
    "common_motion_compensation",
    "smooth_boxes",
    "nsa_kalman",
    "class_agnostic",
)


@dataclass(frozen=True, kw_only=True)
class DeepSortConfig:
    """The life of tracks and what detections are good for; `published()` has the paper's values.

    Scores are expected in [0, 1]; `detectors.normalize_scores` maps raw ones.

    Raises ValueError when a value is of another kind or outside its range.
    """

    n_init: int = 3  # consecutive frames before a track gets its id
    max_age: int = 120  # frames a confirmed track survives unseen,
    max_age_at_border: int = (
        2  # or so many, when last seen at the left or right edge of the picture
    )
    min_score: float = 0.1  # detections below are not looked at,
    high_score_threshold: float = (
        0.4  # those from here up compete for every track; others only continue one
    )
    new_track_score: float = 0.6  # and those from here up may begin a track,
    max_new_track_overlap: float = (
        0.6  # unless this share of the smaller box lies on a person seen now
    )
    min_gallery_score: float = 0.6  # embeddings of less sure boxes are compared but not remembered,
    store_truncated: bool = False  # nor those of boxes that the picture's edge cuts,
    max_stored_occlusion: float = 1.0  # nor when more than this share is behind a nearer box
    identity_memory_size: int = 500  # who left, to give them their id back; 0: nobody
    id_correction_window: int = (
        0  # matches in which a new id may still turn out to be somebody known
    )
    coasting_size_velocity_decay: float = (
        0.5  # of the size's velocity, kept in each frame a track is unseen
    )
    common_motion_compensation: bool = True  # take what shifts all people alike for the camera's
    smooth_boxes: bool = True  # report boxes without the shaking that this video's show, if any
    nsa_kalman: bool = True  # NSA: measurement variance times 1 - score
    class_agnostic: bool = True  # False: a track only matches detections of its class

    def __post_init__(self) -> None:
        for name in (
            "n_init",
            "max_age",
            "max_age_at_border",
            "identity_memory_size",
            "id_correction_window",
        ):
            value, low = getattr(self, name), int(name == "n_init")
            if not isinstance(value, Integral) or value < low:
                raise ValueError(f"{name} must be a whole number, at least {low}, got {value!r}")
        for name in ("min_score", "high_score_threshold", "new_track_score", "min_gallery_score"):
            _require_number(name, getattr(self, name), -math.inf, math.inf)
        for name in (
            "max_new_track_overlap",
            "max_stored_occlusion",
            "coasting_size_velocity_decay",
        ):
            _require_number(name, getattr(self, name), 0, 1)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")

    @classmethod
    def published(cls) -> "DeepSortConfig":
        """DeepSORT as published (Wojke et al. 2017): every detection counts the same."""
        return cls(
            max_age=30,
            max_age_at_border=30,
            min_score=-math.inf,
            high_score_threshold=-math.inf,
            new_track_score=-math.inf,
            max_new_track_overlap=1.0,
            min_gallery_score=-math.inf,
            store_truncated=True,
            identity_memory_size=0,
            coasting_size_velocity_decay=1.0,
            common_motion_compensation=False,
            smooth_boxes=False,
            nsa_kalman=False,
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
