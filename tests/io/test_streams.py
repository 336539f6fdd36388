"""Streams over the loopback address: HTTP and UDP, which close, reset, stall and change size."""

import functools
import itertools
import socket
import subprocess
import threading
import time

import numpy as np
import pytest

from deepsort_reid.io.live_options import LiveOptions, StreamState
from deepsort_reid.io.video import TruncatedVideo
from deepsort_reid.io.video_reader import open_video
from tests.io.fake_captures import numbered_frame, numbers_of
from tests.io.ffmpeg import ffmpeg, ffmpeg_program
from tests.io.mjpeg_server import MjpegServer

LEVELS = [40, 80, 120, 160, 200]  # FFmpeg does not open a stream of two frames


def frames(*levels, size=(64, 48)):
    return [numbered_frame(level, size) for level in levels]


def options(**changes):
    """A stall is long enough that a busy machine does not see one where there is none."""
    return LiveOptions(**{"stall_timeout": 20, "open_timeout": 20, "retry_delay": 0.1, **changes})


def read(server, count, **changes):
    """Frames of a server, and the video."""
    video = open_video(server.url(), live=options(**changes))
    return list(itertools.islice(video.iter_timed_frames(), count)), video


def assert_levels(found, expected):
    """JPEG changes grey levels by one or two."""
    np.testing.assert_allclose(numbers_of(found), expected, atol=3)


def test_http_stream_that_closes_is_continued():
    with MjpegServer(frames(*LEVELS), frames(*LEVELS[::-1])) as server:
        found, video = read(server, 10)
        assert_levels(found, LEVELS + LEVELS[::-1])
        assert [frame.number for frame in found] == list(range(1, 11))
        assert len(server.requests) == 2
        report = video.live.report()
        assert (report["reconnects"], report["frames_received"]) == (1, 10)


def test_http_stream_that_is_reset_is_continued():
    script = [*frames(*LEVELS), MjpegServer.RESET]
    with MjpegServer(script, frames(*LEVELS)) as server:
        found, video = read(server, 8)
        assert_levels(found[-1:], [120])
        assert video.live.report()["reconnects"] == 1


@pytest.mark.slow
def test_http_stream_that_stalls_is_continued():
    with MjpegServer() as server:
        server.scripts += [[*frames(*LEVELS), server.stall]] + [frames(*[250] * 5)] * 3
        found, video = read(server, 6, stall_timeout=2, reconnect=20)
        assert_levels(found, [*LEVELS, 250])
        assert video.live.report()["interruptions"][0]["reason"] == "no frame for 2 s"


@pytest.mark.slow
def test_http_stream_that_stalls_for_good_is_truncated():
    with MjpegServer() as server:
        server.scripts += [[*frames(*LEVELS), server.stall]]
        video = open_video(server.url(), live=options(stall_timeout=2, reconnect=1))
        found = []
        with pytest.raises(TruncatedVideo, match="no frame for 2 s") as error:
            found.extend(frame for frame in video.iter_timed_frames())
        assert_levels(found, LEVELS)
        assert error.value.frames_read == 5


def test_http_stream_that_ends_for_good_is_truncated():
    with MjpegServer(frames(*LEVELS)) as server:
        video = open_video(server.url(), live=options(reconnect=0.3))
        with pytest.raises(TruncatedVideo, match=r"the source ended, and no frame in 0\.3 s"):
            list(video)
        assert len(server.requests) > 1


def test_http_stream_with_another_size_is_continued_in_the_first_size():
    other = frames(*LEVELS, size=(128, 96))
    with MjpegServer([*frames(*LEVELS), *other], other) as server:
        found, _ = read(server, 15)
        assert {frame.frame.shape for frame in found} == {(48, 64, 3)}
        assert_levels(found, LEVELS * 3)


def test_with_latest_http_frames_are_left_out_while_the_consumer_is_busy():
    """The server ends the first part when all frames are sent; the consumer waits for that."""
    sent = threading.Event()
    with MjpegServer([*frames(*[40] * 5), *frames(*[90] * 40), *frames(200), sent.set]) as server:
        video = open_video(server.url(), live=options(latest=True, reconnect=0))
        received = video.iter_timed_frames()
        first = next(received)
        assert sent.wait(20)
        deadline = time.monotonic() + 60
        while video.live.report()["frames_received"] < 46 and time.monotonic() < deadline:
            time.sleep(0.01)
        last = next(received)
        assert_levels([first, last], [40, 200])
        assert last.number == 46
        assert last.dt == pytest.approx(max(0.5, (last.time - first.time) * video.frame_rate))


def test_password_is_in_no_message_and_in_no_output_of_opencv(capfd):
    with MjpegServer(frames(*LEVELS)) as server:
        url = server.url(credentials="admin:geheim@", path="camera.mjpg?token=geheim")
        video = open_video(url, live=options(reconnect=0.3))
        with pytest.raises(TruncatedVideo) as ended:
            list(video)
        with pytest.raises(OSError, match="expected frames") as refused:
            open_video(url)
    with pytest.raises(OSError, match="expected frames") as closed:
        open_video("rtsp://admin:geheim@127.0.0.1:1/yard")
    printed = capfd.readouterr()
    for text in (video.name, ended.value, refused.value, closed.value, printed.out, printed.err):
        assert "geheim" not in str(text)


def test_video_file_behind_an_address_is_read_to_its_end(tmp_path):
    """It has an end and stored times: it is no stream."""
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=4", str(tmp_path / "a.mp4"))
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *given):
            pass

    handler = functools.partial(Handler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        video = open_video(f"http://127.0.0.1:{http.server_port}/a.mp4", live=options(latest=True))
        assert (video.length, video.live) == (20, None)
        times = [frame.time for frame in video.iter_timed_frames()]
        http.shutdown()
    np.testing.assert_allclose(times, np.arange(20) / 5, atol=0.002)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class UdpSender:
    """ffmpeg, which sends a test picture as MPEG-TS over UDP until it is ended."""

    def __init__(self, port, size="64x48"):
        source = ["-re", "-f", "lavfi", "-i", f"testsrc=size={size}:rate=25"]
        codec = ["-c:v", "mpeg2video", "-g", "5", "-f", "mpegts"]
        url = f"udp://127.0.0.1:{port}?pkt_size=1316"
        command = [ffmpeg_program(), "-loglevel", "error", *source, *codec, url]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def end(self):
        self._process.kill()
        self._process.wait()


@pytest.mark.slow
def test_udp_stream_that_stalls_and_comes_back_in_another_size_is_continued():
    port, senders = free_port(), []

    def send_again_after_the_stall(change):
        if change.state is StreamState.STALLED:
            senders.append(UdpSender(port, "128x96"))

    live = options(stall_timeout=2, latest=True, on_change=send_again_after_the_stall)
    senders.append(UdpSender(port))
    try:
        video = open_video(f"udp://127.0.0.1:{port}", live=live)
        received = video.iter_timed_frames()
        found = list(itertools.islice(received, 20))
        senders[0].end()
        while not video.live.report()["reconnects"]:
            found.append(next(received))
        found += itertools.islice(received, 5)
        received.close()
    finally:
        for sender in senders:
            sender.end()
    report = video.live.report()
    assert report["interruptions"][0]["reason"] == "no frame for 2 s"
    assert report["sizes"] == [[64, 48], [128, 96]]
    assert {frame.frame.shape for frame in found} == {(48, 64, 3)}
    assert (np.diff([frame.time for frame in found]) > 0).all()
