"""Tracker configuration."""

import math
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

from deepsort_reid.structures.numbers import as_float

_COUNTS = (
    "n_init",
    "max_age",
    "max_age_at_border",
    "embedding_interval",
)
_SCORES = ("min_score", "high_score_threshold", "new_track_score", "min_gallery_score")
_RATIOS = ("max_new_track_overlap", "max_stored_occlusion", "coasting_size_velocity_decay")
_SWITCHES = (
    "store_truncated",
    "reuse_ids",
    "common_motion_compensation",
    "smooth_boxes",
    "nsa_kalman",
    "class_agnostic",
)
# Of frames, matches and identities: ages up to it are int64 in the track table.
_MAX_COUNT = 10**9


@dataclass(frozen=True, kw_only=True)
class DeepSortConfig:
    """Tracker configuration; `DeepSortConfig.published()` has the values of the paper.

    Scores are expected in [0, 1]; `vision.detectors.normalize_scores` maps raw ones.

    Numbers of frames, matches and identities are at most 10**9.

    Attributes:
        n_init: consecutive matches after which a track is confirmed and gets its id.
        max_age: frames that a confirmed track survives without a match.
        max_age_at_border: the same for a track whose last box touches the left or right image
            border; never more than `max_age`.
        min_score: detections with a lower score are not used.
        high_score_threshold: detections with at least this score may be matched to every track.
            The others are matched by IoU, and only continue a track of the previous frame.
        new_track_score: minimum score of a detection that starts a track.
        max_new_track_overlap: a detection starts no track when more than this share of the smaller
            box overlaps a track matched in this frame.
        min_gallery_score: minimum score of a detection whose embedding is stored.
        store_truncated: whether embeddings of boxes at the left or right image border are stored.
        max_stored_occlusion: maximum occlusion ratio, by a nearer box, of a stored detection.
        reuse_ids: whether a track takes over the id of an ended one, once, at confirmation, where
            the registry says clearly that it is the same person, who did not leave the view.
        embedding_interval: updates after which the embedder is called for all detections again. In
            between, it is called only for those that may change a decision (`frame_embedding`). 1:
            always for all.
        coasting_size_velocity_decay: factor per frame of the size's velocity while a track has no
            match.
        common_motion_compensation: estimate the motion that all tracks share and attribute it to
            the camera.
        smooth_boxes: remove detector noise, as measured in this video, from the reported boxes.
        nsa_kalman: multiply the measurement variance by 1 - score (NSA Kalman filter, Du et al.
            2022).
        class_agnostic: match regardless of the class; False: a track is matched only to detections
            of its class.

    Raises ValueError when a value has the wrong type or is outside its range.
    """

    n_init: int = 3
    max_age: int = 120
    max_age_at_border: int = 2
    min_score: float = 0.1
    high_score_threshold: float = 0.4
    new_track_score: float = 0.6
    max_new_track_overlap: float = 0.6
    min_gallery_score: float = 0.6
    store_truncated: bool = False
    max_stored_occlusion: float = 1.0
    reuse_ids: bool = True
    embedding_interval: int = 1
    coasting_size_velocity_decay: float = 0.5
    common_motion_compensation: bool = True
    smooth_boxes: bool = True
    nsa_kalman: bool = True
    class_agnostic: bool = True

    def __post_init__(self) -> None:
        for name in _COUNTS:
            value, low = getattr(self, name), int(name in ("n_init", "embedding_interval"))
            if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
                raise ValueError(
                    f"{name} must be a whole number, at least {low}, got {value!r:.80}"
                )
            if int(value) > _MAX_COUNT:
                raise ValueError(
                    f"{name} must be a whole number, at most {_MAX_COUNT}, got {value!r:.80}"
                )
        for name in _SCORES:
            _require_number(name, getattr(self, name), -math.inf, math.inf)
        for name in _RATIOS:
            _require_number(name, getattr(self, name), 0, 1)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r:.80}")

    @classmethod
    def published(cls) -> "DeepSortConfig":
        """DeepSORT as published (Wojke et al. 2017): no use of scores, no extras."""
        return cls(
            max_age=30,
            max_age_at_border=30,
            min_score=-math.inf,
            high_score_threshold=-math.inf,
            new_track_score=-math.inf,
            max_new_track_overlap=1.0,
            min_gallery_score=-math.inf,
            store_truncated=True,
            reuse_ids=False,
            coasting_size_velocity_decay=1.0,
            common_motion_compensation=False,
            smooth_boxes=False,
            nsa_kalman=False,
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DeepSortConfig":
        """A configuration from a dictionary, e.g. read from JSON; missing fields have defaults.

        Raises ValueError when a field does not exist or its value is refused.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ValueError(f"DeepSortConfig has no field {name!r}; it has {', '.join(known)}")
        return cls(**values)


def checked_config(config: DeepSortConfig | None) -> DeepSortConfig:
    """The configuration, the default one for None; ValueError when it is something else."""
    if not isinstance(config, DeepSortConfig | None):
        raise ValueError(
            f"config must be a DeepSortConfig, got {type(config).__name__}; "
            "pass everything else by name: DeepSort(embedder=...)"
        )
    return config or DeepSortConfig()


def _require_number(name: str, value: Any, low: float, high: float) -> None:
    number = as_float(value)
    if not low <= number <= high:  # also refuses NaN
        within = "" if math.isinf(high) else f" in [{low}, {high}]"
        raise ValueError(f"{name} must be a number{within}, got {value!r:.80}")
