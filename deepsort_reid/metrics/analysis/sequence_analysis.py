"""One sequence with all that can be said about it: what the report and the event list show."""

from dataclasses import dataclass

from deepsort_reid.metrics.analysis.events import Events, events
from deepsort_reid.metrics.analysis.reidentification import RecoveryCounts, recovery
from deepsort_reid.metrics.analysis.switch_causes import causes_from_csv
from deepsort_reid.metrics.analysis.timeline import Timeline, timeline
from deepsort_reid.metrics.motmetrics_check import Check, check_with_motmetrics
from deepsort_reid.metrics.protocol import Rules
from deepsort_reid.metrics.scores import Scores, score
from deepsort_reid.metrics.sequences import Pair, open_pair


@dataclass(frozen=True, eq=False)
class Analysis:
    """One sequence, scored and explained."""

    pair: Pair
    protocol: str
    notes: tuple[str, ...]
    scores: Scores
    recovery: RecoveryCounts
    events: Events
    timeline: Timeline
    check: Check | None


@dataclass(frozen=True)
class Analysed:
    """Read, score and explain one pair; an object, because it travels to other processes."""

    rules: Rules
    check: bool = False  # beside motmetrics

    def __call__(self, pair: Pair) -> Analysis:
        opened = open_pair(pair, self.rules)
        comparison = opened.comparison
        found = events(comparison, opened.truth)
        # `benchmark --events` leaves its event list, with causes, beside its tracks.
        explained = pair.predicted.with_suffix(".events.csv")
        if explained.is_file():
            found = causes_from_csv(found, explained)
        return Analysis(
            pair,
            opened.protocol,
            opened.notes,
            score(comparison),
            recovery(comparison),
            found,
            timeline(comparison),
            check_with_motmetrics(comparison) if self.check else None,
        )
