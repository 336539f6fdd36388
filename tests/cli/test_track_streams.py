"""`track` on streams: reconnection, ids, status, exit status, and no passwords anywhere."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from deepsort_reid import Detections
from deepsort_reid.cli import track as command
from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_results
from deepsort_reid.io.video_reader import open_video
from tests.cli import synthetic_video
from tests.io.mjpeg_server import MjpegServer

FRAMES = 16


@pytest.fixture
def track(monkeypatch, out):
    """Run `track` on a server, with exact detections; returns the exit status and the summary."""

    def run(server, *options, video=False):
        detector = lambda frame: Detections(synthetic_video.true_boxes(1))  # noqa: E731
        monkeypatch.setattr(command, "make_detector", lambda *given: (detector, "test detector"))
        fixed = ["--embedder", "none", "--out", str(out), *([] if video else ["--no-video"])]
        status = main(["track", server.url(), *fixed, *options])
        return status, synthetic_video.read_strict_json(out / "summary.json")

    return run


def parts(*lengths):
    """Frames of two people who stand still, in several parts."""
    return [[synthetic_video.render_frame(1)] * length for length in lengths]


def test_ids_survive_a_reconnect(track, out, capsys):
    with MjpegServer(*parts(8, 8)) as server:
        status, summary = track(server, "--stop", str(FRAMES))
    assert (status, summary["status"], summary["identities"]) == (0, "complete", 2)
    rows = read_results(out / "tracks.txt")
    assert rows.frame.tolist() == np.repeat(range(3, FRAMES + 1), 2).tolist()
    for id in (1, 2):
        boxes = rows.xyxy[rows.id == id]
        assert len(boxes) == FRAMES - 2
        assert np.ptp(boxes, axis=0).max() < 1
    stream = summary["stream"]
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "16 frames received, 0 left out, 1 reconnection<" in page
    assert page.count('class="sheet"') == 2
    assert (stream["state"], stream["reconnects"]) == ("ended", 1)
    assert stream["frames_received"] == FRAMES
    assert [each["reason"] for each in stream["interruptions"]] == ["the source ended"]
    notes = [line.split(" at ")[0] for line in capsys.readouterr().err.splitlines()]
    prefix = "deepsort-reid track: note: "
    assert notes == [f"{prefix}reconnecting", f"{prefix}connected"]


@pytest.mark.parametrize("lag", [0, 3])
def test_stopped_run_of_a_camera_goes_on_with_ids_numbers_and_times(
    lag, monkeypatch, out, tmp_path, capsys
):
    calls = []

    def detector(frame):
        calls.append(frame)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return Detections(synthetic_video.true_boxes(1))

    monkeypatch.setattr(command, "make_detector", lambda *given: (detector, "test detector"))
    options = ["--embedder", "none", "--out", str(out), "--format", "jsonl", "--lag", str(lag)]
    options += ["--checkpoint-every", "1e-9", "--stop", "20", "--resume", "--quiet"]
    with MjpegServer(*parts(16, 30)) as server:
        assert main(["track", server.url(), *options]) == 130
        first = (out / "tracks.jsonl").read_text()
        assert main(["track", server.url(), *options]) == 0
    assert first.count("\n") == 8  # those that the lag held back, too
    lines = [json.loads(line) for line in (out / "tracks.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, 21))
    times = [line["time"] for line in lines]
    assert times == sorted(times)
    assert times[8] - times[7] > 0.03
    assert {each["id"] for line in lines for each in line["tracks"]} == {1, 2}
    summary = synthetic_video.read_strict_json(out / "summary.json")
    assert (summary["status"], summary["frames"], summary["resumed"]) == ("complete", 20, 1)


def test_stream_that_ends_is_not_complete(track, capsys):
    with MjpegServer(*parts(8)) as server:
        status, summary = track(server, "--reconnect", "0.2", "--quiet")
    assert status == 2
    message = "the source ended, and no frame in 0.2 s of attempts to reconnect: only 8 frames"
    assert message in summary["status"]
    assert (summary["frames"], summary["stream"]["state"]) == (8, "ended")
    error = synthetic_video.read_error_line(capsys)
    assert message in error
    assert "the frames before are tracked in" in error


def test_frames_of_the_video_have_the_times_of_the_stream(track, out):
    """Frames at 0.3 s intervals, of a camera that declares 25 per second."""
    pause = threading.Event()
    frame = parts(1)[0][0]
    script = [item for _ in range(5) for item in (frame, lambda: pause.wait(0.3))]
    with MjpegServer([*script, frame]) as server:
        _, summary = track(server, "--latest", "--reconnect", "0", video=True)
    seconds = summary["last_frame_time"] - summary["first_frame_time"]
    times = open_video(out / "video.mp4").times()
    assert len(times) == summary["frames"]
    assert times[-1] == pytest.approx(seconds, abs=0.01)
    assert np.diff(times).min() > 0.1
    (video,) = summary["videos"]
    assert (video["file"], video["codec"], video["frames"]) == ("video.mp4", "H.264", len(times))
    assert video["end_time"] - video["start_time"] == pytest.approx(seconds)


@pytest.mark.parametrize(("options", "identities"), [((), 2), (("--restart-on-size-change",), 4)])
def test_change_of_size_continues_or_starts_over_by_choice(track, options, identities):
    double = [frame.repeat(2, axis=0).repeat(2, axis=1) for frame in parts(8)[0]]
    with MjpegServer(*parts(8), double) as server:
        status, summary = track(server, "--stop", "16", *options)
    assert (status, summary["status"], summary["frames"]) == (0, "complete", 16)
    assert summary["identities"] == identities
    assert summary["stream"]["sizes"] == [[160, 120], [320, 240]]


@pytest.mark.slow
def test_ctrl_c_ends_a_run_whose_source_hangs(tmp_path):
    """In a process of its own, whose thread hangs in OpenCV."""
    command = [sys.executable, "-m", "deepsort_reid", "track", "--stall-timeout", "60"]
    command += ["--embedder", "none", "--no-video", "--quiet", "--out", str(tmp_path)]
    with MjpegServer() as server:
        server.scripts.append([*parts(8)[0], server.stall])
        process = subprocess.Popen([*command, server.url()], stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not (tmp_path / "tracks.txt").exists():
            time.sleep(0.05)
        time.sleep(1)  # until all frames are read; the test also holds when it was not enough
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=120)[1] == "deepsort-reid track: stopped\n"
    assert process.returncode == 130
    summary = synthetic_video.read_strict_json(tmp_path / "summary.json")
    assert summary["status"] == "interrupted"


@pytest.mark.slow
def test_stream_that_stalls_for_good_is_not_complete(track, capsys):
    with MjpegServer() as server:
        server.scripts.append([*parts(8)[0], server.stall])
        status, summary = track(server, "--stall-timeout", "2", "--reconnect", "0", "--quiet")
    assert (status, summary["frames"]) == (2, 8)
    assert "no frame for 2 s: only 8 frames" in summary["status"]
    assert "no frame for 2 s" in synthetic_video.read_error_line(capsys)


def test_times_of_a_stream_are_written(track, out):
    with MjpegServer(*parts(8)) as server:
        _, summary = track(server, "--format", "jsonl", "--stop", "8", "--latest")
    lines = [json.loads(line) for line in (out / "tracks.jsonl").read_text().splitlines()]
    times = [line["time"] for line in lines]
    assert times[0] == 0
    assert times == sorted(times)
    assert summary["last_frame_time"] == pytest.approx(times[-1], abs=0.001)
    assert summary["stream"]["latest"] is True


@pytest.mark.slow
def test_password_is_in_no_file_folder_name_or_message(tmp_path):
    """In a process of its own, whose folders are named after the address."""
    with MjpegServer(*parts(8)) as server:
        url = server.url("key=geheim.mjpg?token=geheim", credentials="geheim:geheim@")
        command = [sys.executable, "-m", "deepsort_reid", "track", url, "--embedder", "none"]
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "DEEPSORT_REID_TRACEBACK": "0"}
        options = ["--explain", "--save-detections", "--reconnect", "0.2"]
        for extra in (options, ["--min-score", "3"], ["--every", "0"], []):
            done = subprocess.run(
                [*command, *extra],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 2, done.stderr
            assert "geheim" not in done.stdout + done.stderr
    assert len(server.requests) >= 4
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"summary.json", "tracks.txt", "video.mp4"}
    for path in tmp_path.rglob("*"):
        assert "geheim" not in path.name
    for path in written:
        assert b"geheim" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--stall-timeout", "0", "--stall-timeout: expected seconds above 0, got 0.0"),
        ("--reconnect", "-1", "--reconnect: expected 0 seconds or more, got -1.0"),
        ("--reconnect", "nan", "--reconnect: expected 0 seconds or more, got nan"),
    ],
)
def test_options_out_of_range_are_refused_before_the_source_is_opened(
    option, value, message, out, capsys
):
    status = main(["track", "rtsp://127.0.0.1:1/none", "--out", str(out), option, value])
    assert status == 2
    assert message in synthetic_video.read_error_line(capsys)


def test_stream_that_cannot_be_opened_is_one_line_without_its_password(out, capsys):
    assert main(["track", "rtsp://admin:geheim@127.0.0.1:1/none", "--out", str(out)]) == 2
    error = synthetic_video.read_error_line(capsys)
    assert "stream rtsp://***@127.0.0.1:1/none: expected frames, got none" in error
    assert not out.exists()
