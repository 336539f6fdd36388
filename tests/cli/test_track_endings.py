"""How a run of `track` can end, and what is on disk then: cut off, Ctrl-C, bad input."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from deepsort_reid.cli import track as command
from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_detections, read_results
from tests.cli import synthetic_video

FRAMES = synthetic_video.FRAMES


def cut_in_half(tmp_path):
    """A video of noise of which the second half of the bytes is missing."""
    rng = np.random.default_rng(0)
    path = tmp_path / "whole.avi"
    with synthetic_video.VideoWriter(path, 10, (64, 48)) as writer:
        for _ in range(40):
            writer.write(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return cut


def test_a_cut_off_video_is_one_line_and_what_was_read_is_saved(run_track, out, tmp_path, capfd):
    assert run_track("--quiet", source=cut_in_half(tmp_path)) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("deepsort-reid track: ")
    assert "cut off or damaged" in error
    assert f"what was tracked until then is in {out}" in error
    summary = synthetic_video.read_strict_json(out / "summary.json")
    assert "cut off or damaged" in summary["status"]
    assert 5 < summary["frames"] < 35
    assert synthetic_video.decode_video(out / "video.mp4") == (summary["frames"], (64, 48))
    assert len(read_results(out / "tracks.txt")) == summary["boxes"] > 0


def test_a_broken_image_is_one_line_and_the_images_before_are_tracked(
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


def test_a_detector_that_fails_does_not_pass_for_a_complete_run(
    replace_detector, video, out, capsys
):
    replace_detector(fails_at=4, failure=ValueError("the network is gone"))
    assert main(["track", str(video), "--embedder", "none", "--out", str(out), "--quiet"]) == 2
    assert synthetic_video.read_error_line(capsys) == "deepsort-reid track: the network is gone\n"
    assert synthetic_video.read_strict_json(out / "summary.json")["status"] == "failed"
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3]
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 3


def test_tracks_are_on_disk_while_the_run_goes_on(monkeypatch, video, out):
    seen = []

    class Looks(synthetic_video.TrueBoxDetector):
        def __call__(self, picture):
            if self.calls:
                seen.append((out / "tracks.txt").read_text().count("\n"))
            return super().__call__(picture)

    monkeypatch.setattr(command, "make_detector", lambda args, note: (Looks(), "looks"))
    options = ["--embedder", "none", "--out", str(out), "--quiet", "--no-video"]
    assert main(["track", str(video), *options]) == 0
    assert seen == [0, 0, 2, 4, 6, 8, 10]


def test_results_of_an_earlier_run_survive_one_that_fails_before_its_first_frame(
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
def test_impossible_wishes_are_one_line_and_leave_no_folder(
    options, message, run_track, out, capsys
):
    assert run_track(*options) == 2
    assert message in synthetic_video.read_error_line(capsys)
    assert not out.exists()


@pytest.mark.parametrize("place", ["out", "out/below"])
def test_a_file_in_the_place_of_the_folder_is_said_before_any_frame_is_tracked(
    place, replace_detector, video, tmp_path, capsys
):
    (tmp_path / "out").write_text("mine")
    detector = replace_detector()
    assert main(["track", str(video), "--embedder", "none", "--out", str(tmp_path / place)]) == 2
    assert str(tmp_path / "out") in synthetic_video.read_error_line(capsys)
    assert detector.calls == 0
    assert (tmp_path / "out").read_text() == "mine"


def test_sources_that_are_no_video_are_one_line(run_track, tmp_path, out, capfd):
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


def test_a_bad_row_of_a_detection_file_is_told_with_file_line_and_content(
    run_track, tmp_path, out, capsys
):
    file = tmp_path / "det.txt"
    file.write_text("1,-1,10,10,20,50,0.9,-1,-1,-1\n2,-1,ten,10,20,50,0.9,-1,-1,-1\n")
    assert run_track(detector=("--detections", str(file))) == 2
    error = synthetic_video.read_error_line(capsys)
    assert f"{file}:2" in error
    assert "ten" in error
    assert not out.exists()


def test_weights_without_the_name_of_their_model_are_refused(run_track, capsys):
    assert run_track(detector=("--detector-weights", "w.pt")) == 2
    assert "--detector-weights needs --detector" in synthetic_video.read_error_line(capsys)


def test_weights_are_not_dropped_for_the_detections_beside_a_sequence(tmp_path, out, capsys):
    folder = synthetic_video.write_sequence(tmp_path / "SEQ-01", 2, images=True)
    options = ["--detector-weights", "w.pt", "--embedder", "none", "--out", str(out)]
    assert main(["track", str(folder), *options]) == 2
    assert "--detector-weights needs --detector" in synthetic_video.read_error_line(capsys)
    assert not out.exists()


@pytest.mark.parametrize("detector", ["background", "yolox.onnx", "det.txt", "detections.npz"])
def test_weights_of_what_is_no_torchvision_model_are_refused(detector, run_track, capsys):
    assert run_track(detector=("--detector", detector, "--detector-weights", "w.pt")) == 2
    expected = f"--detector-weights needs --detector, the name of their model: got {detector!r}"
    assert expected in synthetic_video.read_error_line(capsys)


def test_show_without_a_display_is_one_line(run_track, monkeypatch, out, capsys):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run_track("--show") == 2
    assert synthetic_video.read_error_line(capsys) == (
        "deepsort-reid track: --show needs a display, and there is none; leave it out\n"
    )
    assert not out.exists()


def test_show_on_a_display_that_does_not_answer_is_one_line(run_track, monkeypatch, out, capsys):
    monkeypatch.setenv("DISPLAY", ":98765")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run_track("--show") == 2
    assert "--show needs a display that answers" in synthetic_video.read_error_line(capsys)
    assert not out.exists()


def test_q_in_the_window_ends_the_run_with_everything_saved(run_track, monkeypatch, out):
    shown = []
    monkeypatch.setattr(command, "_require_display", lambda: None)
    monkeypatch.setattr(command, "_show", lambda picture: shown.append(picture) or len(shown) < 5)
    assert run_track("--show", "--no-video") == 0
    assert [picture.shape for picture in shown] == [
        (synthetic_video.HEIGHT, synthetic_video.WIDTH, 3)
    ] * 5
    assert read_results(out / "tracks.txt").frame.max() == 5
    assert synthetic_video.read_strict_json(out / "summary.json")["frames"] == 5


def test_as_a_process_a_cut_off_video_is_one_line_without_ffmpegs_own(tmp_path, detections, out):
    options = ["--detections", detections, "--embedder", "none", "--out", out, "--quiet"]
    line = [sys.executable, "-m", "deepsort_reid", "track", cut_in_half(tmp_path), *options]
    ended = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("deepsort-reid track: "), ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr


def test_a_real_interrupt_signal_is_ctrl_c(monkeypatch, video, out):
    class Presses(synthetic_video.TrueBoxDetector):
        def __call__(self, picture):
            if self.calls == 4:
                signal.raise_signal(signal.SIGINT)
            return super().__call__(picture)

    monkeypatch.setattr(command, "make_detector", lambda args, note: (Presses(), "presses"))
    assert main(["track", str(video), "--embedder", "none", "--out", str(out), "--quiet"]) == 130
    assert read_results(out / "tracks.txt").frame.tolist() == [3, 3, 4, 4]
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 4
    assert synthetic_video.read_strict_json(out / "summary.json")["status"] == "interrupted"


def test_ctrl_c_between_the_tracks_and_the_picture_of_a_frame_spoils_neither(
    monkeypatch, run_track, out
):
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


def test_a_video_without_one_readable_frame_promises_no_results(run_track, out, tmp_path, capsys):
    folder = synthetic_video.write_images(tmp_path / "images", 3)
    (folder / "000002.png").write_bytes(b"not an image")
    assert run_track("--quiet", "--start", "2", source=folder) == 2
    error = synthetic_video.read_error_line(capsys)
    assert "000002.png: expected an image" in error
    assert "what was tracked" not in error
    assert not list(out.iterdir())
