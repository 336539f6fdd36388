"""Ids that the tracker corrects, and ids that are exchanged: a tracker on a script."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag, State, Tracks
from deepsort_reid.tracking.extras.identity_memory import Identities
from deepsort_reid.tracking.refinement.frame_buffer import moved, undone
from deepsort_reid.tracking.refinement.track_histories import Numbers
from tests.tracking.people import standing


class Scripted:
    """Says of each frame what it is told: rows of (id, left edge or None, age), None: coasting."""

    config = DeepSortConfig()

    def __init__(self, frames, last_id=0):
        self._frames = iter(frames)
        self.identities = Identities()
        self.identities.last_id = last_id

    def embed(self, detections, frame):
        return detections

    def update(self, detections, **extras):
        rows = next(self._frames)
        id, age = (np.array([row[k] for row in rows], dtype=np.int64) for k in (0, 2))
        seen = np.array([row[1] is not None for row in rows], dtype=bool)
        xyxy = standing(*(row[1] or 0 for row in rows))
        state = np.where(seen, State.CONFIRMED, State.COASTING)
        self.tracks = Tracks(
            id=id,
            xyxy=xyxy,
            filtered_xyxy=xyxy,
            score=np.ones(len(rows)),
            class_id=np.zeros(len(rows), dtype=np.int64),
            detection=np.where(seen, np.arange(len(rows)), -1),
            state=np.where(id > 0, state, State.TENTATIVE).astype(np.int64),
            age=age,
            misses=np.where(seen, 0, 1).astype(np.int64),
        )
        return self.tracks[state == State.CONFIRMED]


def left_ids(frames, lag=4, **settings):
    """The ids that leave of each frame, by their left edges: {left: id}."""
    late = FixedLag(Scripted(frames, **settings), lag)
    seen = [Detections(standing(*(row[1] or 0 for row in rows))) for rows in frames]
    left = [found for here in seen if (found := late.update(here)) is not None]
    return [
        {round(x): int(i) for i, x in zip(t.id, t.xyxy[:, 0], strict=True)}
        for _, t in [*left, *late.flush()]
    ]


def test_a_corrected_id_reaches_all_frames_that_are_held():
    # Person 1 leaves the table in frame 5; somebody at 300 is born in frame 4, is 2 in frame 6, and
    # turns out in frame 8 to be 1.
    gone = [[(1, 100, 1 + k)] for k in range(3)]
    young = [[(1, None, 4), (0, 300, 1)], [(0, 300, 2)], [(2, 300, 3)], [(2, 300, 4)]]
    known = [[(1, 300, 5 + k)] for k in range(4)]
    frames = gone + young + known
    assert left_ids(frames) == [{100: 1}] * 3 + [{300: 1}] * 8
    # With less lag, the frames that left are what they are.
    assert left_ids(frames, lag=2)[3:] == [{300: 2}] * 2 + [{300: 1}] * 6


def test_somebody_recognised_at_confirmation_has_the_old_id_from_the_first_frame_on():
    frames = [[(1, 100, 1 + k)] for k in range(3)] + [[], [(0, 400, 1)], [(0, 400, 2)]]
    frames += [[(1, 400, 3 + k)] for k in range(4)]
    assert left_ids(frames, lag=6)[4:] == [{400: 1}] * 6


def test_an_id_known_before_the_video_began_is_nobody_new():
    # 3 is known from another day; it must not be taken for the continuation of 8, who stood there.
    frames = [[(8, 100, 1 + k)] for k in range(4)] + [[(3, 100, 1 + k)] for k in range(4)]
    assert left_ids(frames, last_id=7)[3:] == [{100: 8}] + [{100: 3}] * 4


def test_the_last_one_at_a_place_is_linked_and_who_it_waited_for_gets_the_free_number():
    # 1 stands at 100, is lost in frame 7, and is there again as 2 from frame 8 on. The tracker
    # still waits for 1, and in frame 16 takes somebody far away for him.
    frames = [[(1, 100, 1 + k)] for k in range(6)] + [[(1, None, 7)]]
    frames += [[(1, None, 8 + k), (2, 100, 1 + k)] for k in range(8)]
    frames += [[(1, 700, 16 + k), (2, 100, 9 + k)] for k in range(4)]
    left = left_ids(frames)
    assert left[:15] == [{100: 1}] * 15
    assert left[15:] == [{100: 1, 700: 2}] * 4


@pytest.mark.parametrize(("missing", "filled"), [(30, True), (31, False)])
def test_a_gap_of_more_than_thirty_frames_is_not_filled_however_long_the_lag(missing, filled):
    places = [100] * 10 + [None] * missing + [100] * 10
    frames = [[(1, place, age)] for age, place in enumerate(places, start=1)]
    gap = [{100: 1} if filled else {}] * missing
    assert left_ids(frames, lag=60) == [{100: 1}] * 10 + gap + [{100: 1}] * 10


def test_numbers_are_exchanged_and_never_given_twice():
    rng, numbers = np.random.default_rng(0), Numbers()
    for _ in range(100):
        numbers.exchange(*rng.integers(1, 20, 2).tolist())
        assert sorted(numbers.of(id) for id in range(1, 20)) == list(range(1, 20))
    kept = {id: numbers.of(id) for id in (3, 5, 8)}
    numbers.keep({3, 5, 8})
    assert {id: numbers.of(id) for id in (3, 5, 8)} == kept
    assert len(numbers) <= 6
    numbers.keep(set())
    assert len(numbers) == 0


def test_a_camera_motion_undone_leads_back():
    warp = np.array([[0.0, -2.0, 10.0], [2.0, 0.0, 5.0]])  # a quarter turn, twice the size
    there = moved(standing(10), np.vstack([warp, [0, 0, 1]]))
    centre, size = [-2 * 125 + 10, 2 * 20 + 5], [40, 100]
    expected = np.concatenate(
        [np.subtract(centre, size_half(size)), np.add(centre, size_half(size))]
    )
    np.testing.assert_allclose(there[0], expected)
    np.testing.assert_allclose(moved(there, undone(warp)), standing(10))
    np.testing.assert_array_equal(undone(None), np.eye(3))


def size_half(size):
    return np.array(size) / 2


@pytest.mark.data
@pytest.mark.parametrize("detector", ["public", "yolox"])
def test_on_a_real_street_the_corrected_stream_is_at_least_as_good(data_root, detector):
    from benchmarks.lib import inputs
    from benchmarks.refinement import run_fixed_lag
    from deepsort_reid.metrics import evaluate

    given = inputs.load(f"TUD-Campus-{detector}", data_root)
    online, _ = run_fixed_lag(given, FixedLag(DeepSort(), 0))
    late, _ = run_fixed_lag(given, FixedLag(DeepSort(), 30))
    for frame in range(1, given.length + 1):
        here = late.id[late.frame == frame]
        assert len(np.unique(here)) == len(here)
    before, after = (evaluate(given.truth, r, protocol=given.protocol) for r in (online, late))
    assert after.hota.hota.mean() >= before.hota.hota.mean()
    assert after.identity.idf1 >= before.identity.idf1
