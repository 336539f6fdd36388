"""Options of the commands that track: detections, configuration, frames."""

from argparse import Namespace

import numpy as np
import pytest

from deepsort_reid import DeepSort
from deepsort_reid.cli.main import main
from deepsort_reid.cli.tracking_options import count_frames, make_detector
from deepsort_reid.io.mot import read_results
from deepsort_reid.structures import boxes
from tests.cli import synthetic_video
from tests.vision.detectors.yolox_files import write_yolox

FRAMES = synthetic_video.FRAMES  # six of them with ids: a track is confirmed in its third frame


@pytest.mark.parametrize("option", ["--detections", "--detector"])
def test_detections_file_starts_at_the_start_frame(option, run_track, out, detections):
    options = ("--start", "4", "--no-video")
    assert run_track(*options, detector=(option, str(detections))) == 0
    rows = read_results(out / "tracks.txt")
    assert rows.frame.min() == 6
    xyxy = rows.xyxy[rows.frame == 6]
    np.testing.assert_allclose(
        np.sort(xyxy, axis=0), np.sort(synthetic_video.true_boxes(6), axis=0), atol=1e-6
    )


def test_detections_warps_and_time_steps_follow_every_and_start(
    video, detections, out, monkeypatch
):
    # By the file of warps the camera moves 5 pixels to the right in every frame.
    warps = out.parent / "warps.txt"
    warps.write_text("".join(f"{k} 1 0 {-5 * (k > 1)} 0 1 0\n" for k in range(1, FRAMES + 1)))
    inputs, update = [], DeepSort.update

    def spy(self, detections, *, frame=None, camera=None, dt=1.0, time=None):
        inputs.append(
            (detections.xyxy[:, 0].tolist(), None if camera is None else camera[0, 2], dt)
        )
        return update(self, detections, frame=frame, camera=camera, dt=dt, time=time)

    monkeypatch.setattr(DeepSort, "update", spy)
    options = ["--every", "3", "--start", "2", "--no-video", "--camera-motion", str(warps)]
    files = ["--detections", str(detections), "--embedder", "none", "--out", str(out)]
    assert main(["track", str(video), *options, *files]) == 0
    expected = [synthetic_video.true_boxes(number)[:, 0].tolist() for number in (2, 5, 8)]
    assert [left for left, _, _ in inputs] == expected
    assert [dt for _, _, dt in inputs] == [3, 3, 3]
    assert [shift for _, shift, _ in inputs] == [0, -15, -15]


def test_min_score_ignores_detections_with_a_lower_score(video, tmp_path, run_track, out):
    file = tmp_path / "low-score" / "det.txt"
    file.parent.mkdir()
    lines = []
    for number in range(1, FRAMES + 1):
        for score, (x, y, w, h) in zip(
            (0.9, 0.7), boxes.xyxy_to_tlwh(synthetic_video.true_boxes(number)), strict=True
        ):
            lines.append(f"{number},-1,{x},{y},{w},{h},{score},-1,-1,-1\n")
    file.write_text("".join(lines))
    assert run_track("--min-score", "0.8", "--no-video", detector=("--detections", str(file))) == 0
    assert set(read_results(out / "tracks.txt").id.tolist()) == {1}


def test_configuration_file_is_applied(run_track, out, tmp_path):
    config = tmp_path / "early.json"
    config.write_text('{"n_init": 1}')
    assert run_track("--config", str(config), "--no-video") == 0
    assert len(read_results(out / "tracks.txt")) == 2 * FRAMES
    assert synthetic_video.read_strict_json(out / "summary.json")["config"]["n_init"] == 1


