"""Scores of tracking results: HOTA, CLEAR MOT and IDF1, with an analysis of the errors.

The scores equal those of TrackEval. `analysis` lists every error of a sequence and compares
trackers by bootstrap; `report` writes tables, CSV, LaTeX and an HTML page.
"""

from deepsort_reid.metrics.analysis import (
    GAP_BINS,
    ConfidenceInterval,
    EventKind,
    Events,
    MetricDifference,
    ReidAfterGapCounts,
    SwitchCause,
    TrackerRecord,
    attribute_switches,
    block_counts,
    bootstrap_differences,
    cause_of_rejection,
    causes_from_csv,
    events,
    events_csv,
    reid_after_gap,
    reid_after_gap_table,
)
from deepsort_reid.metrics.clear import ClearCounts
from deepsort_reid.metrics.comparison import Comparison, compare_boxes
from deepsort_reid.metrics.hota import THRESHOLDS, HotaCounts
from deepsort_reid.metrics.identity import IdentityCounts
from deepsort_reid.metrics.protocol import ScoringRules, choose_protocol, compare_under_rules
from deepsort_reid.metrics.report import (
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
    "GAP_BINS",
    "THRESHOLDS",
    "BoxCounts",
    "ClearCounts",
    "Comparison",
    "ConfidenceInterval",
    "EventKind",
    "Events",
    "HotaCounts",
    "IdentityCounts",
    "MetricDifference",
    "ReidAfterGapCounts",
    "Scores",
    "ScoringRules",
    "SequenceScores",
    "SwitchCause",
    "TrackerRecord",
    "as_dict",
    "attribute_switches",
    "block_counts",
    "bootstrap_differences",
    "cause_of_rejection",
    "causes_from_csv",
    "choose_protocol",
    "compare_boxes",
    "compare_under_rules",
    "csv_table",
    "evaluate",
    "evaluate_folders",
    "events",
    "events_csv",
    "latex_table",
    "reid_after_gap",
    "reid_after_gap_table",
    "score",
    "text_table",
    "with_combined",
]
