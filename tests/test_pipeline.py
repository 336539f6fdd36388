"""The loop over a video: who is asked what, in which order, and how it ends."""

from types import SimpleNamespace

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from deepsort_reid.io.video_reader import TruncatedVideo, open_video
from deepsort_reid.pipeline import StageTimer, track_frames, track_video
from tests.cli import synthetic_video

FRAMES = 6


def at_once():
    return DeepSort(DeepSortConfig(n_init=1))


def test_the_loop_is_the_tracker_called_by_hand():
    by_hand = DeepSort()
    found = track_video(synthetic_video.render_frames(FRAMES), synthetic_video.TrueBoxDetector())
    for number, picture, tracks in found:
        expected = by_hand.update(Detections(synthetic_video.true_boxes(number), [0.9, 0.9]))
        np.testing.assert_array_equal(tracks.id, expected.id)
        np.testing.assert_array_equal(tracks.xyxy, expected.xyxy)
        np.testing.assert_array_equal(picture, synthetic_video.render_frame(number))
    assert number == FRAMES
    assert len(expected) == 2


def test_frames_are_numbered_as_in_the_source():
    chosen = {"start": 2, "stop": 5, "every": 2}
    found = list(
        track_video(
            synthetic_video.render_frames(FRAMES),
            synthetic_video.TrueBoxDetector(),
            at_once(),
            **chosen,
        )
    )
    assert [number for number, _, _ in found] == [2, 4]
    for number, picture, _ in found:
        np.testing.assert_array_equal(picture, synthetic_video.render_frame(number))


def test_an_opened_video_is_taken_as_it_is():
    video = open_video(synthetic_video.render_frames(FRAMES))
    assert len(list(track_video(video, synthetic_video.TrueBoxDetector()))) == FRAMES


def test_the_clock_of_the_tracker_goes_by_the_frames_left_out():
    """A person gone for 8 frames is 4 updates away at every second frame."""
    tracker = at_once()
    seen = []

    def detector(picture):
        seen.append(picture)
        return (
            Detections(synthetic_video.true_boxes(1)[:1]) if len(seen) == 1 else Detections.empty()
        )

    list(track_video([synthetic_video.render_frame(1)] * 9, detector, tracker, every=2))
    assert tracker.tracks.misses.tolist() == [8]
    assert tracker.tracks.age.tolist() == [9]


def test_the_camera_is_asked_once_per_frame_with_the_boxes_and_moves_the_tracks():
    asked = []

    def estimator(picture, xyxy):
        asked.append((picture, xyxy))
        return SimpleNamespace(warp=np.array([[1.0, 0, 7 * (len(asked) > 1)], [0, 1, 0]]))

    place = np.array([[40.0, 20, 60, 70]])
    detected = iter([Detections(place), Detections.empty(), Detections.empty()])
    tracker = at_once()
    found = track_frames(
        synthetic_video.render_frames(3),
        lambda picture: next(detected),
        tracker,
        camera_motion=estimator,
    )
    assert len(list(found)) == 3
    assert [len(xyxy) for _, xyxy in asked] == [1, 0, 0]
    for number, (picture, _) in enumerate(asked, start=1):
        np.testing.assert_array_equal(picture, synthetic_video.render_frame(number))
    # Still in the world, so moved in the picture: twice 7 pixels.
    np.testing.assert_allclose(tracker.tracks.xyxy, place + np.array([14, 0, 14, 0]), atol=1e-9)


def test_sure_detections_are_embedded_once_and_the_step_shows_what_was_tracked():
    calls = []

    def embedder(picture, xyxy):
        calls.append(xyxy)
        return np.eye(4, dtype=np.float32)[: len(xyxy)]

    def detector(picture):
        return Detections(synthetic_video.true_boxes(1), [0.9, 0.2])

    tracker = DeepSort(embedder=embedder)
    found = list(track_frames(synthetic_video.render_frames(2), detector, tracker))
    np.testing.assert_array_equal(calls, [synthetic_video.true_boxes(1)[:1]] * 2)
    assert found[1].detections.embedding.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]


def test_a_detectors_own_embeddings_are_kept():
    own = np.eye(2, dtype=np.float32)

    def refuse(picture, xyxy):
        raise AssertionError("nobody needs this embedder")

    tracker = DeepSort(embedder=refuse)
    detector = lambda picture: Detections(synthetic_video.true_boxes(1), embedding=own)  # noqa: E731
    (step,) = track_frames(synthetic_video.render_frames(1), detector, tracker)
    np.testing.assert_array_equal(step.detections.embedding, own)


def test_a_frame_without_people_is_a_step_without_tracks():
    found = list(track_frames(synthetic_video.render_frames(3), lambda picture: Detections.empty()))
    assert [(step.number, len(step.tracks), len(step.detections)) for step in found] == [
        (1, 0, 0),
        (2, 0, 0),
        (3, 0, 0),
    ]


def test_what_is_no_detections_is_refused_with_its_type_and_frame():
    detected = iter([Detections.empty(), [[1, 2, 3, 4]]])
    found = track_video(synthetic_video.render_frames(3), lambda picture: next(detected))
    next(found)
    with pytest.raises(ValueError, match="must return Detections, got list in frame 2"):
        next(found)


def test_a_video_that_ends_early_gives_its_frames_first(tmp_path):
    folder = synthetic_video.write_images(tmp_path / "images", FRAMES)
    (folder / "000005.png").write_bytes(b"not an image")
    numbers = []
    with pytest.raises(TruncatedVideo, match=r"000005\.png"):
        numbers.extend(
            number for number, _, _ in track_video(folder, synthetic_video.TrueBoxDetector())
        )
    assert numbers == [1, 2, 3, 4]


def test_impossible_choices_and_sources_are_refused():
    with pytest.raises(ValueError, match="every: expected at least 1"):
        next(
            track_video(
                synthetic_video.render_frames(2), synthetic_video.TrueBoxDetector(), every=0
            )
        )
    with pytest.raises(FileNotFoundError, match=r"no-such\.mp4"):
        next(track_video("no-such.mp4", synthetic_video.TrueBoxDetector()))


def test_the_stopwatch_names_every_stage_and_adds_up():
    timer = StageTimer()
    list(
        track_frames(
            synthetic_video.render_frames(2), synthetic_video.TrueBoxDetector(), timer=timer
        )
    )
    assert set(timer.seconds) == {"read", "detect", "embed", "track"}
    assert all(seconds >= 0 for seconds in timer.seconds.values())


def test_the_stopwatch_counts_a_stage_that_failed(monkeypatch):
    now = iter([0.0, 2.0, 10.0, 13.0])
    monkeypatch.setattr("deepsort_reid.pipeline.time.perf_counter", lambda: next(now))
    timer = StageTimer()
    with timer("detect"):
        pass
    with pytest.raises(KeyboardInterrupt), timer("detect"):
        raise KeyboardInterrupt
    assert timer.seconds == {"detect": 5.0}
