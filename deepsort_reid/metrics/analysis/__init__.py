"""Error analysis of scored sequences: events, causes of switches, gaps, bootstrap intervals."""

from deepsort_reid.metrics.analysis.block_counts import STATISTICS, ScoreBlocks, block_counts
from deepsort_reid.metrics.analysis.bootstrap import (
    ConfidenceInterval,
    MetricDifference,
    bootstrap_differences,
)
from deepsort_reid.metrics.analysis.events import (
    EventKind,
    Events,
    SwitchCause,
    events,
    events_csv,
)
from deepsort_reid.metrics.analysis.reidentification import (
    GAP_BINS,
    ReidAfterGapCounts,
    reid_after_gap,
    reid_after_gap_table,
)
from deepsort_reid.metrics.analysis.sequence_analysis import AnalyzeSequence, SequenceAnalysis
from deepsort_reid.metrics.analysis.switch_causes import (
    TrackerRecord,
    attribute_switches,
    cause_of_rejection,
    causes_from_csv,
)
from deepsort_reid.metrics.analysis.timeline import Timeline, timeline
from deepsort_reid.metrics.analysis.worst_switches import WorstSwitch, worst_switches

__all__ = [
    "GAP_BINS",
    "STATISTICS",
    "AnalyzeSequence",
    "ConfidenceInterval",
    "EventKind",
    "Events",
    "MetricDifference",
    "ReidAfterGapCounts",
    "ScoreBlocks",
    "SequenceAnalysis",
    "SwitchCause",
    "Timeline",
    "TrackerRecord",
    "WorstSwitch",
    "attribute_switches",
    "block_counts",
    "bootstrap_differences",
    "cause_of_rejection",
    "causes_from_csv",
    "events",
    "events_csv",
    "reid_after_gap",
    "reid_after_gap_table",
    "timeline",
    "worst_switches",
]
