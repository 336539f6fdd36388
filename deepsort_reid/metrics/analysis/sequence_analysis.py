"""One sequence with all that can be said about it: what the report and the event list show."""

from dataclasses import dataclass

from deepsort_reid.metrics.analysis.events import Events, events
from deepsort_reid.metrics.analysis.reidentification import ReidAfterGapCounts, reid_after_gap
from deepsort_reid.metrics.analysis.switch_causes import causes_from_csv
from deepsort_reid.metrics.analysis.timeline import Timeline, timeline
from deepsort_reid.metrics.motmetrics_check import MotmetricsCheck, check_with_motmetrics
from deepsort_reid.metrics.protocol import ScoringRules
from deepsort_reid.metrics.scores import Scores, score
from deepsort_reid.metrics.sequences import SequenceFiles, load_sequence


@dataclass(frozen=True, eq=False)
class SequenceAnalysis:
    """One sequence, scored and explained."""

    pair: SequenceFiles
    protocol: str
    notes: tuple[str, ...]
    scores: Scores
    reid_after_gap: ReidAfterGapCounts
    events: Events
    timeline: Timeline
    check: MotmetricsCheck | None


@dataclass(frozen=True)
class AnalyzeSequence:
    """Read, score and explain one pair; an object, because it travels to other processes."""

    rules: ScoringRules
    check: bool = False  # beside motmetrics

    def __call__(self, pair: SequenceFiles) -> SequenceAnalysis:
        opened = load_sequence(pair, self.rules)
        comparison = opened.comparison
        found = events(comparison, opened.truth)
        # `benchmark --events` leaves its event list, with causes, beside its tracks.
        explained = pair.predicted.with_suffix(".events.csv")
        if explained.is_file():
            found = causes_from_csv(found, explained)
        return SequenceAnalysis(
            pair,
            opened.protocol,
            opened.notes,
            score(comparison),
            reid_after_gap(comparison),
            found,
            timeline(comparison),
            check_with_motmetrics(comparison) if self.check else None,
        )
