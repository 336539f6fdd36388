"""Analysis of one sequence: scores, errors and timeline, as shown in the report."""

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
    """The scores of one sequence and their explanation."""

    files: SequenceFiles
    protocol: str
    notes: tuple[str, ...]
    scores: Scores
    reid_after_gap: ReidAfterGapCounts
    events: Events
    timeline: Timeline
    check: MotmetricsCheck | None


@dataclass(frozen=True)
class AnalyzeSequence:
    """Reads and analyses one sequence. A class, not a closure, so that it can be pickled."""

    rules: ScoringRules
    check: bool = False  # also score with motmetrics

    def __call__(self, files: SequenceFiles) -> SequenceAnalysis:
        loaded = load_sequence(files, self.rules)
        comparison = loaded.comparison
        found = events(comparison, loaded.truth)
        # `benchmark --events` writes an event list with causes beside its tracks.
        event_list = files.predicted.with_suffix(".events.csv")
        if event_list.is_file():
            found = causes_from_csv(found, event_list)
        return SequenceAnalysis(
            files,
            loaded.protocol,
            loaded.notes,
            score(comparison),
            reid_after_gap(comparison),
            found,
            timeline(comparison),
            check_with_motmetrics(comparison) if self.check else None,
        )
