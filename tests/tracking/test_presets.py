"""The published tracker: its parts, and what it does not use."""

import numpy as np

from deepsort_reid import Detections, State
from deepsort_reid.tracking import published
from tests.tracking.scenarios import boxes_at, crowd, orthogonal_embeddings, published_with


def test_published_tracker_ignores_scores():
    # Scores only decide the order of new ids: of tracks that start in one frame, the highest score
    # gets the lowest id.
    scored, bare, name = published(), published(), {}
    for frame in crowd(50, seed=21):
        detections = Detections(frame.xyxy, 5 * frame.score - 4, embedding=frame.embedding)
        tracks = scored.update(detections)
        expected = bare.update(Detections(frame.xyxy, embedding=frame.embedding))
        tracks, expected = (shown[np.argsort(shown.detection)] for shown in (tracks, expected))
        np.testing.assert_array_equal(tracks.detection, expected.detection)
        np.testing.assert_array_equal(tracks.filtered_xyxy, expected.filtered_xyxy)
        for one, other in zip(tracks.id.tolist(), expected.id.tolist(), strict=True):
            assert name.setdefault(one, other) == other
    assert len(set(name.values())) == len(name) > 8


def test_published_tracker_consists_of_the_published_parts():
    one, other = published(), published_with()
    for frame in crowd(40, seed=22):
        np.testing.assert_array_equal(
            one.update(frame).filtered_xyxy, other.update(frame).filtered_xyxy
        )
        np.testing.assert_array_equal(one.tracks.id, other.tracks.id)


def test_published_tracker_embeds_all_bare_detections():
    num_boxes = []

    def embedder(frame, xyxy):
        num_boxes.append(len(xyxy))
        return orthogonal_embeddings(len(xyxy))

    tracker = published(embedder=embedder)
    frame = np.zeros((200, 200, 3), dtype=np.uint8)
    tracker.update(Detections(boxes_at(10, 60, 110), [0.9, -2.0, 0.0]), frame=frame)
    assert num_boxes == [3]
    np.testing.assert_array_equal(tracker.tracks.state, [State.TENTATIVE] * 3)
