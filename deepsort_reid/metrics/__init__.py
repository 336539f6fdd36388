"""How good are the tracks? HOTA, CLEAR and identity scores, and what went wrong."""

from deepsort_reid.metrics.clear import ClearCounts
from deepsort_reid.metrics.comparison import Comparison, compare_boxes
from deepsort_reid.metrics.hota import THRESHOLDS, HotaCounts
from deepsort_reid.metrics.identity import IdentityCounts
from deepsort_reid.metrics.protocol import apply_protocol, choose_protocol
from deepsort_reid.metrics.scores import BoxCounts, Scores, evaluate, score

__all__ = [
    "THRESHOLDS",
    "BoxCounts",
    "ClearCounts",
    "Comparison",
    "HotaCounts",
    "IdentityCounts",
    "Scores",
    "apply_protocol",
    "choose_protocol",
    "compare_boxes",
    "evaluate",
    "score",
]
