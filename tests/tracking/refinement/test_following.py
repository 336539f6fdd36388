"""Rows of the live table followed from frame to frame, without looking at ids."""

import numpy as np
import pytest

from deepsort_reid import State, Tracks
from deepsort_reid.tracking.following import Follower
from tests.tracking.people import TRACKERS, crowd, standing


def table(lefts, age, id=None):
    n = len(lefts)
    ids = np.zeros(n, dtype=np.int64) if id is None else np.array(id)
    whole = np.zeros(n, dtype=np.int64)
    state = np.where(ids > 0, State.CONFIRMED, State.TENTATIVE).astype(np.int64)
    xyxy = standing(*lefts)
    return Tracks(ids, xyxy, xyxy, np.ones(n), whole, np.arange(n), state, np.array(age), whole)


def test_rows_keep_their_keys_and_new_rows_get_new_ones():
    follower = Follower()
    assert follower.follow(table([0, 100], [1, 1])).tolist() == [1, 2]
    assert follower.follow(table([2, 102, 300], [2, 2, 1])).tolist() == [1, 2, 3]
    assert follower.follow(table([104, 302], [3, 2])).tolist() == [2, 3]
    assert follower.follow(table([], [])).tolist() == []
    assert follower.follow(table([104], [1])).tolist() == [4]


def test_of_two_born_together_the_one_that_stays_is_told_by_its_place():
    for stays in (0, 1):
        follower = Follower()
        follower.follow(table([0, 100], [1, 1]))
        assert follower.follow(table([[3, 96][stays]], [2])).tolist() == [stays + 1]


def test_and_by_its_id_where_it_has_one():
    follower = Follower()
    follower.follow(table([0, 100], [4, 4], id=[7, 8]))
    assert follower.follow(table([90], [5], id=[7])).tolist() == [1]


def test_an_id_that_is_corrected_changes_no_key():
    follower = Follower()
    follower.follow(table([0, 100], [9, 4], id=[1, 2]))
    assert follower.follow(table([101], [5], id=[1])).tolist() == [2]


def test_ages_that_step_by_more_than_one_frame_are_followed():
    follower = Follower()
    follower.follow(table([0], [1]), 3)
    assert follower.follow(table([2, 80], [4, 1]), 3).tolist() == [1, 2]
    assert follower.follow(table([4, 82], [5, 2]), 0.4).tolist() == [1, 2]


@pytest.mark.parametrize("name", TRACKERS)
def test_in_a_crowd_a_key_is_one_slot_of_one_birth_and_nothing_else(name):
    tracker, follower, slot_of = TRACKERS[name](), Follower(), {}
    for number, detections in enumerate(crowd(150, people=25), start=1):
        tracker.update(detections)
        keys = follower.follow(tracker.tracks)
        births = number - tracker.tracks.age
        for key, *slot in zip(
            keys.tolist(), tracker._table.slot.tolist(), births.tolist(), strict=True
        ):
            assert slot_of.setdefault(key, slot) == slot
    assert len({tuple(slot) for slot in slot_of.values()}) == len(slot_of) > 30
