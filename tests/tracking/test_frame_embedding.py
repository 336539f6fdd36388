"""Embedding on demand: which detections are embedded, and what the galleries make of it."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag
from deepsort_reid.tracking import MatchingCascade
from tests.tracking.scenarios import boxes_at, orthogonal_embeddings

FRAME = np.zeros((480, 640, 3), dtype=np.uint8)
WARM_UP = 33  # updates with all embeddings: 30 after a track is confirmed judge the embedder
INTERVAL = 10


class CountingEmbedder:
    """Embeds by the row of the image that a box is at, and keeps the boxes of every call."""

    def __init__(self):
        self.calls = []
        self._embedding = orthogonal_embeddings(16)

    def __call__(self, frame, xyxy):
        self.calls.append(xyxy.copy())
        return self._embedding[(xyxy[:, 1] / 10).astype(int) % 16].astype(np.float32)


def two_people(left, other_left, top=100, other_top=300):
    return Detections(
        np.concatenate([boxes_at(left, top=top), boxes_at(other_left, top=other_top)])
    )


def tracked(embedder, updates=WARM_UP, **parts):
    """A tracker that has seen two people far from each other for some updates."""
    config = DeepSortConfig(embedding_interval=INTERVAL)
    tracker = DeepSort(config, embedder=embedder, **parts)
    for _ in range(updates):
        tracker.update(two_people(100, 400), frame=FRAME)
    return tracker


def test_by_default_everything_is_embedded_in_every_update():
    embedder = CountingEmbedder()
    tracker = DeepSort(embedder=embedder)
    for _ in range(50):
        tracker.update(two_people(100, 400), frame=FRAME)
    assert [len(call) for call in embedder.calls] == [2] * 50


def test_people_far_from_each_other_are_embedded_at_intervals():
    embedder = CountingEmbedder()
    tracker = tracked(embedder, WARM_UP)
    # The distance to the own gallery is known from the second update on.
    tracker.update(two_people(100, 400), frame=FRAME)
    first = len(embedder.calls)
    embedded = []
    for _ in range(4 * INTERVAL):
        before = len(embedder.calls)
        tracks = tracker.update(two_people(100, 400), frame=FRAME)
        embedded.append(len(embedder.calls) - before)
        assert tracks.id.tolist() == [1, 2]
    assert sum(embedded) == len(embedder.calls) - first
    updates = np.flatnonzero(embedded)
    assert len(updates) == 4
    assert set(np.diff(updates)) == {INTERVAL}
    assert all(len(call) == 2 for call in embedder.calls)


def test_rows_that_are_not_embedded_are_unknown():
    embedder = CountingEmbedder()
    tracker = tracked(embedder, WARM_UP + 2)
    calls = len(embedder.calls)
    tracker.update(two_people(100, 400), frame=FRAME)
    assert len(embedder.calls) == calls
    assert tracker.last_detections.embedding.shape == (2, 16)
    assert not tracker.last_detections.embedding.any()


def test_only_people_near_each_other_are_embedded():
    """A third person walks up to the first one."""
    embedder = CountingEmbedder()
    tracker = tracked(embedder, WARM_UP + 1)
    for update, left in enumerate(np.linspace(200, 104, 30)):
        near = Detections(np.concatenate([two_people(100, 400).xyxy, boxes_at(left, top=102)]))
        tracker.update(near, frame=FRAME)
        if update > 20 and len(embedder.calls[-1]) < 3:
            np.testing.assert_array_equal(embedder.calls[-1], near.xyxy[[0, 2]])
            return
    pytest.fail("no update embedded the two neighbours alone")


def test_new_and_tentative_tracks_are_embedded_until_they_are_confirmed():
    embedder = CountingEmbedder()
    tracker = tracked(embedder, WARM_UP + 1)
    three = Detections(np.concatenate([two_people(100, 400).xyxy, boxes_at(250, top=200)]))
    for _ in range(3):
        before = len(embedder.calls)
        tracker.update(three, frame=FRAME)
        assert len(embedder.calls) == before + 1
        np.testing.assert_array_equal(embedder.calls[-1], three.xyxy[2:])
    assert len(tracker.tracks) == 3
    before = len(embedder.calls)
    tracker.update(three, frame=FRAME)
    assert len(embedder.calls) == before


def test_detection_that_can_neither_be_matched_nor_start_a_track_is_not_embedded():
    embedder = CountingEmbedder()
    tracker = tracked(embedder, WARM_UP + 1)
    xyxy = np.concatenate([two_people(100, 400).xyxy, boxes_at(250, top=200)])
    before = len(embedder.calls)
    tracker.update(Detections(xyxy, [0.9, 0.9, 0.5]), frame=FRAME)  # new_track_score is 0.6
    assert len(embedder.calls) == before


def test_reappearing_person_is_embedded():
    embedder = CountingEmbedder()
    tracker = tracked(embedder, WARM_UP + 1)
    for _ in range(5):
        tracker.update(two_people(100, 400)[:1], frame=FRAME)
    before = len(embedder.calls)
    back = two_people(100, 440)
    tracker.update(back, frame=FRAME)
    assert len(embedder.calls) == before + 1
    assert back.xyxy[1].tolist() in embedder.calls[-1].tolist()


def test_association_that_needs_every_embedding_gets_every_embedding():
    embedder = CountingEmbedder()
    tracked(embedder, 3 * WARM_UP, association=MatchingCascade())
    assert [len(call) for call in embedder.calls] == [2] * 3 * WARM_UP


def test_fixed_lag_calls_the_embedder_once_per_frame_at_most():
    embedder = CountingEmbedder()
    late = FixedLag(tracked(embedder, 1), frames=5)
    for update in range(60):
        before = len(embedder.calls)
        late.update(two_people(100 + update, 160 - update, other_top=110), frame=FRAME)
        assert len(embedder.calls) <= before + 1


def test_next_embedding_has_more_weight_after_matches_without_one():
    """Mean of momentum m: the gallery after k skipped matches is m ** sqrt(k + 1) of the old."""
    old, new = orthogonal_embeddings(2).astype(np.float32)
    tracker = DeepSort()
    for _ in range(5):
        tracker.update(Detections(boxes_at(300), embedding=old[None]))
    for _ in range(3):
        tracker.update(Detections(boxes_at(300), embedding=np.zeros((1, 16))))
    tracker.update(Detections(boxes_at(300), embedding=new[None]))
    share = 0.95**2
    mean = share * old + (1 - share) * new
    gallery = tracker._galleries.mean_embedding(0)
    np.testing.assert_allclose(gallery, mean / np.linalg.norm(mean), atol=1e-6)


def test_failing_embedder_leaves_the_tracker_as_it_was():
    embedder = CountingEmbedder()
    tracker = tracked(embedder, WARM_UP + INTERVAL - 1)
    before = tracker.state_dict()

    def fail(frame, xyxy):
        raise RuntimeError("the network is gone")

    tracker._embedder = fail
    three = Detections(np.concatenate([two_people(100, 400).xyxy, boxes_at(250, top=200)]))
    with pytest.raises(RuntimeError, match="the network is gone"):
        tracker.update(three, frame=FRAME)
    np.testing.assert_equal(tracker.state_dict(), before)
