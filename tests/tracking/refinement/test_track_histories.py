"""Corrected, merged and swapped ids: a FixedLag over a tracker whose tables are scripted."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, Detections, FixedLag, State, Tracks
from deepsort_reid.tracking.track_table import TrackTable
from tests.tracking.scenarios import boxes_at


class ScriptedTracker(DeepSort):
    """A tracker that returns given tables: rows of (id, left edge or None, age) for each frame.

    A left edge of None is a coasting track. The key of a row is its birth and its position among
    the rows born in that frame.
    """

    table = last_detections = None  # set by `update`

    def __init__(self, frames, last_id=0):
        super().__init__()
        self._id_assigner.last_id = last_id
        self._frames = enumerate(frames)
        self._keys = {}

    def update(self, detections, **arguments):
        number, rows = next(self._frames)
        id, age = (np.array([row[k] for row in rows], dtype=np.int64) for k in (0, 2))
        matched = np.array([row[1] is not None for row in rows], dtype=bool)
        xyxy = boxes_at(*(row[1] or 0 for row in rows))
        state = np.where(matched, State.CONFIRMED, State.COASTING)
        births = (number - age).tolist()
        names = [(birth, births[:row].count(birth)) for row, birth in enumerate(births)]
        keys = [self._keys.setdefault(name, len(self._keys) + 1) for name in names]
        self.last_detections = detections
        tracks = Tracks(
            id=id,
            person_id=id,
            xyxy=xyxy,
            filtered_xyxy=xyxy,
            score=np.ones(len(rows)),
            class_id=np.zeros(len(rows), dtype=np.int64),
            detection=np.where(matched, np.arange(len(rows)), -1),
            state=np.where(id > 0, state, State.TENTATIVE).astype(np.int64),
            age=age,
            misses=np.where(matched, 0, 1).astype(np.int64),
        )
        self.table = TrackTable()
        for name in ("id", "person_id", "score", "detection", "age"):
            setattr(self.table, name, getattr(tracks, name))
        self.table.key = np.array(keys, dtype=np.int64)
        self.table.classes, self.table.votes = np.zeros(1, np.int64), np.ones((len(rows), 1))
        return tracks[state == State.CONFIRMED]


def emitted_ids(frames, lag=4, **arguments):
    """The emitted ids of each frame by the left edges of the boxes: {left edge: id}."""
    fixed_lag = FixedLag(ScriptedTracker(frames, **arguments), lag)
    detections = [Detections(boxes_at(*(row[1] or 0 for row in rows))) for rows in frames]
    emitted = [lagged for given in detections if (lagged := fixed_lag.update(given)) is not None]
    return [
        {round(x): int(i) for i, x in zip(t.id, t.xyxy[:, 0], strict=True)}
        for _, t in [*emitted, *fixed_lag.flush()]
    ]


def test_corrected_id_is_applied_to_all_buffered_frames():
    # Track 1 leaves the table in frame 5. A track at 300 is born in frame 4, gets the id 2 in
    # frame 6, and is corrected to 1 in frame 8.
    ended = [[(1, 100, 1 + k)] for k in range(3)]
    begun = [[(1, None, 4), (0, 300, 1)], [(0, 300, 2)], [(2, 300, 3)], [(2, 300, 4)]]
    corrected = [[(1, 300, 5 + k)] for k in range(4)]
    frames = ended + begun + corrected
    assert emitted_ids(frames) == [{100: 1}] * 3 + [{300: 1}] * 8
    # With a shorter lag, frames that have been emitted keep the first id.
    assert emitted_ids(frames, lag=2)[3:] == [{300: 2}] * 2 + [{300: 1}] * 6


def test_track_reidentified_at_confirmation_has_the_old_id_from_its_first_frame_on():
    frames = [[(1, 100, 1 + k)] for k in range(3)] + [[], [(0, 400, 1)], [(0, 400, 2)]]
    frames += [[(1, 400, 3 + k)] for k in range(4)]
    assert emitted_ids(frames, lag=6)[4:] == [{400: 1}] * 6


def test_person_who_was_elsewhere_in_between_is_at_one_position_in_each_frame():
    # Person 1 stands at 100, then at 700, then at 100 again: three tracks of one id. The third one
    # must not be merged into the first, or the gap between them would be filled at 100.
    frames = [[(1, 100, 1 + k)] for k in range(5)]
    frames += [[(0, 700, 1)], [(0, 700, 2)]] + [[(1, 700, 3 + k)] for k in range(4)]
    frames += [[(0, 100, 1)], [(0, 100, 2)]] + [[(1, 100, 3 + k)] for k in range(4)]
    assert emitted_ids(frames, lag=30) == [{100: 1}] * 5 + [{700: 1}] * 6 + [{100: 1}] * 6


def test_track_with_an_id_from_before_the_video_is_not_linked():
    # Person 3 was known before the video. It must not be linked to track 8 at the same position.
    frames = [[(8, 100, 1 + k)] for k in range(4)] + [[(3, 100, 1 + k)] for k in range(4)]
    assert emitted_ids(frames, last_id=7)[3:] == [{100: 8}] + [{100: 3}] * 4


def test_linked_track_keeps_its_id_when_the_tracker_finds_the_ended_track_elsewhere():
    # Track 1 stands at 100, is lost in frame 7, and continues as track 2 from frame 8 on. The
    # tracker keeps track 1 coasting, and matches it in frame 16 to a person far away.
    frames = [[(1, 100, 1 + k)] for k in range(6)] + [[(1, None, 7)]]
    frames += [[(1, None, 8 + k), (2, 100, 1 + k)] for k in range(8)]
    frames += [[(1, 700, 16 + k), (2, 100, 9 + k)] for k in range(4)]
    ids = emitted_ids(frames)
    assert ids[:15] == [{100: 1}] * 15
    assert ids[15:] == [{100: 1, 700: 2}] * 4


@pytest.mark.parametrize(("missing", "is_filled"), [(30, True), (31, False)])
def test_gap_of_more_than_thirty_frames_is_not_filled_whatever_the_lag(missing, is_filled):
    lefts = [100] * 10 + [None] * missing + [100] * 10
    frames = [[(1, left, age)] for age, left in enumerate(lefts, start=1)]
    gap = [{100: 1} if is_filled else {}] * missing
    assert emitted_ids(frames, lag=60) == [{100: 1}] * 10 + gap + [{100: 1}] * 10
