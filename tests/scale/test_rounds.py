"""Rounds of files: order of time, frame rates, ends; rounds of live cameras: the newest frames."""

import threading

import numpy as np
import pytest

from deepsort_reid import DeepSort, Detections
from deepsort_reid.io.live_options import LiveOptions
from deepsort_reid.io.live_reader import LiveReader
from deepsort_reid.io.video import Video
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.scale.camera import Camera
from deepsort_reid.scale.rounds import FileRounds, FrameRange, LiveRounds

FRAME = np.zeros((24, 32, 3), dtype=np.uint8)


def detect_nothing(frame):
    return Detections.empty()


def make_camera(name, count, rate, start_time=0.0, length=None):
    frames = [FRAME] * count
    video = open_video(frames, frame_rate=rate)
    if length is not None:
        video = Video(name, rate, video.size, length, video._open)
    return Camera(name, video, detect_nothing, DeepSort(camera=name), start_time=start_time)


def rounds_of(*cameras, **span):
    rounds = FileRounds(cameras, FrameRange(**span))
    try:
        return [
            (
                [(camera.name, timed.number) for camera, timed in each.frames],
                [(camera.name, reason) for camera, reason in each.ended],
            )
            for each in rounds
        ]
    finally:
        rounds.close()


def test_cameras_of_one_rate_stay_together_and_the_shorter_one_ends():
    assert rounds_of(make_camera("a", 2, 10), make_camera("b", 3, 10)) == [
        ([("a", 1), ("b", 1)], []),
        ([("a", 2), ("b", 2)], []),
        ([("b", 3)], [("a", "")]),
        ([], [("b", "")]),
    ]


def test_camera_of_half_the_rate_is_in_every_second_round():
    found = rounds_of(make_camera("fast", 5, 20), make_camera("slow", 3, 10))
    assert [frames for frames, _ in found[:5]] == [
        [("fast", 1), ("slow", 1)],
        [("fast", 2)],
        [("fast", 3), ("slow", 2)],
        [("fast", 4)],
        [("fast", 5), ("slow", 3)],
    ]


@pytest.mark.parametrize("rates", [(25, 10, 7), (30, 29.97, 3), (15, 50, 24)])
def test_frames_of_all_cameras_come_in_the_order_of_time(rates):
    cameras = [
        make_camera(str(k), int(3 * rate), rate, start_time=0.3 * k) for k, rate in enumerate(rates)
    ]
    rounds = FileRounds(cameras, FrameRange())
    times = [camera.start_time + timed.time for each in rounds for camera, timed in each.frames]
    assert times == sorted(times)
    assert len(times) == sum(int(3 * rate) for rate in rates)


def test_start_stop_and_every_select_the_frames_of_every_camera():
    found = rounds_of(make_camera("a", 9, 10), make_camera("b", 4, 10), start=2, stop=7, every=2)
    assert [frames for frames, _ in found] == [
        [("a", 2), ("b", 2)],
        [("a", 4), ("b", 4)],
        [("a", 6)],
        [],
    ]


def test_truncated_camera_ends_with_the_reason_and_the_others_go_on():
    found = rounds_of(make_camera("cut", 2, 10, length=9), make_camera("whole", 4, 10))
    assert [frames for frames, _ in found][-2:] == [[("whole", 4)], []]
    ((name, reason),) = found[2][1]
    assert name == "cut"
    assert "only 2 of 9 frames could be read" in reason


class Capture:
    """A capture that delivers a frame whenever `go` is set, and ends after `count`."""

    def __init__(self, count):
        self.count, self.go = count, threading.Semaphore(0)

    def isOpened(self):  # noqa: N802
        return True

    def get(self, key):
        return 25.0 if key == 5 else 0.0

    def read(self):
        if not self.count:
            return False, None
        self.go.acquire()
        self.count -= 1
        return True, FRAME.copy()

    def release(self):
        pass


def make_live_camera(name, count):
    capture = Capture(count)
    capture.go.release()
    options = LiveOptions(latest=True, reconnect=0, stall_timeout=60)
    video = Video(name, 25.0, (32, 24), None, LiveReader(lambda: capture, options))
    return Camera(name, video, detect_nothing, DeepSort(camera=name)), capture


def test_live_round_has_the_newest_frame_of_each_camera_and_the_time_since_the_last():
    (first, one), (second, other) = make_live_camera("one", 5), make_live_camera("other", 1)
    rounds = LiveRounds([first, second], FrameRange())
    seen = []
    with_time = {"one": [], "other": []}
    for _ in range(4):
        one.go.release()
    for each in rounds:
        seen += [camera.name for camera, _ in each.ended]
        for camera, timed in each.frames:
            with_time[camera.name].append((timed.number, timed.dt))
    rounds.close()
    assert sorted(seen) == ["one", "other"]
    numbers = [number for number, _ in with_time["one"]]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 5
    assert [number for number, _ in with_time["other"]] == [1]
    assert first.video.live.report()["frames_dropped"] == 5 - len(numbers)
    assert other.count == 0


def test_stop_ends_the_wait_for_a_live_camera():
    camera, _ = make_live_camera("silent", 2)
    rounds = LiveRounds([camera], FrameRange())
    assert next(rounds).frames[0][1].number == 1
    threading.Timer(0.1, rounds.stop).start()
    assert list(rounds) == []
    rounds.close()
