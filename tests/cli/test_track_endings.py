"""Files and messages of `track` after a truncated video, Ctrl-C, an error or bad input."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from deepsort_reid.cli import track as command
from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_detections, read_results
from tests.cli import synthetic_video

FRAMES = synthetic_video.FRAMES


def write_truncated_video(tmp_path):
    """Write a video of noise and remove the second half of its bytes."""
    rng = np.random.default_rng(0)
    path = tmp_path / "whole.avi"
    with synthetic_video.VideoWriter(path, 10, (64, 48)) as writer:
        for _ in range(40):
            writer.write(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return cut


def test_truncated_video_is_one_line_and_its_frames_are_saved(run_track, out, tmp_path, capfd):
    assert run_track("--quiet", source=write_truncated_video(tmp_path)) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("deepsort-reid track: ")
    assert "cut off or damaged" in error
    assert f"the frames before are tracked in {out}" in error
    summary = synthetic_video.read_strict_json(out / "summary.json")
    assert "cut off or damaged" in summary["status"]
    assert 5 < summary["frames"] < 35
    assert synthetic_video.decode_video(out / "video.mp4") == (summary["frames"], (64, 48))
    assert len(read_results(out / "tracks.txt")) == summary["boxes"] > 0


def test_unreadable_image_is_one_line_and_the_images_before_are_tracked(
    run_track, out, tmp_path, capsys
):
    folder = synthetic_video.write_images(tmp_path / "images", FRAMES)
    (folder / "000006.png").write_bytes(b"not an image")
    assert run_track("--quiet", source=folder) == 2
    assert "000006.png: expected an image" in synthetic_video.read_error_line(capsys)
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3, 4, 4, 5, 5]
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 5


def test_ctrl_c_leaves_tracks_video_detections_and_summary_complete(
    replace_detector, video, out, capsys, tmp_path
):
    replace_detector(fails_at=6, failure=KeyboardInterrupt())
    options = ["--embedder", "none", "--out", str(out), "--quiet", "--save-detections"]
    assert main(["track", str(video), *options]) == 130
    assert capsys.readouterr().err == "deepsort-reid track: stopped\n"
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3, 4, 4, 5, 5]
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 5
    assert len(read_detections(out / "detections.txt")) == 10
    summary = synthetic_video.read_strict_json(out / "summary.json")
    assert (summary["status"], summary["frames"]) == ("interrupted", 5)


def test_run_with_a_failing_detector_has_status_failed(replace_detector, video, out, capsys):
    replace_detector(fails_at=4, failure=ValueError("the network is gone"))
    assert main(["track", str(video), "--embedder", "none", "--out", str(out), "--quiet"]) == 2
    assert synthetic_video.read_error_line(capsys) == "deepsort-reid track: the network is gone\n"
    assert synthetic_video.read_strict_json(out / "summary.json")["status"] == "failed"
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3]
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 3


def test_error_of_the_video_encoder_is_one_line_and_no_thread_is_left(
    run_track, out, capsys, monkeypatch
):
    def write(self, frame, time):
        raise OSError("video.mp4: no space left")

    before = threading.active_count()
    monkeypatch.setattr("deepsort_reid.io.video_writer.VideoWriter.write", write)
    assert run_track("--quiet") == 2
    error = synthetic_video.read_error_line(capsys)
    assert error == "deepsort-reid track: video.mp4: no space left\n"
    assert synthetic_video.read_strict_json(out / "summary.json")["status"] == "failed"
    assert threading.active_count() == before


def test_tracks_are_written_after_every_frame(monkeypatch, video, out):
    line_counts = []

    class ReadsTracksFile(synthetic_video.TrueBoxDetector):
        def __call__(self, image):
            if self.calls:
                line_counts.append((out / "tracks.txt").read_text().count("\n"))
            return super().__call__(image)

    monkeypatch.setattr(
        command, "make_detector", lambda args, note: (ReadsTracksFile(), "test detector")
    )
    options = ["--embedder", "none", "--out", str(out), "--quiet", "--no-video"]
    assert main(["track", str(video), *options]) == 0
    assert line_counts == [0, 0, 2, 4, 6, 8, 10]


def test_earlier_results_are_kept_when_no_frame_is_tracked(
    run_track, replace_detector, video, out, capsys
):
    assert run_track("--save-detections") == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    replace_detector(fails_at=1, failure=ValueError("no"))
    assert main(["track", str(video), "--embedder", "none", "--out", str(out)]) == 2
    replace_detector(fails_at=1, failure=KeyboardInterrupt())
    assert main(["track", str(video), "--embedder", "none", "--out", str(out)]) == 130
    assert main(["track", str(video.parent / "no.avi"), "--out", str(out)]) == 2
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--every", "0"], "every: expected at least 1, got 0"),
        (["--start", "0"], "start: expected a frame number from 1, got 0"),
        (["--start", "5", "--stop", "4"], "stop: expected a frame number from start = 5 on"),
        (["--start", "9"], "start: expected a frame up to the last one, 8, got 9"),
        (["--min-score", "30"], "--min-score: expected a number from 0 to 1, got 30.0"),
        (["--min-score", "nan"], "--min-score: expected a number from 0 to 1, got nan"),
        (["--detector", "background"], "--detections and --detector: expected one of them"),
        (["--camera-motion", "no-such-file"], "no-such-file"),
        (["--embedder", "no-such.onnx"], "no-such.onnx: no such ONNX file"),
        (["--config", "no-such.json"], "no-such.json: No such file"),
        (["--format", "xml"], "invalid choice: 'xml'"),
        (["--every", "two"], "argument --every: invalid int value: 'two'"),
    ],
)
def test_invalid_options_are_one_line_and_make_no_folder(options, message, run_track, out, capsys):
    assert run_track(*options) == 2
    assert message in synthetic_video.read_error_line(capsys)
    assert not out.exists()


@pytest.mark.parametrize("place", ["out", "out/below"])
def test_output_folder_that_is_a_file_is_reported_before_tracking(
    place, replace_detector, video, tmp_path, capsys
):
    (tmp_path / "out").write_text("mine")
    detector = replace_detector()
    assert main(["track", str(video), "--embedder", "none", "--out", str(tmp_path / place)]) == 2
    assert str(tmp_path / "out") in synthetic_video.read_error_line(capsys)
    assert detector.calls == 0
    assert (tmp_path / "out").read_text() == "mine"


def test_sources_that_are_not_videos_are_one_line(run_track, tmp_path, out, capfd):
    sources = {"missing.mp4": "no such video", "empty.mp4": "empty file", "text.mp4": "a video"}
    sources |= {"folder": "expected images"}
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("frame,id\n" * 99)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("no image")
    for name, message in sources.items():
        assert run_track(source=tmp_path / name) == 2
        error = capfd.readouterr().err
        assert error.count("\n") == 1, error
        assert message in error
        assert name in error
    assert not out.exists()


def test_invalid_detection_row_is_reported_with_file_line_and_content(
    run_track, tmp_path, out, capsys
):
    file = tmp_path / "det.txt"
    file.write_text("1,-1,10,10,20,50,0.9,-1,-1,-1\n2,-1,ten,10,20,50,0.9,-1,-1,-1\n")
    assert run_track(detector=("--detections", str(file))) == 2
    error = synthetic_video.read_error_line(capsys)
    assert f"{file}:2" in error
    assert "ten" in error
    assert not out.exists()


def test_detector_weights_without_detector_are_rejected(run_track, capsys):
    assert run_track(detector=("--detector-weights", "w.pt")) == 2
    assert (
        "--detector-weights: expected --detector torchvision:NAME, got --detector none"
        in synthetic_video.read_error_line(capsys)
    )


def test_detector_weights_without_detector_are_rejected_for_sequence_folders(tmp_path, out, capsys):
    folder = synthetic_video.write_sequence(tmp_path / "SEQ-01", 2, images=True)
    options = ["--detector-weights", "w.pt", "--embedder", "none", "--out", str(out)]
    assert main(["track", str(folder), *options]) == 2
    assert (
        "--detector-weights: expected --detector torchvision:NAME, got --detector none"
        in synthetic_video.read_error_line(capsys)
    )
    assert not out.exists()


@pytest.mark.parametrize(
    "detector", ["background", "yolox_s", "yolox.onnx", "det.txt", "detections.npz"]
)
def test_detector_weights_of_other_detectors_are_rejected(detector, run_track, capsys):
    assert run_track(detector=("--detector", detector, "--detector-weights", "w.pt")) == 2
    expected = (
        f"--detector-weights: expected --detector torchvision:NAME, got --detector {detector}"
    )
    assert expected in synthetic_video.read_error_line(capsys)


def test_show_without_a_display_is_one_line(run_track, monkeypatch, out, capsys):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run_track("--show") == 2
    assert synthetic_video.read_error_line(capsys) == (
        "deepsort-reid track: --show: expected a display, found none; leave --show out\n"
    )
    assert not out.exists()


def test_show_on_a_display_that_does_not_respond_is_one_line(run_track, monkeypatch, out, capsys):
    monkeypatch.setenv("DISPLAY", ":98765")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run_track("--show") == 2
    assert "--show: expected a display that responds" in synthetic_video.read_error_line(capsys)
    assert not out.exists()


def test_q_in_the_window_ends_the_run_and_saves_everything(run_track, monkeypatch, out):
    shown = []
    monkeypatch.setattr(command, "_require_display", lambda: None)
    monkeypatch.setattr(command, "_show", lambda image: shown.append(image) or len(shown) < 5)
    assert run_track("--show", "--no-video") == 0
    assert [image.shape for image in shown] == [
        (synthetic_video.HEIGHT, synthetic_video.WIDTH, 3)
    ] * 5
    assert read_results(out / "tracks.txt").frame.max() == 5
    assert synthetic_video.read_strict_json(out / "summary.json")["frames"] == 5


def test_truncated_video_prints_no_ffmpeg_messages(tmp_path, detections, out):
    options = ["--detections", detections, "--embedder", "none", "--out", out, "--quiet"]
    line = [
        sys.executable,
        "-m",
        "deepsort_reid",
        "track",
        write_truncated_video(tmp_path),
        *options,
    ]
    ended = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("deepsort-reid track: "), ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr


def test_interrupt_signal_ends_the_run_with_everything_saved(monkeypatch, video, out):
    class RaisesSignal(synthetic_video.TrueBoxDetector):
        def __call__(self, image):
            if self.calls == 4:
                signal.raise_signal(signal.SIGINT)
            return super().__call__(image)

    monkeypatch.setattr(
        command, "make_detector", lambda args, note: (RaisesSignal(), "test detector")
    )
    assert main(["track", str(video), "--embedder", "none", "--out", str(out), "--quiet"]) == 130
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3, 4, 4]
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 4
    assert synthetic_video.read_strict_json(out / "summary.json")["status"] == "interrupted"


def test_ctrl_c_while_drawing_leaves_tracks_and_video_readable(monkeypatch, run_track, out):
    from deepsort_reid.vision.drawing import Drawer

    drawn, draw = [], Drawer.__call__

    def pressed(self, *given):
        drawn.append(len(drawn))
        if len(drawn) == 5:
            raise KeyboardInterrupt
        return draw(self, *given)

    monkeypatch.setattr(Drawer, "__call__", pressed)
    assert run_track("--quiet") == 130
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3, 4, 4, 5, 5]
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 4
    assert synthetic_video.read_strict_json(out / "summary.json")["boxes"] == 6


def test_video_without_readable_frames_leaves_no_results(run_track, out, tmp_path, capsys):
    folder = synthetic_video.write_images(tmp_path / "images", 3)
    (folder / "000002.png").write_bytes(b"not an image")
    assert run_track("--quiet", "--start", "2", source=folder) == 2
    error = synthetic_video.read_error_line(capsys)
    assert "000002.png: expected an image" in error
    assert "the frames before" not in error
    assert not list(out.iterdir())
