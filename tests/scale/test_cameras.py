"""Several cameras together: the results of one alone, networks that are shared, persons."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, PersonRegistry
from deepsort_reid.identity import Topology
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.pipeline import StageTimer, track_frames
from deepsort_reid.scale.camera import Camera
from deepsort_reid.scale.cameras import track_cameras
from deepsort_reid.scale.networks import Networks
from deepsort_reid.vision.embedder import Embedder
from tests.cli.synthetic_video import TrueBoxDetector, render_frames, write_embedder


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    return Embedder(write_embedder(tmp_path_factory.mktemp("model") / "colour.onnx"))


def make_camera(name, count, rate=10, *, detector=None, embedder=None, config=None, registry=None):
    tracker = DeepSort(config, embedder=embedder, registry=registry, camera=name)
    video = open_video(render_frames(count), frame_rate=rate)
    return Camera(name, video, detector or TrueBoxDetector(), tracker)


def tracked_by_camera(cameras, embedder=None, **options):
    """Frame number, boxes, ids and embeddings of every frame, by camera."""
    found = {}
    for each in track_cameras(cameras, embedder, **options):
        for camera, frame in each.frames:
            found.setdefault(camera.name, []).append(frame)
    return found


def assert_same_frames(found, expected):
    assert [each.number for each in found] == [each.number for each in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.tracks.id, other.tracks.id)
        np.testing.assert_array_equal(one.tracks.xyxy, other.tracks.xyxy)
        np.testing.assert_array_equal(one.detections.embedding, other.detections.embedding)


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("threads", [1, 3])
def test_frames_of_each_camera_are_those_of_its_video_alone(embedder, interval, threads):
    config = DeepSortConfig(embedding_interval=interval)
    lengths = {"a": (12, 10), "b": (20, 25), "c": (5, 10)}
    registry = PersonRegistry()
    cameras = [
        make_camera(name, *length, embedder=embedder, config=config, registry=registry)
        for name, length in lengths.items()
    ]
    found = tracked_by_camera(cameras, embedder, threads=threads)
    for name, (count, rate) in lengths.items():
        alone = make_camera(name, count, rate, embedder=embedder, config=config)
        assert_same_frames(
            found[name], list(track_frames(alone.video, alone.detector, alone.tracker))
        )


def test_boxes_of_all_cameras_are_embedded_together(embedder):
    calls = []

    def spy(frame, xyxy):
        calls.append(len(xyxy))
        return embedder(frame, xyxy)

    cameras = [make_camera(name, 4, embedder=spy) for name in ("a", "b")]
    frames = tracked_by_camera(cameras, embedder)
    assert not calls  # by the trackers
    assert all(each.detections.embedding.any(axis=1).all() for each in frames["a"] + frames["b"])


def test_low_scores_are_not_embedded(embedder):
    class Weak:
        def __call__(self, frame):
            return Detections([[10, 10, 30, 60], [60, 10, 80, 60]], [0.9, 0.3])

    camera = make_camera("a", 3, detector=Weak(), embedder=embedder)
    frames = tracked_by_camera([camera], embedder)["a"]
    assert frames[0].detections.embedding.any(axis=1).tolist() == [True, False]


def test_same_person_in_two_cameras_gets_one_person_id(embedder):
    """Both cameras show the same two people, of different colours, at the same time."""
    registry = PersonRegistry(topology=Topology(["a", "b"], same_place=[("a", "b")]))
    cameras = [make_camera(name, 12, embedder=embedder, registry=registry) for name in ("a", "b")]
    found = tracked_by_camera(cameras, embedder)
    registry.reconsider()
    persons = [[camera.tracker.person_of(id)[0] for id in (1, 2)] for camera in cameras]
    assert persons[0] == persons[1]
    assert len(set(persons[0])) == 2
    assert len(found["a"]) == 12


def test_registry_gets_the_time_of_each_camera():
    registry = PersonRegistry()
    late = make_camera("late", 8, registry=registry)
    late = Camera(late.name, late.video, late.detector, late.tracker, start_time=100.0)
    tracked_by_camera([make_camera("early", 8, registry=registry), late])
    assert registry.track("early", 1).first_time == pytest.approx(0.0, abs=0.2)
    assert registry.track("late", 1).first_time == pytest.approx(100.0, abs=0.2)


def test_broken_camera_does_not_stop_the_others():
    def frames():
        yield from render_frames(4)
        raise OSError("the cable was cut")

    broken = Camera("broken", open_video(frames()), TrueBoxDetector(), DeepSort(camera="broken"))
    rounds = list(track_cameras([broken, make_camera("whole", 9, 25)]))
    ended = {camera.name: reason for each in rounds for camera, reason in each.ended}
    assert ended == {"broken": "the cable was cut", "whole": ""}
    numbers = {"broken": 0, "whole": 0}
    for each in rounds:
        for camera, frame in each.frames:
            numbers[camera.name] = frame.number
    assert numbers == {"broken": 4, "whole": 9}


def test_error_of_a_detector_is_raised_and_threads_end():
    camera = make_camera("a", 9, detector=TrueBoxDetector(fails_at=3, failure=RuntimeError("lost")))
    with pytest.raises(RuntimeError, match="lost"):
        list(track_cameras([camera, make_camera("b", 9)]))


def test_detector_must_return_detections():
    camera = make_camera("a", 9, detector=lambda frame: [])
    with pytest.raises(ValueError, match="camera a: a detector must return Detections, got list"):
        list(track_cameras([camera]))


def test_two_cameras_of_one_name_are_refused():
    with pytest.raises(ValueError, match="cameras must differ in their names, got 'a' twice"):
        next(track_cameras([make_camera("a", 3), make_camera("a", 3)]))


def test_timer_has_the_stages(embedder):
    timer = StageTimer()
    tracked_by_camera([make_camera("a", 3, embedder=embedder)], embedder, timer=timer)
    assert set(timer.seconds) >= {"wait", "track", "read", "detect", "embed"}


def test_networks_close_their_threads():
    with Networks(None, 2) as networks:
        pool = networks._pool
    with pytest.raises(RuntimeError):
        pool.submit(print)
