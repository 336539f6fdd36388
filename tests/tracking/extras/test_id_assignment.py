"""Id assignment: ids of returning people, and corrections within the window."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from tests.tracking.scenarios import boxes_at, orthogonal_embeddings

ANNA, BERT, CARL, TRUNCATED = orthogonal_embeddings(4)
AWAY = 130  # frames, more than max_age


def tracker_after_absence(**config):
    """A tracker after frames of ANNA and BERT, then of BERT alone until the track of ANNA ended."""
    tracker = DeepSort(DeepSortConfig(**config))
    for _ in range(30):
        tracker.update(Detections(boxes_at(100, 300), embedding=[ANNA, BERT]))
    for _ in range(AWAY):
        tracker.update(Detections(boxes_at(300), embedding=[BERT]))
    return tracker


def ids_of_newcomer(tracker, *embeddings, left=500):
    """Id of a second person with these embeddings, in each frame."""
    ids = []
    for embedding in embeddings:
        tracks = tracker.update(Detections(boxes_at(300, left), embedding=[BERT, embedding]))
        ids.append(int(tracks.id_of_detection(2)[1]))
    return ids


def test_without_correction_window_the_new_id_is_kept():
    ids = ids_of_newcomer(tracker_after_absence(), *[TRUNCATED] * 3, *[ANNA] * 40)
    assert set(ids) == {-1, 3}


def test_id_is_corrected_once_the_embeddings_are_clear():
    ids = ids_of_newcomer(
        tracker_after_absence(id_correction_window=50), *[TRUNCATED] * 3, *[ANNA] * 40
    )
    assert ids[2] == 3
    assert ids[-1] == 1
    assert np.count_nonzero(np.diff(ids[2:])) == 1  # one correction


def test_unknown_person_keeps_the_new_id():
    ids = ids_of_newcomer(
        tracker_after_absence(id_correction_window=50), *[TRUNCATED] * 3, *[CARL] * 60
    )
    assert set(ids) == {-1, 3}


def test_id_is_not_corrected_after_the_window():
    late = ids_of_newcomer(
        tracker_after_absence(id_correction_window=10), *[TRUNCATED] * 11, *[ANNA] * 60
    )
    assert set(late) == {-1, 3}


def test_corrected_id_is_not_assigned_again():
    tracker = tracker_after_absence(id_correction_window=50)
    ids_of_newcomer(tracker, *[TRUNCATED] * 3, *[ANNA] * 40)
    for _ in range(4):
        people = Detections(boxes_at(300, 500, 700), embedding=[BERT, ANNA, CARL])
        tracks = tracker.update(people)
    assert tracks.id_of_detection(3).tolist() == [2, 1, 4]


@pytest.mark.parametrize("id_correction_window", [0, 50])
def test_tracks_seen_in_the_same_frame_are_different_identities(id_correction_window):
    tracker = DeepSort(DeepSortConfig(id_correction_window=id_correction_window))
    frame = np.zeros((480, 640, 3), dtype=np.uint8)
    for _ in range(5):  # two people with the embedding of ANNA in the same frames
        tracker.update(Detections(boxes_at(0, 300, 500), embedding=[ANNA, BERT, ANNA]), frame=frame)
    for _ in range(20):  # the first one leaves at the border
        tracks = tracker.update(Detections(boxes_at(300, 500), embedding=[BERT, ANNA]), frame=frame)
    assert tracker.identity_memory.id.tolist() == [1]
    assert tracks.id_of_detection(2).tolist() == [2, 3]


def test_reset_clears_the_correction_window():
    tracker = tracker_after_absence(id_correction_window=50)
    ids_of_newcomer(tracker, *[TRUNCATED] * 3)
    tracker.reset()
    assert ids_of_newcomer(tracker, *[ANNA] * 20)[-1] == 2
