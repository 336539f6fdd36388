"""`find` on a camera or stream: one connection, and rows that are on disk as they come."""

import csv

import pytest

from deepsort_reid import Detections
from deepsort_reid.cli import find as command
from deepsort_reid.cli.main import main
from deepsort_reid.vision.camera_motion import ESTIMATORS, CameraMotion
from tests.cli import synthetic_video
from tests.io.mjpeg_server import MjpegServer


@pytest.fixture
def find(monkeypatch, tmp_path):
    """Run `find` for the first person; `detector` gives the boxes. Returns status and rows."""
    model = synthetic_video.write_embedder(tmp_path / "colour.onnx")
    x1, y1, x2, y2 = synthetic_video.true_boxes(1)[0]
    query = f"{x1},{y1},{x2 - x1},{y2 - y1}"
    out = tmp_path / "found"

    def run(source, *options, detector=None):
        exact = lambda frame: Detections(synthetic_video.true_boxes(1))  # noqa: E731
        monkeypatch.setattr(command, "make_detector", lambda *given: (detector or exact, ""))
        fixed = ["--embedder", str(model), "--threshold", "0.9", "--quiet", "--out", str(out)]
        status = main(["find", query, str(source), *fixed, *options])
        with (out / "results.csv").open(newline="") as file:
            return status, list(csv.DictReader(file))

    return run


def parts(*lengths):
    return [[synthetic_video.render_frame(1)] * length for length in lengths]


def test_person_is_found_in_the_frames_after_the_query_and_after_a_reconnect(find, capsys):
    with MjpegServer(*parts(8, 8)) as server:
        status, rows = find(server.url(), "--stop", "16")
    assert status == 0
    assert [int(row["frame"]) for row in rows] == list(range(2, 17))
    assert {row["outcome"] for row in rows} == {"found"}
    times = [float(row["time"]) for row in rows]
    assert times == sorted(times)
    assert "found in 15 of 15 frames" in capsys.readouterr().out


def test_camera_motion_is_estimated_in_every_frame_after_the_query(find, monkeypatch):
    calls = []

    class Still:
        def __call__(self, frame, xyxy):
            calls.append(len(xyxy))
            return CameraMotion.identity()

    monkeypatch.setitem(ESTIMATORS, "auto", Still)
    with MjpegServer(*parts(8)) as server:
        find(server.url(), "--stop", "8")
        assert calls == [2] * 8
    with MjpegServer(*parts(8)) as server:
        find(server.url(), "--stop", "8", "--camera-motion", "none")
    assert len(calls) == 8


def test_stream_that_is_lost_is_an_error_and_its_frames_are_saved(find, tmp_path, capsys):
    with MjpegServer(*parts(8)) as server:
        status, rows = find(server.url(), "--reconnect", "0.2")
    assert status == 2
    assert len(rows) == 7
    assert (tmp_path / "found" / "montage.png").is_file()
    assert "only 8 frames could be read" in synthetic_video.read_error_line(capsys)


def test_rows_are_on_disk_as_they_come_and_stay_after_ctrl_c(find, tmp_path, capsys):
    path, seen = tmp_path / "found" / "results.csv", []

    def detector(frame):
        seen.append(path.read_text().count("\n") if path.exists() else 0)
        if len(seen) == 6:
            raise KeyboardInterrupt
        return Detections(synthetic_video.true_boxes(1))

    with MjpegServer(*parts(8)) as server:
        status, rows = find(server.url(), detector=detector)
    assert status == 130
    assert seen == [0, 0, 2, 3, 4, 5]  # with the header
    assert len(rows) == 4
    captured = capsys.readouterr()
    assert "found in 4 of 4 frames" in captured.out
    assert captured.err == "deepsort-reid find: stopped\n"
    page = (tmp_path / "found" / "index.html").read_text(encoding="utf-8")
    assert "did not reach the end of its source (interrupted)" in page
    assert "<span>matches</span><b>4</b>" in page


def test_clip_shows_the_matches_and_a_second_after_each(find, tmp_path):
    """The stream has 25 frames per second; the person is away from frame 41 to 99."""
    numbers = iter(range(1, 200))

    def detector(frame):
        in_view = not 40 < next(numbers) < 100
        return Detections(synthetic_video.true_boxes(1)[: 3 if in_view else 0])

    video = tmp_path / "street.avi"
    with synthetic_video.VideoWriter(video, 25, (160, 120)) as writer:
        for _ in range(120):
            writer.write(synthetic_video.render_frame(1))
    status, rows = find(video, detector=detector)
    assert status == 0
    found = [int(row["frame"]) for row in rows if row["outcome"] == "found"]
    assert found == [*range(2, 41), *range(100, 121)]
    frames, size = synthetic_video.decode_video(tmp_path / "found" / "found.mp4")
    assert (frames, size) == (39 + 25 + 21, (160, 120))
    page = (tmp_path / "found" / "index.html").read_text(encoding="utf-8")
    # The clip goes on with frame 100, 3.96 s after the first one, after 64 frames.
    assert '[["found.mp4",[[0.04,0.0],[3.96,2.56]]]]' in page
    assert page.count('class="sheet"') == 2
    status, _ = find(video, "--no-page", "--no-video", "--out", str(tmp_path / "plain"))
    assert {path.name for path in (tmp_path / "plain").iterdir()} == {"montage.png", "results.csv"}


def test_person_who_returns_after_an_absence_keeps_the_person(find):
    """The track ends while no one is in view."""
    away = range(21, 330)
    numbers = iter(range(1, 360))

    def detector(frame):
        in_view = next(numbers) not in away
        return Detections(synthetic_video.true_boxes(1)[: 3 if in_view else 0])

    with MjpegServer(*parts(359)) as server:
        status, rows = find(server.url(), "--stop", "359", detector=detector)
    assert status == 0
    before, after = ({row["person"] for row in part} for part in (rows[5:18], rows[340:]))
    assert before == after
    assert len(before) == 1
