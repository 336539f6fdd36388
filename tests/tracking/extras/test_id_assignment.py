"""Id assignment: ids of returning people."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, PersonRegistry
from deepsort_reid.tracking import published
from tests.tracking.scenarios import boxes_at, orthogonal_embeddings

ANNA, BERT, CARL, TRUNCATED = orthogonal_embeddings(4)
AWAY = 130  # frames, more than max_age


def tracker_after_absence(make=DeepSort):
    """A tracker after frames of ANNA and BERT, then of BERT alone until the track of ANNA ended."""
    tracker = make()
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
    assert not tracker.registry.track("camera", 1).live
    assert tracks.id_of_detection(2).tolist() == [2, 3]


def test_one_id_is_given_to_one_of_two_similar_tracks():
    tracker = tracker_after_absence()
    for _ in range(5):
        tracks = tracker.update(Detections(boxes_at(300, 500, 700), embedding=[BERT, ANNA, ANNA]))
    assert tracks.id.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "make", [published, lambda: DeepSort(DeepSortConfig(reuse_ids=False))], ids=["published", "off"]
)
def test_ids_are_not_reused_where_that_is_off(make):
    ids = ids_of_newcomer(tracker_after_absence(make), *[ANNA] * 10)
    assert set(ids) == {-1, 3}


def test_coasting_track_is_continued_far_from_its_prediction():
    tracker = DeepSort()
    for _ in range(30):
        tracker.update(Detections(boxes_at(100, 300), embedding=[ANNA, BERT]))
    for _ in range(40):
        tracker.update(Detections(boxes_at(300), embedding=[BERT]))
    assert tracker.tracks.id.tolist() == [1, 2]  # 1 is coasting
    assert ids_of_newcomer(tracker, *[ANNA] * 5, left=900)[-1] == 1
    assert sorted(tracker.tracks.id.tolist()) == [1, 2]


def test_id_of_an_earlier_run_is_not_reused_and_the_person_is_known():
    registry = PersonRegistry()
    for _ in range(2):
        tracker = DeepSort(registry=registry)
        for _ in range(5):
            tracks = tracker.update(Detections(boxes_at(300), embedding=[BERT]))
        for _ in range(20):
            tracks = tracker.update(Detections(boxes_at(100, 300), embedding=[ANNA, BERT]))
    # ANNA had id 2 in the first run, too: as the second one to appear in either.
    assert (tracks.id.tolist(), tracks.person_id.tolist()) == ([1, 2], [1, 2])
    assert tracker.registry.run("camera") == 2


def test_without_embeddings_no_id_is_reused():
    tracker = DeepSort()
    for _ in range(5):
        tracker.update(Detections(boxes_at(100, 300)))
    for _ in range(AWAY):
        tracker.update(Detections(boxes_at(300)))
    for _ in range(5):
        tracks = tracker.update(Detections(boxes_at(300, 600)))
    assert tracks.id.tolist() == [2, 3]


def leave_and_return(left, returns_at, frame=None):
    """(id, person) before and after an absence of somebody with boxes at `left` in each frame."""
    tracker = DeepSort()
    for number, at in enumerate([*left, *[None] * AWAY, *[returns_at] * 5]):
        rows = [300] if at is None else [300, at]
        embedding = [BERT] if at is None else [BERT, ANNA]
        tracks = tracker.update(Detections(boxes_at(*rows), embedding=embedding), frame=frame)
        if number == len(left) - 1:
            before = tracks
    pairs = []
    for each in (before, tracks):
        row = each.detection.tolist().index(1)
        pairs.append((int(each.id[row]), int(each.person_id[row])))
    return pairs


@pytest.mark.parametrize("frame", [None, np.zeros((480, 640, 3), np.uint8)], ids=["boxes", "frame"])
def test_somebody_who_left_the_view_gets_a_new_id_and_is_the_same_person(frame):
    (id_before, person_before), after = leave_and_return(range(100, -20, -4), 2, frame)
    assert id_before in (1, 2)
    assert after == (3, person_before)


def test_somebody_who_was_hidden_in_the_view_gets_the_old_id():
    before, after = leave_and_return([100] * 30, 120)
    assert before == after


def test_coasting_track_that_is_predicted_outside_is_not_continued():
    tracker = DeepSort()
    for left in range(0, 300, 10):
        tracker.update(Detections(boxes_at(300, left), embedding=[BERT, ANNA]))
    for _ in range(40):  # predicted beyond all boxes so far
        tracker.update(Detections(boxes_at(300), embedding=[BERT]))
    assert ids_of_newcomer(tracker, *[ANNA] * 5, left=280)[-1] == 3
