"""The interface of deep-sort-realtime: its README example, and what its users rely on."""

from datetime import date

import numpy as np
import pytest

from deepsort_reid.interop.deep_sort_realtime import DeepSort, Track

FRAME = np.full((240, 640, 3), 128, dtype=np.uint8)


def detections(step=0):
    return [
        ([100 + 5 * step, 50, 40, 100], 0.9, "person"),
        ([300 - 5 * step, 60, 42, 96], 0.4, "bicycle"),
    ]


def run(tracker, frames=4, **arguments):
    for step in range(frames):
        tracks = tracker.update_tracks(detections(step), **arguments)
    return tracks


def test_example_of_its_readme():
    tracker = DeepSort(max_age=5)
    for step in range(4):
        tracks = tracker.update_tracks(detections(step), frame=FRAME)
        seen = []
        for track in tracks:
            if not track.is_confirmed():
                continue
            seen.append((track.track_id, track.to_ltrb().shape))
    assert seen == [("1", (4,)), ("2", (4,))]
    assert tracks[0].get_feature().shape == (384,)
    assert tracks[0].person_id == 1


def test_example_with_embeddings_of_your_own():
    tracker = DeepSort(max_age=5, embedder=None)
    tracks = run(tracker, embeds=[[3.0, 0, 0], [0, 5.0, 0]])
    assert [track.track_id for track in tracks] == ["1", "2"]
    np.testing.assert_allclose(tracks[1].get_feature(), [0, 5, 0])


def test_boxes_of_the_detection_and_of_the_filter():
    tracker = DeepSort(embedder=None)
    track = run(tracker)[0]
    np.testing.assert_allclose(track.to_ltwh(orig=True), [115, 50, 40, 100], atol=5)
    np.testing.assert_allclose(track.to_ltrb(orig=True), [115, 50, 155, 150], atol=5)
    np.testing.assert_array_equal(track.to_tlbr(), track.to_ltrb())
    np.testing.assert_array_equal(track.to_tlwh(), track.to_ltwh())
    tracker.update_tracks([])
    assert track.to_ltrb(orig=True, orig_strict=True) is None
    assert track.to_ltrb(orig=True).shape == (4,)
    assert track.get_det_conf() is None
    assert track.get_det_class() == "person"
    assert track.time_since_update == 1


def test_states_and_the_same_object():
    tracker = DeepSort(max_age=2, n_init=2, embedder=None)
    first = tracker.update_tracks(detections(0))
    assert all(track.is_tentative() and not track.is_confirmed() for track in first)
    assert len({track.track_id for track in first}) == 2
    second = tracker.update_tracks(detections(1))
    assert [a is b for a, b in zip(first, second, strict=True)] == [True, True]
    assert all(track.is_confirmed() and track.hits == track.age == 2 for track in second)
    for _ in range(4):
        left = tracker.update_tracks([])
    assert left == []
    assert all(track.is_deleted() and not track.is_confirmed() for track in second)


def test_every_detection_is_used_whatever_its_score():
    tracker = DeepSort(embedder=None)
    for step in range(3):
        tracks = tracker.update_tracks([(box, 0.01, name) for box, _, name in detections(step)])
    assert [track.is_confirmed() for track in tracks] == [True, True]


def test_supplementary_data_masks_and_empty_boxes():
    tracker = DeepSort(embedder=None)
    rows = [([0, 0, 0, 5], 0.9, "empty"), *detections()]
    tracks = tracker.update_tracks(rows, others=["a", "b", "c"], instance_masks=[1, 2, 3])
    assert [track.get_det_supplementary() for track in tracks] == ["b", "c"]
    assert [track.get_instance_mask() for track in tracks] == [2, 3]
    assert [track.get_det_class() for track in tracks] == ["person", "bicycle"]
    track = run(tracker, others=["b", "c"])[0]
    assert track.get_det_supplementary() == "b"
    tracker.update_tracks([])
    assert track.get_det_supplementary() is None
    assert track.get_instance_mask() is None
    with pytest.raises(ValueError, match="others: expected 3 entries, got 1"):
        tracker.update_tracks(rows, others=["a"])


def test_overlapping_detections_are_suppressed():
    twice = [*detections(), ([101, 50, 40, 100], 0.5, "person")]
    assert len(DeepSort(embedder=None).update_tracks(twice)) == 3
    tracks = DeepSort(embedder=None, nms_max_overlap=0.7).update_tracks(twice)
    assert [track.det_conf for track in tracks] == [0.9, 0.4]


def test_polygons():
    tracker = DeepSort(embedder=None, polygon=True)
    polygon = [100, 50, 140, 60, 120, 150]
    track = tracker.update_tracks([[polygon], ["person"], [0.9]])[0]
    np.testing.assert_array_equal(track.to_ltrb(orig=True), [100, 50, 141, 151])
    assert track.get_det_supplementary() == polygon
    with pytest.raises(ValueError, match="equal length"):
        tracker.update_tracks([[polygon], [], []])


def test_date_in_ids_and_a_new_day():
    day, next_day = date(2026, 1, 2), date(2026, 1, 3)
    tracker = DeepSort(embedder=None, today=day)
    assert [track.track_id for track in run(tracker, today=day)] == ["2026-01-02_1", "2026-01-02_2"]
    # Live tracks keep their ids, those of new tracks start over.
    for step in range(4, 8):
        rows = [*detections(step), ([500, 60, 42, 96], 0.9, "person")]
        tracks = tracker.update_tracks(rows, today=next_day)
    assert [track.track_id for track in tracks] == ["2026-01-02_1", "2026-01-02_2", "2026-01-03_1"]


def test_date_of_the_clock_without_another_one():
    tracker = DeepSort(embedder=None, today=date(2026, 1, 2))
    assert [track.track_id for track in run(tracker)] == [f"{date.today()}_1", f"{date.today()}_2"]


def test_number_of_embeddings_must_be_that_of_detections():
    with pytest.raises(ValueError, match="one embedding per box: got 1 for 2 boxes"):
        DeepSort(embedder=None).update_tracks(detections(), embeds=[[1.0, 0]])


def test_frames_in_rgb():
    seen = []

    def embedder(frame, xyxy):
        seen.append(frame[0, 0].tolist())
        return np.eye(len(xyxy), 4, dtype=np.float32)

    frame = FRAME.copy()
    frame[..., 0] = 255
    DeepSort(embedder=embedder, bgr=False).update_tracks(detections(), frame=frame)
    assert seen == [[128, 128, 255]]


def test_a_track_class_of_your_own():
    class Counted(Track):
        def boxes(self):
            return self.hits

    tracks = run(DeepSort(embedder=None, override_track_class=Counted))
    assert [track.boxes() for track in tracks] == [4, 4]
