"""Track table: one row per live track, and the state machine of a track.

| state     | matched | hits reach `n_init` | misses exceed `max_age` | next state |
|-----------|---------|---------------------|-------------------------|------------|
| (new)     | yes     | no                  |                         | tentative  |
| (new)     | yes     | yes                 |                         | confirmed  |
| tentative | yes     | no                  |                         | tentative  |
| tentative | yes     | yes                 |                         | confirmed  |
| tentative | no      |                     |                         | deleted    |
| confirmed | yes     |                     |                         | confirmed  |
| confirmed | no      |                     | no                      | coasting   |
| confirmed | no      |                     | yes                     | deleted    |
| coasting  | yes     |                     |                         | confirmed  |
| coasting  | no      |                     | no                      | coasting   |
| coasting  | no      |                     | yes                     | deleted    |

`misses` counts the frames since the last match: it is 0 for a track matched in this frame, and a
track with `misses == max_age` is still alive. A track gets its id when it is confirmed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State, Tracks

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

DELETED = -1

# Plain numbers: to compare an array with a member of an enum takes five times as long.
_TENTATIVE, _CONFIRMED, _COASTING = map(int, (State.TENTATIVE, State.CONFIRMED, State.COASTING))
# Indexed by state, matched, limit reached. The limit is `n_init` hits for a matched track and
# `max_age` misses for an unmatched one.
_NEXT_STATE = np.array(
    [
        [[DELETED, DELETED], [_TENTATIVE, _CONFIRMED]],
        [[_COASTING, DELETED], [_CONFIRMED, _CONFIRMED]],
        [[_COASTING, DELETED], [_CONFIRMED, _CONFIRMED]],
    ],
    dtype=np.int64,
)


def next_state(
    state: Ints,
    matched: Flags,
    hits: Ints,
    misses: Ints,
    *,
    n_init: int,
    max_age: int | Ints,
) -> Ints:
    """States (N,) after a frame, by the table above; `hits` and `misses` (N,) include the frame.

    `max_age` is one number for all tracks, or (N,).
    """
    limit = np.where(matched, hits >= n_init, misses > max_age)
    return np.asarray(_NEXT_STATE.take(4 * state + 2 * matched + limit))


class TrackTable:
    """Columns of equal length N, one row per live track, oldest track first.

    Attributes:
        key: (N,) int64, running number of the track, from 1: unique over the life of the table
            and, unlike `id`, never changed.
        motion: (N, 5, 4) state of the Kalman filter (`kalman`).
        smoother_state: (N, 4, 4) state of the box smoother (`extras.box_smoothing`).
        xyxy: (N, 4) box of the last matched detection.
        score: (N,) score of the last matched detection.
        id: (N,) int64, 0 while tentative.
        person_id: (N,) int64, 0 while tentative (`extras.person_assignment`).
        first_time: (N,) time of the first match, in the unit of `Event.time`.
        state: (N,) int64, values of `State`.
        hits: (N,) int64, matched detections.
        age: (N,) int64, frames since the track started, the first one included.
        misses: (N,) int64, frames since the last match.
        detection: (N,) int64, row of the caller's detection matched in this frame, -1 for none.
        slot: (N,) int64, slot in the `GalleryStore`.
        votes: (N, C) sum of scores for each of the classes in `classes` (C,).
        classes: (C,) int64, classes with votes of live tracks, in the order of their first votes.
    """

    _GIVEN = (
        *("motion", "smoother_state", "xyxy", "score", "id"),
        *("state", "hits", "age", "misses", "detection", "slot"),
    )
    _COLUMNS = ("key", "person_id", "first_time", "votes", *_GIVEN)
    # Columns to which an update writes. It replaces the others before it writes to them.
    _WRITTEN = ("xyxy", "score", "id", "hits", "votes")

    def __init__(self) -> None:
        self.motion = np.empty((0, 5, 4))
        self.smoother_state = np.empty((0, 4, 4))
        self.xyxy = np.empty((0, 4))
        self.score = np.empty(0)
        self.votes = np.empty((0, 0))
        self.classes = np.empty(0, dtype=np.int64)
        ints = np.empty(0, dtype=np.int64)
        self.key, self.id, self.state, self.hits, self.age = ints, ints, ints, ints, ints
        self.person_id, self.first_time = ints, np.empty(0)
        self.misses, self.detection, self.slot = ints, ints, ints
        self._num_started = 0

    def __len__(self) -> int:
        return len(self.id)

    @property
    def is_tentative(self) -> Flags:
        """Tracks (N,) without an id so far."""
        return np.asarray(self.state == _TENTATIVE)

    @property
    def is_confirmed(self) -> Flags:
        """Tracks (N,) that are confirmed and were matched in the last frame."""
        return np.asarray(self.state == _CONFIRMED)

    @property
    def is_coasting(self) -> Flags:
        """Tracks (N,) that are confirmed, but were not matched in the last frame."""
        return np.asarray(self.state == _COASTING)

    def copy_written(self) -> None:
        """Begin an update: from now on, arrays that others hold are not written to."""
        for name in self._WRITTEN:
            setattr(self, name, getattr(self, name).copy())

    def append(self, **columns: Any) -> None:
        """Add rows. The columns listed in `_GIVEN` must be given."""
        n = len(columns["id"])
        columns["key"] = np.arange(self._num_started + 1, self._num_started + n + 1)
        columns["person_id"], columns["first_time"] = np.zeros(n, dtype=np.int64), np.zeros(n)
        columns["votes"] = np.zeros((n, len(self.classes)))
        for name in self._COLUMNS:
            setattr(self, name, np.concatenate([getattr(self, name), columns[name]]))
        self._num_started += n

    def keep(self, rows: Flags) -> None:
        """Delete every track whose entry in the mask (N,) is False, and classes without votes."""
        for name in self._COLUMNS:
            setattr(self, name, getattr(self, name)[rows])
        voted = self.votes.any(axis=0)
        if not voted.all():
            self.classes, self.votes = self.classes[voted], self.votes[:, voted]

    def select(self, rows: Rows) -> "TrackTable":
        """A table of copies of these rows (K,)."""
        selected = TrackTable()
        for name in self._COLUMNS:
            setattr(selected, name, getattr(self, name)[rows])
        selected.classes = self.classes
        return selected

    def start_frame(self, elapsed: int) -> None:
        """Age all tracks by `elapsed` frames and count these as missed until a track is matched."""
        self.age = self.age + elapsed
        self.misses = self.misses + elapsed
        self.detection = np.full(len(self), -1, dtype=np.int64)

    def record_match(self, rows: Rows, xyxy: Array, score: Array, detection: Rows) -> None:
        """Tracks `rows` (K,) are matched to the caller's detections (K,) with box and score."""
        self.xyxy[rows], self.score[rows] = xyxy, score
        self.detection[rows] = detection
        self.misses[rows] = 0
        self.hits[rows] += 1

    def update_state(self, unmatched: Rows, *, n_init: int, max_age: Ints) -> None:
        """Set the states after a frame, with the rows that were not matched and (N,) `max_age`."""
        matched = np.ones(len(self), dtype=bool)
        matched[unmatched] = False
        self.state = next_state(
            self.state, matched, self.hits, self.misses, n_init=n_init, max_age=max_age
        )

    def vote(self, rows: Rows, class_id: Ints, score: Array) -> None:
        """Add one vote for `class_id` (K,), weighted by `score` (K,), to each of the rows (K,)."""
        known = (class_id[:, None] == self.classes).any(axis=1)
        if np.count_nonzero(known) < len(known):
            new = np.unique(class_id[~known])
            self.classes = np.concatenate([self.classes, new])
            self.votes = np.concatenate([self.votes, np.zeros((len(self), len(new)))], axis=1)
        order = self.classes.argsort()
        column = order.take(self.classes.searchsorted(class_id, sorter=order))
        # Raw scores may be negative; any vote counts more than none.
        self.votes[rows, column] += np.maximum(score, 1e-3)

    def class_id(self) -> Ints:
        """Class (N,) with the most votes of each track; the earliest class on a tie."""
        if not len(self):
            return np.empty(0, dtype=np.int64)
        return np.asarray(self.classes.take(self.votes.argmax(axis=1)))

    def as_tracks(self, rows: Rows, *, xyxy: Array, filtered_xyxy: Array) -> Tracks:
        """The tracks of these rows (T,), with reported and filtered boxes (T, 4)."""
        return Tracks(
            id=self.id.take(rows),
            person_id=self.person_id.take(rows),
            xyxy=xyxy,
            filtered_xyxy=filtered_xyxy,
            score=self.score.take(rows),
            class_id=self.class_id().take(rows),
            detection=self.detection.take(rows),
            state=self.state.take(rows),
            age=self.age.take(rows),
            misses=self.misses.take(rows),
        )
