"""Tracking a video: what is called for each frame, in which order, and how a run ends."""

import itertools
import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from deepsort_reid.io.live_options import LiveOptions
from deepsort_reid.io.live_reader import LiveReader
from deepsort_reid.io.video import TruncatedVideo, Video
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.pipeline import StageTimer, track_frames, track_video
from tests.cli.synthetic_video import (
    TrueBoxDetector,
    render_frame,
    render_frames,
    true_boxes,
    write_images,
)
from tests.io.fake_captures import FakeCamera, FakeClock

FRAMES = 6


def immediate_tracker():
    """A tracker that confirms tracks in their first frame."""
    return DeepSort(DeepSortConfig(n_init=1))


def test_track_video_equals_updating_the_tracker_frame_by_frame():
    tracker = DeepSort()
    for number, frame, tracks in track_video(render_frames(FRAMES), TrueBoxDetector()):
        expected = tracker.update(Detections(true_boxes(number), [0.9, 0.9]))
        np.testing.assert_array_equal(tracks.id, expected.id)
        np.testing.assert_array_equal(tracks.xyxy, expected.xyxy)
        np.testing.assert_array_equal(frame, render_frame(number))
    assert number == FRAMES
    assert len(expected) == 2


def test_frame_numbers_are_those_of_the_source():
    selection = {"start": 2, "stop": 5, "every": 2}
    tracked = list(
        track_video(render_frames(FRAMES), TrueBoxDetector(), immediate_tracker(), **selection)
    )
    assert [number for number, _, _ in tracked] == [2, 4]
    for number, frame, _ in tracked:
        np.testing.assert_array_equal(frame, render_frame(number))


def test_opened_video_is_accepted_as_source():
    video = open_video(render_frames(FRAMES))
    assert len(list(track_video(video, TrueBoxDetector()))) == FRAMES


def test_skipped_frames_count_for_ages_and_misses():
    """A person who is missing for 8 frames is missing in 4 updates at every second frame."""
    tracker, calls = immediate_tracker(), []

    def detector(frame):
        calls.append(frame)
        return Detections(true_boxes(1)[:1]) if len(calls) == 1 else Detections.empty()

    list(track_video([render_frame(1)] * 9, detector, tracker, every=2))
    assert tracker.tracks.misses.tolist() == [8]
    assert tracker.tracks.age.tolist() == [9]


def test_camera_motion_is_estimated_once_per_frame_from_the_boxes_and_moves_the_tracks():
    calls = []

    def estimator(frame, xyxy):
        calls.append((frame, xyxy))
        return SimpleNamespace(warp=np.array([[1.0, 0, 7 * (len(calls) > 1)], [0, 1, 0]]))

    box = np.array([[40.0, 20, 60, 70]])
    detections = iter([Detections(box), Detections.empty(), Detections.empty()])
    tracker = immediate_tracker()
    tracked = track_frames(
        render_frames(3), lambda frame: next(detections), tracker, camera_motion=estimator
    )
    assert len(list(tracked)) == 3
    assert [len(xyxy) for _, xyxy in calls] == [1, 0, 0]
    for number, (frame, _) in enumerate(calls, start=1):
        np.testing.assert_array_equal(frame, render_frame(number))
    # The person stands still, so the box moves with the image: twice 7 pixels.
    np.testing.assert_allclose(tracker.tracks.xyxy, box + np.array([14, 0, 14, 0]), atol=1e-9)


def test_moving_camera_is_compensated_unless_camera_motion_is_none():
    texture = np.random.default_rng(0).integers(0, 255, (24, 40, 3), dtype=np.uint8)
    image = cv2.resize(texture, (400, 240), interpolation=cv2.INTER_CUBIC)
    frames = [image[:, 4 * k : 4 * k + 320].copy() for k in range(12)]
    box = np.array([[200.0, 60, 240, 160]])

    def tracked_box(**arguments):
        tracker = immediate_tracker()
        found = iter([Detections(box), *[Detections.empty()] * 11])
        list(track_video(frames, lambda frame: next(found), tracker, **arguments))
        return tracker.tracks.xyxy

    np.testing.assert_allclose(tracked_box(), box - np.array([44, 0, 44, 0]), atol=1)
    np.testing.assert_allclose(tracked_box(camera_motion=None), box)


def test_high_score_detections_are_embedded_once_and_embeddings_are_returned():
    calls = []

    def embedder(frame, xyxy):
        calls.append(xyxy)
        return np.eye(4, dtype=np.float32)[: len(xyxy)]

    def detector(frame):
        return Detections(true_boxes(1), [0.9, 0.2])

    tracked = list(track_frames(render_frames(2), detector, DeepSort(embedder=embedder)))
    np.testing.assert_array_equal(calls, [true_boxes(1)[:1]] * 2)
    assert tracked[1].detections.embedding.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]


def test_embeddings_of_the_detector_are_kept():
    embedding = np.eye(2, dtype=np.float32)

    def embedder(frame, xyxy):
        raise AssertionError("the detections have embeddings already")

    def detector(frame):
        return Detections(true_boxes(1), embedding=embedding)

    (tracked,) = track_frames(render_frames(1), detector, DeepSort(embedder=embedder))
    np.testing.assert_array_equal(tracked.detections.embedding, embedding)


