"""What is recorded of a run: crops, times, ways, crossings, and how much of it is kept."""

import cv2
import numpy as np
import pytest

from deepsort_reid.results import crops as crops_module
from deepsort_reid.results import crossings as crossings_module
from deepsort_reid.results import traces as traces_module
from deepsort_reid.results.crops import crop_quality
from deepsort_reid.results.place import Place
from deepsort_reid.results.recorder import Recorder
from deepsort_reid.results.video_index import VideoIndex
from deepsort_reid.structures import boxes
from tests.results.runs import SIZE, box, record, tracks_at


def test_periods_without_boxes_separate_the_spans_of_a_track():
    frames = [{1: box(50, 100)}] * 20 + [{}] * 30 + [{1: box(80, 100)}] * 10
    (trace,) = record(frames).traces.of_track.values()
    np.testing.assert_allclose(trace.spans, [[0, 1.9], [5.0, 5.9]])


def test_way_begins_and_ends_where_the_track_does():
    frames = [{1: box(10 + number, 100)} for number in range(1, 301)]
    (trace,) = record(frames).traces.of_track.values()
    assert (trace.points[0].x, trace.last.x) == (11, 310)
    assert 24 <= len(trace.points) <= 48
    assert np.diff([point.x for point in trace.points]).std() == 0


def test_best_crop_is_large_free_and_inside():
    xyxy = np.array(
        [box(100, 200, 40, 100), box(200, 200, 20, 50), box(0, 100, 40, 100), box(290, 200, 20, 50)]
    )
    quality = crop_quality(xyxy, np.array([0.9, 0.9, 0.9, 0.3]), SIZE)
    large, small, cut, uncertain = quality
    assert large > small > uncertain
    assert large > cut
    covered = np.array([box(100, 200, 40, 100), box(110, 200, 40, 100)])
    overlap = boxes.intersection(covered, covered) * (1 - np.eye(2))
    assert (crop_quality(covered, np.array([0.9, 0.9]), SIZE, overlap) < large / 2).all()


def test_crops_of_a_track_are_spread_over_its_time_and_show_its_box():
    frames = [{1: box(20 + number, 200, 40, 100)} for number in range(250)]
    recorder = Recorder()
    for number, own in enumerate(frames, 1):
        image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        left, top, right, bottom = (round(side) for side in own[1])
        image[top:bottom, max(left, 0) : right] = (0, 0, 255)
        recorder.add(number, number / 10, image, tracks_at(own))
    crops = recorder.crops.of_track[1]
    assert len(crops) == 6
    assert np.diff([crop.time for crop in crops]).min() > 1
    for crop in crops:
        image = cv2.imdecode(np.frombuffer(crop.image, np.uint8), cv2.IMREAD_COLOR)
        height, width = image.shape[:2]
        assert width / height == pytest.approx(0.4, abs=0.05)
        assert image[height // 2, width // 2].argmax() == 2
        assert image[height // 2, width // 2, 2] > 200


def test_better_crop_replaces_a_worse_one_of_the_same_time():
    frames = [{1: box(100, 200, 20 + number, 50 + 8 * number)} for number in range(4)]
    recorder = record(frames)
    (crop,) = recorder.crops.of_track[1]
    assert crop.frame == 3  # the fourth one is better by a tenth only


def test_number_of_crops_tracks_and_pairs_is_bounded(monkeypatch):
    """One thousand tracks, each alone for half a second, beside one that stays."""
    monkeypatch.setattr(crops_module, "MAX_CROPS", 60)
    monkeypatch.setattr(traces_module, "MAX_TRACKS", 100)
    monkeypatch.setattr(crossings_module, "MAX_PAIRS", 20)
    frames = []
    for id in range(2, 1002):
        pair = {1: box(50, 200), id: box(55, 200)}
        frames += [pair] * 5
    recorder = record(frames)
    crops = recorder.crops.of_track
    assert sum(len(own) for own in crops.values()) <= 60
    assert 1 in crops
    assert 1 in recorder.traces.of_track
    assert len(recorder.traces.of_track) <= 100
    assert recorder.traces.num_dropped + len(recorder.traces.of_track) == 1001
    assert len(recorder.crossings.of_pair) <= 20
    assert recorder.crossings.num_dropped + len(recorder.crossings.of_pair) == 1000


def test_track_of_one_frame_is_recorded_between_two_regular_looks():
    frames = [{1: box(50, 100)}] * 4 + [{1: box(50, 100), 2: box(200, 100)}] + [{}] * 20
    recorder = record(frames, rate=100)
    assert recorder.traces.of_track.keys() == {1, 2}
    assert recorder.crops.of_track.keys() == {1, 2}


def test_background_has_no_people_and_heat_is_where_they_stood():
    rng = np.random.default_rng(0)
    street = rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    street = cv2.GaussianBlur(street, (0, 0), 4)
    place = Place()
    for number in range(100):
        image = street.copy()
        x = 20 + 2.8 * number
        image[100:200, int(x) - 10 : int(x) + 10] = (0, 0, 255)
        place.add(image, np.array([x]), np.array([200.0]), 0.1)
    data, static = place.background()
    assert static
    background = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(background.astype(int) - street).mean() < 3
    assert place.seconds.sum() == pytest.approx(10)
    rows = np.flatnonzero(place.seconds.sum(axis=1))
    assert rows.tolist() == [round(200 / SIZE[1] * len(place.seconds))]


def test_camera_that_moves_is_noticed():
    rng = np.random.default_rng(0)
    wide = cv2.GaussianBlur(rng.integers(0, 255, (240, 2000, 3), dtype=np.uint8), (0, 0), 2)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)
    place = Place()
    for number in range(50):
        place.add(wide[:, 30 * number :][:, :320].copy(), np.empty(0), np.empty(0), 0.1)
    assert not place.background()[1]


def test_recorder_continues_from_its_state():
    frames = [
        {id: box(20 + 3 * number + 40 * id, 150 + 10 * id, 30, 70) for id in range(1, 5)}
        for number in range(80)
    ]
    whole = record(frames)
    image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    continued = Recorder()
    continued.load_state_dict(record(frames[:37]).state_dict())
    for number, own in enumerate(frames[37:], 38):
        continued.add(number, (number - 1) / 10, image, tracks_at(own))
    assert continued.traces == whole.traces
    assert continued.crops.of_track == whole.crops.of_track
    assert continued.crossings.of_pair == whole.crossings.of_pair
    assert continued.place.background()[1] == whole.place.background()[1]
    np.testing.assert_array_equal(continued.place.seconds, whole.place.seconds)
    assert continued.last_frame == whole.last_frame


def test_video_index_notes_where_the_clocks_differ():
    index = VideoIndex()
    for number in range(100):
        # A stream is interrupted for 20 seconds, which the video leaves out.
        time = number / 10 + (20 if number >= 50 else 0)
        index.add("video.mp4", time, number / 10)
    assert index.videos == {"video.mp4": [(0.0, 0.0), (25.0, 5.0)]}
