"""Output folder of `track`: summary, formats of the tracks, saved detections, explanations."""

import csv
import json
import math
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from deepsort_reid import DeepSort
from deepsort_reid.cli.main import main
from deepsort_reid.cli.output_folder import OutputFolder, versions
from deepsort_reid.io.detections_npz import read_detections_npz
from deepsort_reid.io.mot import read_detections, read_results
from deepsort_reid.tracking.from_dict import tracker_parts
from tests.cli import synthetic_video

FRAMES = synthetic_video.FRAMES  # six of them with ids: a track is confirmed in its third frame


def test_summary_is_strict_json_with_settings_and_counts(run_track, out, video, detections):
    assert run_track() == 0
    summary = synthetic_video.read_strict_json(out / "summary.json")
    assert (summary["frames"], summary["identities"], summary["boxes"]) == (FRAMES, 2, 12)
    assert (summary["status"], summary["embedder"]) == ("complete", "none")
    assert (summary["source"], summary["detector"]) == (str(video), str(detections))
    assert tracker_parts(summary["config"]) == tracker_parts({})
    assert summary["versions"]["numpy"] == np.__version__
    assert summary["frames_per_second"] > 0
    assert set(summary["milliseconds_per_frame"]) == {
        "read", "detect", "camera", "track", "page", "write", "draw",
    }  # fmt: skip