def test_frames_without_detections_are_yielded_without_tracks():
    tracked = list(track_frames(render_frames(3), lambda frame: Detections.empty()))
    assert [(each.number, len(each.tracks), len(each.detections)) for each in tracked] == [
        (1, 0, 0),
        (2, 0, 0),
        (3, 0, 0),
    ]


def test_detector_that_returns_another_type_is_refused_with_type_and_frame():
    returned = iter([Detections.empty(), [[1, 2, 3, 4]]])
    tracked = track_video(render_frames(3), lambda frame: next(returned))
    next(tracked)
    with pytest.raises(ValueError, match="must return Detections, got list in frame 2"):
        next(tracked)


def test_ids_survive_an_interruption_of_a_camera_in_which_people_walk_on():
    """Two people walk 2 pixels a frame at 10 frames per second; 1.5 s are lost."""
    clock = FakeClock()
    numbers = [*range(1, 11), *range(26, 36)]

    def part(numbers):
        for number in numbers:
            yield lambda number=number: setattr(clock, "now", number / 10)
            yield render_frame(number)

    camera = FakeCamera(part(numbers[:10]), part(numbers[10:]))
    reader = LiveReader(camera, LiveOptions(reconnect=0.1), clock=clock)
    video = Video("camera", 10.0, reader.size, None, reader)
    boxes = (Detections(true_boxes(number)) for number in numbers)
    found = list(itertools.islice(track_video(video, lambda frame: next(boxes)), len(numbers)))
    assert [tracks.id.tolist() for _, _, tracks in found[2:]] == [[1, 2]] * 18
    for number, (_, _, tracks) in zip(numbers[2:], found[2:], strict=True):
        np.testing.assert_allclose(tracks.xyxy, true_boxes(number), atol=3)
    assert reader.report()["reconnects"] == 1


def test_truncated_video_raises_after_its_last_readable_frame(tmp_path):
    folder = write_images(tmp_path / "images", FRAMES)
    (folder / "000005.png").write_bytes(b"not an image")
    numbers = []
    with pytest.raises(TruncatedVideo, match=r"000005\.png"):
        numbers.extend(number for number, _, _ in track_video(folder, TrueBoxDetector()))
    assert numbers == [1, 2, 3, 4]


def test_files_are_read_ahead_in_a_thread_that_ends_with_the_run(tmp_path):
    folder = write_images(tmp_path / "images", FRAMES)
    before, active = threading.active_count(), []

    def detector(frame):
        active.append(threading.active_count())
        return Detections(true_boxes(1))

    tracked = list(track_video(folder, detector, immediate_tracker()))
    assert [number for number, _, _ in tracked] == list(range(1, FRAMES + 1))
    np.testing.assert_array_equal([frame for _, frame, _ in tracked], render_frames(FRAMES))
    assert active[0] == before + 1  # it cannot have read all six frames by then
    assert threading.active_count() == before

    stopped = track_frames(folder, detector)
    next(stopped)
    stopped.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_reading_thread_ends_when_the_detector_fails(tmp_path, error):
    before = threading.active_count()

    def detector(frame):
        raise error("in the detector")

    tracked = track_video(write_images(tmp_path / "images", FRAMES), detector)
    with pytest.raises(error, match="in the detector"):
        next(tracked)
    assert threading.active_count() == before


def test_frames_of_an_iterable_are_taken_one_by_one_by_the_caller():
    """The caller may write every frame into one array."""
    image = render_frame(1).copy()

    def frames():
        for number in range(1, 5):
            image[:] = render_frame(number)
            yield image

    seen = []
    for number, frame, _ in track_video(frames(), TrueBoxDetector()):
        np.testing.assert_array_equal(frame, render_frame(number))
        seen.append(number)
    assert seen == [1, 2, 3, 4]


def test_invalid_selections_and_sources_are_refused():
    with pytest.raises(ValueError, match="every: expected at least 1"):
        next(track_video(render_frames(2), TrueBoxDetector(), every=0))
    with pytest.raises(FileNotFoundError, match=r"no-such\.mp4"):
        next(track_video("no-such.mp4", TrueBoxDetector()))


def test_timer_has_the_seconds_of_every_stage():
    timer = StageTimer()
    list(track_frames(render_frames(2), TrueBoxDetector(), timer=timer))
    assert set(timer.seconds) == {"read", "detect", "camera", "track"}
    assert all(seconds >= 0 for seconds in timer.seconds.values())


def test_timer_adds_up_the_time_of_a_stage_and_counts_one_that_failed(monkeypatch):
    now = iter([0.0, 2.0, 10.0, 13.0])
    monkeypatch.setattr("deepsort_reid.pipeline.time.perf_counter", lambda: next(now))
    timer = StageTimer()
    with timer("detect"):
        pass
    with pytest.raises(KeyboardInterrupt), timer("detect"):
        raise KeyboardInterrupt
    assert timer.seconds == {"detect": 5.0}


def test_time_of_a_stage_inside_another_one_is_its_own(monkeypatch):
    now = iter([0.0, 1.0, 4.0, 6.0, 7.0, 10.0])
    monkeypatch.setattr("deepsort_reid.pipeline.time.perf_counter", lambda: next(now))
    timer = StageTimer()
    embed = timer.timed("embed", lambda number: number + 1)
    with timer("track"):
        assert embed(1) == 2
        assert embed(2) == 3
    assert timer.seconds == {"track": 6.0, "embed": 4.0}
