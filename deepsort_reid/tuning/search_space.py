"""Settings that are tuned, and their ranges.

A setting is a field of `DeepSortConfig`, or of the association where its name begins so, such as
"association.motion.center_std_scale".
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from deepsort_reid.structures.detections import Detections
from deepsort_reid.tracking import DeepSort
from deepsort_reid.tracking.from_dict import with_field

# Settings by full name, in the order of the search space.
Settings = dict[str, float]


class Parameter(NamedTuple):
    """A setting and the range in which it is searched.

    Attributes:
        name: full name.
        low, high: the range.
        is_count: whole numbers, on a logarithmic scale where `high` is 30 or more.
    """

    name: str
    low: float
    high: float
    is_count: bool = False


# The default lies inside of each range. Switches are left out, and so is what the scores of a few
# sequences cannot tell.
_MOTION = (
    Parameter("n_init", 1, 6, is_count=True),
    Parameter("max_age", 15, 400, is_count=True),
    Parameter("max_age_at_border", 0, 20, is_count=True),
    Parameter("max_new_track_overlap", 0.3, 1.0),
    Parameter("coasting_size_velocity_decay", 0.0, 1.0),
    Parameter("association.min_llr_motion_only", 0.5, 6.0),
    Parameter("association.min_iou", 0.0, 0.3),
    Parameter("association.motion.center_std_scale", 0.4, 1.5),
    Parameter("association.motion.height_std_scale", 0.5, 2.0),
)
_SCORES = (
    Parameter("high_score_threshold", 0.1, 0.8),
    Parameter("new_track_score", 0.2, 0.95),
    Parameter("association.min_low_score_iou", 0.1, 0.7),
)
_EMBEDDINGS = (
    Parameter("association.min_llr", 0.0, 4.0),
    Parameter("association.appearance.llr_cap", 2.0, 12.0),
    Parameter("association.appearance.same_mean_long", 0.2, 0.8),
)


def search_space(detections: Sequence[Detections]) -> list[Parameter]:
    """The settings that matter for such detections.

    Scores that are all equal need no thresholds. Scores outside of 0..1, of detectors that report
    something else than a probability, are refused by no threshold below their lowest value: the
    thresholds are searched between quantiles of the scores.
    """
    scores = np.concatenate([np.empty(0), *(each.score for each in detections)])
    space = list(_MOTION)
    if len(scores) and scores.min() < scores.max():
        space += [_in_quantiles(each, scores) for each in _SCORES]
    if any(each.embedding is not None and len(each) for each in detections):
        space += _EMBEDDINGS
    return space


def default_settings(space: Sequence[Parameter]) -> Settings:
    """The values of `DeepSort()`, within the range of each parameter."""
    tracker = DeepSort()
    values = {}
    for each in space:
        root: Any = tracker if each.name.startswith("association.") else tracker.config
        for part in each.name.split("."):
            root = getattr(root, part)
        values[each.name] = min(max(root, each.low), each.high)
    return values


def as_config(settings: Settings) -> dict[str, Any]:
    """The settings as a dictionary for `tracker_parts` and configuration files."""
    config: dict[str, Any] = {}
    for name, value in settings.items():
        config = with_field(config, name, value)
    return config


def _in_quantiles(parameter: Parameter, scores: "np.typing.NDArray[np.float64]") -> Parameter:
    is_score = not parameter.name.startswith("association.")
    if not is_score or (scores.min() >= 0 and scores.max() <= 1):
        return parameter
    low, high = np.quantile(scores, [0.02, 0.9])
    return parameter._replace(low=float(low), high=float(high))
