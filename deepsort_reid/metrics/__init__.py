"""How good are the tracks? HOTA, CLEAR and identity scores, and what went wrong."""

from deepsort_reid.metrics.analysis.block_counts import block_counts
from deepsort_reid.metrics.analysis.bootstrap import Difference, Interval, differences
from deepsort_reid.metrics.analysis.events import Cause, Events, Kind, events, events_csv
from deepsort_reid.metrics.analysis.reidentification import (
    GAPS,
    RecoveryCounts,
    recovery,
    recovery_table,
)
from deepsort_reid.metrics.analysis.switch_causes import (
    Record,
    TrackerRecord,
    attribute,
    causes_from_csv,
)
from deepsort_reid.metrics.clear import ClearCounts
from deepsort_reid.metrics.comparison import Comparison, compare_boxes
from deepsort_reid.metrics.hota import THRESHOLDS, HotaCounts
from deepsort_reid.metrics.identity import IdentityCounts
from deepsort_reid.metrics.protocol import Rules, choose_protocol, compare_scored
from deepsort_reid.metrics.report.tables import (
    COLUMNS,
    as_dict,
    csv_table,
    latex_table,
    text_table,
    with_combined,
)
from deepsort_reid.metrics.scores import BoxCounts, Scores, evaluate, score
from deepsort_reid.metrics.sequences import SequenceScores, evaluate_folders

__all__ = [
    "COLUMNS",
    "GAPS",
    "THRESHOLDS",
    "BoxCounts",
    "Cause",
    "ClearCounts",
    "Comparison",
    "Difference",
    "Events",
    "HotaCounts",
    "IdentityCounts",
    "Interval",
    "Kind",
    "Record",
    "RecoveryCounts",
    "Rules",
    "Scores",
    "SequenceScores",
    "TrackerRecord",
    "as_dict",
    "attribute",
    "block_counts",
    "causes_from_csv",
    "choose_protocol",
    "compare_boxes",
    "compare_scored",
    "csv_table",
    "differences",
    "evaluate",
    "evaluate_folders",
    "events",
    "events_csv",
    "latex_table",
    "recovery",
    "recovery_table",
    "score",
    "text_table",
    "with_combined",
]
