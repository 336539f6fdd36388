"""One row per track, and the truth table of its life.

Every per-track array lives here: one `append` and one `keep` move them all.

| state     | matched | hits reach `n_init` | misses exceed `max_age` | becomes   |
|-----------|---------|----------------------------|----------------------------|-----------|
| (birth)   | yes     | no                         |                            | tentative |
| (birth)   | yes     | yes                        |                            | confirmed |
| tentative | yes     | no                         |                            | tentative |
| tentative | yes     | yes                        |                            | confirmed |
| tentative | no      |                            |                            | gone      |
| confirmed | yes     |                            |                            | confirmed |
| confirmed | no      |                            | no                         | coasting  |
| confirmed | no      |                            | yes                        | gone      |
| coasting  | yes     |                            |                            | confirmed |
| coasting  | no      |                            | no                         | coasting  |
| coasting  | no      |                            | yes                        | gone      |

`misses` counts the frames since the last match: a track that was matched in this frame has 0, and
one with `misses == max_age` is still alive. An id is given on becoming confirmed, never before.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking.extras import box_smoothing

GONE = -1

_TENTATIVE, _CONFIRMED, _COASTING = State.TENTATIVE, State.CONFIRMED, State.COASTING
# Indexed by state, matched, limit reached; the limit is `n_init` hits for a matched track
# and `max_age` misses for an unmatched one.
_NEXT = np.array(
    [
        [[GONE, GONE], [_TENTATIVE, _CONFIRMED]],
        [[_COASTING, GONE], [_CONFIRMED, _CONFIRMED]],
        [[_COASTING, GONE], [_CONFIRMED, _CONFIRMED]],
    ],
    dtype=np.int64,
)


def next_state(
    state: NDArray[np.int64],
    matched: NDArray[np.bool_],
    hits: NDArray[np.int64],
    misses: NDArray[np.int64],
    *,
    n_init: int,
    max_age: int | NDArray[np.int64],
) -> NDArray[np.int64]:
    """The truth table above for N tracks at once; `hits` and `misses` count this frame already.

    `max_age` is one for all, or (N,).
    """
    limit = np.where(matched, hits >= n_init, misses > max_age)
    return np.asarray(_NEXT[state, matched.astype(np.intp), limit.astype(np.intp)])


class TrackTable:
    """Columns of equal length, one row per live track, in the order of birth.

    Columns: `key` (N,) int64, the running number of the track's birth, from 1: unique over the
    life of the table and never changed, unlike `id`; `motion` (N, 5, 4); `calm` (N, 4, 4) state
    of `box_smoothing`; `xyxy` (N, 4) the last matched box; `id`, `state`, `hits` (in a row while
    tentative), `age`, `misses`, `detection`, `slot` (N,) int64; `score` (N,); `renamable` (N,)
    whether the id may still change;
    `votes` (N, C) score-weighted votes for each class in `classes` (C,).
    """

    _WHOLE = ("id", "state", "hits", "age", "misses", "detection", "slot")

    def __init__(self) -> None:
        self.key = np.empty(0, dtype=np.int64)
        self._num_births = 0
        self.motion = np.empty((0, 5, 4))
        self.calm = np.empty((0, 4, 4))
        self.xyxy = np.empty((0, 4))
        self.score = np.empty(0)
        self.votes = np.empty((0, 0))
        self.classes = np.empty(0, dtype=np.int64)
        whole = np.empty(0, dtype=np.int64)
        self.id, self.state, self.hits, self.age = whole, whole, whole, whole
        self.misses, self.detection, self.slot = whole, whole, whole
        self.renamable = np.empty(0, dtype=bool)

    def __len__(self) -> int:
        return len(self.id)

    def append(self, **columns: Any) -> None:
        """Add rows; every column but `key`, `calm`, `votes` and `renamable` must be given."""
        n = len(columns["id"])
        births = np.arange(self._num_births + 1, self._num_births + n + 1)
        self.key = np.concatenate([self.key, births])
        self._num_births += n
        self.calm = np.concatenate([self.calm, box_smoothing.begin(columns["xyxy"])])
        for name in ("motion", "xyxy", "score", *self._WHOLE):
            setattr(self, name, np.concatenate([getattr(self, name), columns[name]]))
        self.votes = np.concatenate([self.votes, np.zeros((n, len(self.classes)))])
        self.renamable = np.concatenate([self.renamable, np.zeros(n, dtype=bool)])

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Drop every track whose mask (N,) is not set."""
        for name in (
            "key",
            "motion",
            "calm",
            "xyxy",
            "score",
            "votes",
            "renamable",
            *self._WHOLE,
        ):
            setattr(self, name, getattr(self, name)[rows])

    def vote(
        self,
        rows: NDArray[np.intp],
        class_id: NDArray[np.int64],
        score: NDArray[np.float64],
    ) -> None:
        """Count one vote for `class_id` (K,), weighing `score` (K,), for each of the rows (K,)."""
        known = (class_id[:, None] == self.classes).any(axis=1)
        if not known.all():
            unheard = np.unique(class_id[~known])
            self.classes = np.concatenate([self.classes, unheard])
            self.votes = np.concatenate([self.votes, np.zeros((len(self), len(unheard)))], axis=1)
        order = np.argsort(self.classes)
        column = order[np.searchsorted(self.classes, class_id, sorter=order)]
        # Raw scores may be negative; any vote is still better than none.
        self.votes[rows, column] += np.maximum(score, 1e-3)

    def class_id(self) -> NDArray[np.int64]:
        """The winning class (N,) of each track; on a tie the class that was seen first."""
        if not len(self):
            return np.empty(0, dtype=np.int64)
        return np.asarray(self.classes[self.votes.argmax(axis=1)])
