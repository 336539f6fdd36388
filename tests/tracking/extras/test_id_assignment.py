"""Ids that may still change: who came in half and turns out to be known."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from tests.tracking.people import looks, standing

ANNA, BERT, CARL, SLIVER = looks(4)
AWAY = 130  # frames, more than a track waits


def returning(**config):
    """A tracker that saw ANNA and BERT, then BERT alone for so long that ANNA left."""
    tracker = DeepSort(DeepSortConfig(**config))
    for _ in range(30):
        tracker.update(Detections(standing(100, 300), embedding=[ANNA, BERT]))
    for _ in range(AWAY):
        tracker.update(Detections(standing(300), embedding=[BERT]))
    return tracker


def comes(tracker, *seen, left=500):
    """The ids beside BERT in each frame in which somebody is seen like this."""
    ids = []
    for look in seen:
        tracks = tracker.update(Detections(standing(300, left), embedding=[BERT, look]))
        ids.append(int(tracks.id_of_detection(2)[1]))
    return ids


def test_who_comes_in_half_keeps_a_new_id_when_nothing_is_reconsidered():
    ids = comes(returning(), *[SLIVER] * 3, *[ANNA] * 40)
    assert set(ids) == {-1, 3}


def test_who_comes_in_half_gets_the_old_id_back_when_whole():
    ids = comes(returning(id_correction_window=50), *[SLIVER] * 3, *[ANNA] * 40)
    assert ids[2] == 3
    assert ids[-1] == 1
    assert np.count_nonzero(np.diff(ids[2:])) == 1  # it changes once


def test_a_stranger_keeps_the_new_id():
    ids = comes(returning(id_correction_window=50), *[SLIVER] * 3, *[CARL] * 60)
    assert set(ids) == {-1, 3}


def test_after_so_many_matches_the_id_stays():
    late = comes(returning(id_correction_window=10), *[SLIVER] * 11, *[ANNA] * 60)
    assert set(late) == {-1, 3}


def test_an_id_that_was_given_away_is_not_given_again():
    tracker = returning(id_correction_window=50)
    comes(tracker, *[SLIVER] * 3, *[ANNA] * 40)
    for _ in range(4):
        people = Detections(standing(300, 500, 700), embedding=[BERT, ANNA, CARL])
        tracks = tracker.update(people)
    assert tracks.id_of_detection(3).tolist() == [2, 1, 4]


@pytest.mark.parametrize("id_correction_window", [0, 50])
def test_nobody_becomes_somebody_who_was_seen_at_the_same_time(id_correction_window):
    tracker = DeepSort(DeepSortConfig(id_correction_window=id_correction_window))
    frame = np.zeros((480, 640, 3), dtype=np.uint8)
    for _ in range(5):  # CARL looks like ANNA, but both are there
        tracker.update(Detections(standing(0, 300, 500), embedding=[ANNA, BERT, ANNA]), frame=frame)
    for _ in range(20):  # ANNA leaves at the edge
        tracks = tracker.update(Detections(standing(300, 500), embedding=[BERT, ANNA]), frame=frame)
    assert tracker.identity_memory.id.tolist() == [1]
    assert tracks.id_of_detection(2).tolist() == [2, 3]


def test_reset_forgets_who_may_still_be_renamed():
    tracker = returning(id_correction_window=50)
    comes(tracker, *[SLIVER] * 3)
    tracker.reset()
    assert comes(tracker, *[ANNA] * 20)[-1] == 2
