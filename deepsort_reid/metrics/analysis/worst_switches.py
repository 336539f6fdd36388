"""Which switches hurt most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepsort_reid.metrics.analysis.events import EventKind
from deepsort_reid.metrics.analysis.sequence_analysis import SequenceAnalysis


@dataclass(frozen=True)
class WorstSwitch:
    """A switch, and for how long the person had either track. Ids are those of the files."""

    sequence: str
    frame: int  # of the first match with the new track
    person: int
    old_track: int
    new_track: int
    gap: int  # frames without a match before it
    frames_before: int  # that the person had the old track until then
    frames_after: int  # that the person had the new track from then on


def worst_switches(found: Sequence[SequenceAnalysis], at_most: int) -> list[WorstSwitch]:
    """The switches that tear most frames of a person apart, worst first.

    A switch between two long segments costs more than a flicker: it is ranked by the shorter of the
    times that the person had the old track before it and the new track after it.
    """
    every = []
    for each in found:
        spells, switches = each.timeline, each.events.of_kind(EventKind.SWITCH)
        length = spells.last - spells.first + 1
        for row in range(len(switches)):
            at = switches[row]
            own = spells.person == at.truth_id
            earlier, later = spells.first < at.frame, spells.first >= at.frame
            before = length[own & earlier & (spells.track == at.old_track)].sum()
            after = length[own & later & (spells.track == at.new_track)].sum()
            numbers = (at.frame, at.truth_id, at.old_track, at.new_track, at.gap, before, after)
            every.append(WorstSwitch(each.pair.name, *map(int, numbers)))
    cost = np.array([min(each.frames_before, each.frames_after) for each in every])
    return [every[place] for place in np.argsort(-cost, kind="stable")[:at_most]]
