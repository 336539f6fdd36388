"""Id assignment: ids of returning people."""

import numpy as np

from deepsort_reid import DeepSort, Detections
from tests.tracking.scenarios import boxes_at, orthogonal_embeddings

ANNA, BERT, CARL, TRUNCATED = orthogonal_embeddings(4)
AWAY = 130  # frames, more than max_age


def tracker_after_absence():
    """A tracker after frames of ANNA and BERT, then of BERT alone until the track of ANNA ended."""
    tracker = DeepSort()
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


def test_returning_person_gets_the_old_id_at_confirmation():
    ids = ids_of_newcomer(tracker_after_absence(), *[ANNA] * 10)
    assert set(ids) == {-1, 1}


def test_id_is_not_changed_after_confirmation():
    ids = ids_of_newcomer(tracker_after_absence(), *[TRUNCATED] * 3, *[ANNA] * 40)
    assert set(ids) == {-1, 3}


def test_tracks_seen_in_the_same_frame_are_different_identities():
    tracker = DeepSort()
    frame = np.zeros((480, 640, 3), dtype=np.uint8)
    for _ in range(5):  # two people with the embedding of ANNA in the same frames
        tracker.update(Detections(boxes_at(0, 300, 500), embedding=[ANNA, BERT, ANNA]), frame=frame)
    for _ in range(20):  # the first one leaves at the border
        tracks = tracker.update(Detections(boxes_at(300, 500), embedding=[BERT, ANNA]), frame=frame)
    assert tracker.identity_memory.id.tolist() == [1]
    assert tracks.id_of_detection(2).tolist() == [2, 3]
