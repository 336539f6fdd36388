"""Who was matched by which track, when: the rows of the timeline picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.events import NO_ID, match_history
from deepsort_reid.metrics.comparison import Comparison

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Timeline:
    """S spells, ordered by person and frame: frames on end in which nothing changes for somebody.

    A person who is not in the truth has no spell; one whom no track matches has one with track -1.
    """

    person: Ints  # (S,) truth id
    track: Ints  # (S,) predicted id
    first: Ints  # (S,) frame
    last: Ints  # (S,) frame


def timeline(comparison: Comparison) -> Timeline:
    """The spells of everybody in the truth."""
    truth = comparison.truth
    matched = match_history(comparison)
    track = np.full(len(truth), NO_ID, dtype=np.int64)
    track[matched.row] = comparison.predicted.ids[matched.track]
    order = np.argsort(truth.id, kind="stable")
    person, frame, track = truth.id[order], truth.frame[order], track[order]
    same = (person[1:] == person[:-1]) & (track[1:] == track[:-1]) & (frame[1:] == frame[:-1] + 1)
    begins = np.append(np.ones(min(1, len(person)), dtype=np.bool_), ~same)
    ends = np.append(begins[1:], np.ones(min(1, len(person)), dtype=np.bool_))
    return Timeline(truth.ids[person[begins]], track[begins], frame[begins], frame[ends])
