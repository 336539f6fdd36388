"""Timeline of a sequence: which track is matched to each ground-truth id in which frames."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.events import NO_ID, match_history
from deepsort_reid.metrics.comparison import Comparison

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Timeline:
    """S intervals of consecutive frames, ordered by ground-truth id and frame.

    In an interval the ground-truth id is present and matched to the same track, or to none.
    """

    truth_id: Ints  # (S,) of the files
    track_id: Ints  # (S,) of the files, -1 for no match
    first_frame: Ints  # (S,)
    last_frame: Ints  # (S,)


def timeline(comparison: Comparison) -> Timeline:
    """The intervals of all ground-truth ids of a sequence."""
    truth = comparison.truth
    history = match_history(comparison)
    track_id = np.full(len(truth), NO_ID, dtype=np.int64)
    track_id[history.truth_row] = comparison.predicted.ids[history.track_id]
    order = np.argsort(truth.id, kind="stable")
    truth_id, frame, track_id = truth.id[order], truth.frame[order], track_id[order]
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (
        (truth_id[1:] != truth_id[:-1])
        | (track_id[1:] != track_id[:-1])
        | (frame[1:] != frame[:-1] + 1)
    )
    ends = np.ones(len(order), dtype=np.bool_)
    ends[:-1] = begins[1:]
    return Timeline(truth.ids[truth_id[begins]], track_id[begins], frame[begins], frame[ends])
