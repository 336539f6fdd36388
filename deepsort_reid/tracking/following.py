"""Which row of the live table is which from frame to frame, tentative tracks included.

An id is no name for a row: tentative tracks have none yet, and one may be corrected. But the table
is in the order of birth and rows keep their age, so rows are followed by when they were born, and
among those born together by their order and by where they are.
"""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking.assignment import assign

Whole = NDArray[np.int64]


class Follower:
    """Gives every row of `DeepSort.tracks` a key that stays its own for life, from 1."""

    def __init__(self) -> None:
        self.clock = 0  # frames as tracks count their age
        self._next = 1
        self._tracks = Tracks.empty()
        self._born = np.empty(0, dtype=np.int64)
        self._key = np.empty(0, dtype=np.int64)

    def follow(self, tracks: Tracks, dt: float = 1.0) -> Whole:
        """The keys (T,) of the table's rows, `dt` frames after the table before."""
        self.clock += max(1, round(dt))
        born = self.clock - tracks.age
        key = np.zeros(len(tracks), dtype=np.int64)
        for moment in np.unique(born):
            rows, before = np.flatnonzero(born == moment), np.flatnonzero(self._born == moment)
            if len(rows) == len(before):
                key[rows] = self._key[before]
            elif len(before):
                pairs = self._survivors(tracks[rows], self._tracks[before])
                key[rows[pairs[:, 1]]] = self._key[before[pairs[:, 0]]]
        new = np.flatnonzero(key == 0)
        key[new] = np.arange(self._next, self._next + len(new))
        self._next += len(new)
        self._tracks, self._born, self._key = tracks, born, key
        return key

    def _survivors(self, now: Tracks, before: Tracks) -> NDArray[np.intp]:
        """Who of those born together is who: pairs of rows before and now."""
        height = np.maximum(before.xyxy[:, 3] - before.xyxy[:, 1], 1)
        moved = (now.xyxy - before.xyxy[:, None]).reshape(len(before), len(now), 2, 2).mean(axis=2)
        cost = np.linalg.norm(moved, axis=2) / height[:, None]
        same_id = (before.id[:, None] == now.id) & (now.id > 0)
        return assign(np.where(same_id, -1.0, cost), 1e6).pairs
