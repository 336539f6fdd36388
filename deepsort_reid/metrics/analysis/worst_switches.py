"""The identity switches that split the longest trajectories."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepsort_reid.metrics.analysis.events import EventKind
from deepsort_reid.metrics.analysis.sequence_analysis import SequenceAnalysis


@dataclass(frozen=True)
class WorstSwitch:
    """An identity switch and how long either track was matched. Ids are those of the files."""

    sequence: str
    frame: int  # of the first match with the new track
    truth_id: int
    old_track: int
    new_track: int
    gap: int  # frames without a match before it
    frames_before: int  # matched to the old track before the switch
    frames_after: int  # matched to the new track from the switch on


def worst_switches(analyses: Sequence[SequenceAnalysis], at_most: int) -> list[WorstSwitch]:
    """The `at_most` worst switches of all sequences, worst first.

    A switch is ranked by the number of frames matched to the old track before it or to the new
    track after it, whichever is smaller. A short exchange of ids costs less than a switch between
    two long segments.
    """
    ranked = []
    for analysis in analyses:
        intervals, switches = analysis.timeline, analysis.events.of_kind(EventKind.SWITCH)
        length = intervals.last_frame - intervals.first_frame + 1
        for i in range(len(switches)):
            switch = switches[i]
            same_gt = intervals.truth_id == switch.truth_id
            is_before = same_gt & (intervals.first_frame < switch.frame)
            is_after = same_gt & (intervals.first_frame >= switch.frame)
            before = length[is_before & (intervals.track_id == switch.old_track)].sum()
            after = length[is_after & (intervals.track_id == switch.new_track)].sum()
            values = (
                *(switch.frame, switch.truth_id, switch.old_track, switch.new_track, switch.gap),
                *(before, after),
            )
            ranked.append(WorstSwitch(analysis.files.name, *map(int, values)))
    cost = np.array([min(each.frames_before, each.frames_after) for each in ranked])
    return [ranked[i] for i in np.argsort(-cost, kind="stable")[:at_most]]