def test_every_output_but_mot_text_has_the_time_of_its_frames(run_track, out, tmp_path):
    """The video has 10 frames per second: frame k is at (k - 1) / 10 seconds."""
    model = synthetic_video.write_embedder(tmp_path / "colour.onnx")
    saved = ("--save-detections", "--embedder", str(model))
    assert run_track("--no-video", "--format", "csv", "--start", "2", *saved) == 0
    table = list(csv.DictReader((out / "tracks.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(row["time"]) for row in table] == [
        pytest.approx((int(row["frame"]) - 1) / 10) for row in table
    ]
    with np.load(out / "detections.npz") as arrays:
        np.testing.assert_allclose(arrays["time"], (arrays["frame"] - 1) / 10, atol=1e-9)
    summary = synthetic_video.read_strict_json(out / "summary.json")
    assert summary["first_frame_time"] == pytest.approx(0.1)
    assert summary["last_frame_time"] == pytest.approx((FRAMES - 1) / 10)
    assert run_track("--no-video", "--format", "jsonl", "--every", "3") == 0
    lines = [json.loads(line) for line in (out / "tracks.jsonl").read_text().splitlines()]
    assert [line["time"] for line in lines] == [0.0, 0.3, 0.6]


def test_versions_name_the_build_that_replaces_a_package(monkeypatch):
    installed = {"numpy": "2.0", "onnxruntime-gpu": "1.31", "opencv-python": "4.9"}

    def version(name):
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr("deepsort_reid.cli.output_folder.version", version)
    found = versions()
    assert (found["numpy"], found["opencv-python"]) == ("2.0", "4.9")
    assert found["onnxruntime"] == "1.31 (onnxruntime-gpu)"
    assert found["scipy"] == "not installed"


def test_summary_with_nan_and_infinite_values_is_strict_json(tmp_path):
    folder = OutputFolder(tmp_path, draw=False)
    folder.write_summary({"config": {"low": -math.inf, "high": math.inf}, "mota": math.nan})
    summary = synthetic_video.read_strict_json(tmp_path / "summary.json")
    assert summary["config"] == {"low": "-inf", "high": "inf"}
    assert summary["mota"] is None


def test_csv_and_json_lines_equal_mot_output(run_track, out):
    assert run_track("--no-video") == 0
    mot = read_results(out / "tracks.txt")
    assert run_track("--no-video", "--format", "csv") == 0
    table = list(csv.DictReader((out / "tracks.csv").read_text(encoding="utf-8").splitlines()))
    assert run_track("--no-video", "--format", "jsonl") == 0
    assert [int(row["frame"]) for row in table] == mot.frame.tolist()
    assert [int(row["id"]) for row in table] == mot.id.tolist()
    sides = [[float(row[side]) for side in ("left", "top", "right", "bottom")] for row in table]
    np.testing.assert_allclose(sides, mot.xyxy, atol=0.01)
    lines = [json.loads(line) for line in (out / "tracks.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, FRAMES + 1))
    boxes_of = [(line["frame"], each["id"]) for line in lines for each in line["tracks"]]
    assert boxes_of == list(zip(mot.frame.tolist(), mot.id.tolist(), strict=True))
    np.testing.assert_allclose(
        [each["xyxy"] for line in lines for each in line["tracks"]], mot.xyxy, atol=0.01
    )
    assert not (out / "video.mp4").exists()


def test_csv_tracks_are_rejected_where_mot_text_is_expected(run_track, out, capsys):
    assert run_track("--format", "csv", "--no-video", "--quiet") == 0
    file = str(out / "tracks.csv")
    assert run_track("--quiet", detector=("--detections", file)) == 2
    assert "expected left, top, width, height" in synthetic_video.read_error_line(capsys)
    assert main(["evaluate", file, file]) == 2
    assert "expected left, top, width, height" in synthetic_video.read_error_line(capsys)


def test_saved_detections_and_embeddings_equal_the_tracked_ones(run_track, out, tmp_path):
    model = synthetic_video.write_embedder(tmp_path / "colour.onnx")
    assert run_track("--save-detections", "--no-video", "--embedder", str(model)) == 0
    text = read_detections(out / "detections.txt")
    assert text.frame.tolist() == np.repeat(range(1, FRAMES + 1), 2).tolist()
    np.testing.assert_allclose(text.xyxy, synthetic_video.mot_rows(FRAMES).xyxy)
    np.testing.assert_allclose(text.score, 0.9)
    saved = read_detections_npz(out / "detections.npz", FRAMES)
    assert len(saved.frames) == FRAMES
    for number, detections in enumerate(saved.frames, start=1):
        np.testing.assert_allclose(detections.xyxy, synthetic_video.true_boxes(number))
        # Mean colour of the red and the blue person as RGB, changed by the video compression.
        np.testing.assert_allclose(detections.embedding, [[1, 0, 0], [0, 0, 1]], atol=0.3)
        assert detections.embedding[0, 0] > 0.9
        assert detections.embedding[1, 2] > 0.9
    assert synthetic_video.read_strict_json(out / "summary.json")["embedder"] == str(model)


def test_without_embedder_detections_are_saved_as_text_only(run_track, out):
    assert run_track("--save-detections", "--no-video") == 0
    assert len(read_detections(out / "detections.txt")) == 2 * FRAMES
    assert not (out / "detections.npz").exists()


def test_saved_detections_tracked_again_give_the_same_tracks(run_track, out):
    assert run_track("--save-detections", "--no-video") == 0
    before = (out / "tracks.txt").read_bytes()
    saved = ("--detections", str(out / "detections.txt"))
    assert run_track("--no-video", detector=saved) == 0
    assert (out / "tracks.txt").read_bytes() == before


@pytest.mark.parametrize("option", ["--detections", "--detector"])
def test_saved_embeddings_tracked_again_give_the_same_tracks_without_an_embedder(
    option, run_track, out, tmp_path, monkeypatch
):
    model = synthetic_video.write_embedder(tmp_path / "colour.onnx")
    assert run_track("--save-detections", "--no-video", "--embedder", str(model)) == 0
    before = (out / "tracks.txt").read_bytes()
    inputs, update = [], DeepSort.update

    def spy(self, detections, **options):
        inputs.append(detections)
        return update(self, detections, **options)

    monkeypatch.setattr(DeepSort, "update", spy)
    saved = (option, str(out / "detections.npz"))
    assert run_track("--no-video", detector=saved) == 0
    assert (out / "tracks.txt").read_bytes() == before
    assert [detections.embedding.shape for detections in inputs] == [(2, 3)] * FRAMES
    inputs.clear()
    assert run_track("--no-video", "--start", "2", "--every", "3", detector=saved) == 0
    for number, detections in zip((2, 5, 8), inputs, strict=True):
        np.testing.assert_allclose(detections.xyxy, synthetic_video.true_boxes(number))
    inputs.clear()
    assert run_track("--no-video", "--min-score", "0.95", detector=saved) == 0
    assert [len(detections) for detections in inputs] == [0] * FRAMES


def test_explain_writes_the_reasons_and_changes_no_track(run_track, out):
    assert run_track("--no-video") == 0
    assert not (out / "explanations.txt").exists()
    before = (out / "tracks.txt").read_bytes()
    assert run_track("--no-video", "--explain", "--start", "2") == 0
    # Two people, whose ids are assigned in the third frame that is tracked.
    explanations = (out / "explanations.txt").read_text(encoding="utf-8").strip().split("\n\n")
    assert [each.split(":")[0] for each in explanations] == [
        f"{(frame - 1) / 10:.3f} s, frame {frame}, track {id}"
        for frame in range(4, FRAMES + 1)
        for id in (1, 2)
    ]
    for each in explanations:
        assert each.count(": matched") == 1
        assert each.count("rejected by") == 1
    assert all("\n  was assigned id" in each for each in explanations[:2])
    matched = [each.splitlines()[-1].startswith("  matched to") for each in explanations[2:]]
    assert all(matched)
    assert run_track("--no-video", "--explain") == 0
    assert (out / "tracks.txt").read_bytes() == before
    assert run_track("--no-video") == 0
    assert not (out / "explanations.txt").exists(), "explanations of an earlier run"