def test_single_fields_are_set_after_those_of_the_file(run_track, out, tmp_path):
    config = tmp_path / "both.json"
    config.write_text('{"n_init": 9, "max_age": 7}')
    fields = ("--set", "n_init=1", "--set", "smooth_boxes=false")
    assert run_track("--config", str(config), *fields, "--no-video") == 0
    used = synthetic_video.read_strict_json(out / "summary.json")["config"]
    assert (used["n_init"], used["max_age"], used["smooth_boxes"]) == (1, 7, False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("n_init", "expected FIELD=VALUE with a number, true or false, such as max_age=60"),
        ("n_init=one", "expected FIELD=VALUE"),
        ('n_init="1"', "expected FIELD=VALUE"),
        ("n_initt=1", "--set n_initt=1: DeepSortConfig has no field 'n_initt'"),
        ("n_init=0", "--set n_init=0: n_init must be a whole number, at least 1"),
    ],
)
def test_invalid_field_is_one_line(given, message, run_track, out, capsys):
    try:
        status = run_track("--set", given)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in synthetic_video.read_error_line(capsys)
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"confirm_afterr": 1}', "DeepSortConfig has no field 'confirm_afterr'"),
        (b'{\n"n_init": 1,\n}', ":3: expected JSON"),
        (b'{"n_init": "one"}', "n_init must be a whole number, at least 1"),
        (
            b'{"common_motion_compensation": 1}',
            "common_motion_compensation must be true or false, got 1",
        ),
        (b'{"min_score": NaN}', "min_score must be a number"),
        (b"[1, 2]", "expected a JSON object, got list"),
        (b"", ":1: expected JSON"),
        (b'{"steady": "\xff"}', "expected JSON in UTF-8"),
    ],
)
def test_invalid_configuration_is_one_line_with_the_file(
    content, message, run_track, out, tmp_path, capsys
):
    config = tmp_path / "wrong.json"
    config.write_bytes(content)
    assert run_track("--config", str(config)) == 2
    error = synthetic_video.read_error_line(capsys)
    assert message in error
    assert str(config) in error
    assert not out.exists()


def test_count_frames_follows_start_stop_and_every():
    def ahead(length, start=1, stop=None, every=1):
        return count_frames(length, Namespace(start=start, stop=stop, every=every))

    assert ahead(8) == 8
    assert ahead(8, start=2, stop=7, every=2) == 3
    assert ahead(8, stop=99) == 8
    assert ahead(None) is None
    assert ahead(None, stop=5) == 5


def options_of_the_detector(**changed):
    defaults = {"detections": None, "detector_weights": None, "min_score": None, "threads": None}
    return Namespace(source="street.mp4", start=1, every=1, **{**defaults, **changed})


@pytest.mark.parametrize("command", ["track", "find", "benchmark", "demo"])
def test_device_reaches_the_embedder(command, video, detections, image_sequences, tmp_path, capsys):
    before = {
        "track": [video, "--detections", detections],
        "find": ["1,1,9,9", video],
        "benchmark": [image_sequences, "--detector", "background", "--quiet"],
        "demo": ["--frames", "2", "--quiet"],
    }
    embedder = synthetic_video.write_embedder(tmp_path / "colour.onnx")
    options = ["--embedder", embedder, "--out", tmp_path / "out", "--device", "gpu"]
    assert main([command, *map(str, [*before[command], *options])]) == 2
    error = synthetic_video.read_error_line(capsys)
    assert "device: expected one of cpu, cuda," in error
    assert "got 'gpu'" in error


@pytest.mark.parametrize("command", ["track", "benchmark"])
def test_device_reaches_the_onnx_detector(command, video, image_sequences, tmp_path, capsys):
    source = video if command == "track" else image_sequences
    options = ["--detector", write_yolox(tmp_path / "yolox.onnx", {}), "--embedder", "none"]
    options += ["--out", tmp_path / "out", "--device", "gpu", "--quiet"]
    assert main([command, *map(str, [source, *options])]) == 2
    assert "device: expected one of cpu, cuda," in synthetic_video.read_error_line(capsys)


def test_device_reaches_the_torchvision_detector(monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr(
        "deepsort_reid.vision.detectors.TorchvisionDetector",
        lambda name, **options: given.append((name, options)),
    )
    args = options_of_the_detector(
        detector="torchvision:retinanet", detector_weights=tmp_path, device="cuda:1"
    )
    make_detector(args, print)
    assert given == [("retinanet", {"weights": tmp_path, "device": "cuda:1"})]
