"""`track`: options, output files and their content."""

import csv
import json
import math
from argparse import Namespace

import cv2
import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig
from deepsort_reid.cli import track as command
from deepsort_reid.cli.main import main
from deepsort_reid.cli.output_folder import OutputFolder
from deepsort_reid.cli.tracking_options import count_frames
from deepsort_reid.io.detections_npz import read_detections_npz
from deepsort_reid.io.mot import read_detections, read_ground_truth, read_results
from deepsort_reid.structures import boxes
from deepsort_reid.vision.drawing import Drawer
from tests.cli import synthetic_video

FRAMES = synthetic_video.FRAMES  # six of them with ids: a track is confirmed in its third frame


def test_tracks_of_two_people_are_written_and_drawn(run_track, out, capsys):
    assert run_track() == 0
    rows = read_results(out / "tracks.txt")
    assert rows.frame.tolist() == np.repeat(range(3, FRAMES + 1), 2).tolist()
    assert set(rows.id.tolist()) == {1, 2}
    for frame in range(3, FRAMES + 1):
        np.testing.assert_allclose(
            np.sort(rows.xyxy[rows.frame == frame], axis=0),
            np.sort(synthetic_video.true_boxes(frame), axis=0),
            atol=1e-6,
        )
    assert synthetic_video.decode_video(out / "video.mp4") == (
        FRAMES,
        (synthetic_video.WIDTH, synthetic_video.HEIGHT),
    )
    assert "8 frames, 2 identities, 12 boxes" in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ["summary.json", "tracks.txt", "video.mp4"]


def test_written_and_drawn_boxes_are_equal(run_track, out, monkeypatch):
    drawn, draw = [], Drawer.__call__

    def spy(self, frame, tracks):
        drawn.append(tracks.xyxy)
        return draw(self, frame, tracks)

    monkeypatch.setattr(Drawer, "__call__", spy)
    assert run_track() == 0
    rows = read_results(out / "tracks.txt")
    last = rows.xyxy[rows.frame == FRAMES]
    np.testing.assert_allclose(last, drawn[-1], atol=0.01)


def test_summary_is_strict_json_with_settings_and_counts(run_track, out, video, detections):
    assert run_track() == 0
    summary = synthetic_video.read_strict_json(out / "summary.json")
    assert (summary["frames"], summary["identities"], summary["boxes"]) == (FRAMES, 2, 12)
    assert (summary["status"], summary["embedder"]) == ("complete", "none")
    assert (summary["source"], summary["detector"]) == (str(video), str(detections))
    assert DeepSortConfig.from_dict(summary["config"]) == DeepSortConfig()
    assert summary["versions"]["numpy"] == np.__version__
    assert summary["frames_per_second"] > 0
    assert set(summary["milliseconds_per_frame"]) == {
        "read", "detect", "embed", "track", "write", "draw",
    }  # fmt: skip


def test_summary_with_nan_and_infinite_values_is_strict_json(tmp_path):
    folder = OutputFolder(tmp_path, draw=False)
    folder.write_summary({"config": {"low": -math.inf, "high": math.inf}, "mota": math.nan})
    summary = synthetic_video.read_strict_json(tmp_path / "summary.json")
    assert summary["config"] == {"low": "-inf", "high": "inf"}
    assert summary["mota"] is None


def test_csv_and_json_lines_equal_mot_output(run_track, out):
    assert run_track("--no-video") == 0
    assert run_track("--no-video", "--format", "csv") == 0
    assert run_track("--no-video", "--format", "jsonl") == 0
    mot = read_results(out / "tracks.txt")
    table = list(csv.DictReader((out / "tracks.csv").read_text(encoding="utf-8").splitlines()))
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


def test_every_second_frame_keeps_frame_numbers_boxes_and_video_speed(run_track, out):
    assert run_track("--every", "2", "--start", "2", "--stop", "8") == 0
    rows = read_results(out / "tracks.txt")
    # Frames 2, 4, 6, 8: the third of them is the first with ids.
    assert rows.frame.tolist() == [6, 6, 8, 8]
    np.testing.assert_allclose(
        np.sort(rows.xyxy[rows.frame == 8], axis=0),
        np.sort(synthetic_video.true_boxes(8), axis=0),
        atol=1e-6,
    )
    assert synthetic_video.decode_video(out / "video.mp4")[0] == 4
    capture = cv2.VideoCapture(str(out / "video.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10 / 2)
    capture.release()


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

    def spy(self, detections, *, frame=None, camera=None, dt=1.0):
        inputs.append(
            (detections.xyxy[:, 0].tolist(), None if camera is None else camera[0, 2], dt)
        )
        return update(self, detections, frame=frame, camera=camera, dt=dt)

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
        f"frame {frame}, track {id}" for frame in range(4, FRAMES + 1) for id in (1, 2)
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


def test_quiet_prints_nothing_and_default_detector_is_noted(run_track, capsys):
    assert run_track("--quiet", "--no-video", "--stop", "3", detector=()) == 0
    assert capsys.readouterr() == ("", "")
    assert run_track("--no-video", "--stop", "3", detector=()) == 0
    assert "no detector given: using background subtraction" in capsys.readouterr().out


def test_sequence_folder_is_tracked_with_its_det_file(tmp_path, out, capsys):
    folder = synthetic_video.write_sequence(tmp_path / "SEQ-01", FRAMES, images=True)
    options = ["--embedder", "none", "--no-video", "--out", str(out)]
    assert main(["track", str(folder), *options, "--start", "3"]) == 0
    assert str(folder / "det" / "det.txt") in capsys.readouterr().out
    rows = read_results(out / "tracks.txt")
    assert rows.frame.min() == 5
    np.testing.assert_allclose(
        np.sort(rows.xyxy[rows.frame == 5], axis=0),
        np.sort(synthetic_video.true_boxes(5), axis=0),
        atol=1e-6,
    )


def test_default_output_folder_is_named_after_the_source(video, detections, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--detections", str(detections), "--embedder", "none", "--no-video", "--quiet"]
    assert main(["track", str(video), *options]) == 0
    assert (tmp_path / "street-tracks" / "tracks.txt").is_file()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("0", "camera-0"),
        ("videos/market.mp4", "market"),
        ("images/", "images"),
        ("rtsp://host/yard", "yard"),
        ("rtsp://host:554/", "host-554"),
        ("http://host/live?user=a&key=b", "live-user-a-key-b"),
        (".", "video"),
        ("/", "video"),
    ],
)
def test_source_name_of_cameras_files_folders_and_streams(source, name):
    assert command._source_name(source) == name


def test_count_frames_follows_start_stop_and_every():
    def ahead(length, start=1, stop=None, every=1):
        return count_frames(length, Namespace(start=start, stop=stop, every=every))

    assert ahead(8) == 8
    assert ahead(8, start=2, stop=7, every=2) == 3
    assert ahead(8, stop=99) == 8
    assert ahead(None) is None
    assert ahead(None, stop=5) == 5


@pytest.mark.data
def test_tud_campus_scores_with_public_detections(data_root, out):
    folder = data_root / "mot" / "TUD-Campus"
    options = ["--embedder", "none", "--out", str(out), "--quiet"]
    assert main(["track", str(folder), *options]) == 0
    from deepsort_reid.metrics import evaluate

    rows = read_results(out / "tracks.txt")
    frames = synthetic_video.read_strict_json(out / "summary.json")["frames"]
    assert frames == 71
    size = synthetic_video.decode_video(out / "video.mp4")
    assert size == (71, (640, 480))
    scores = evaluate(read_ground_truth(folder / "gt" / "gt.txt"), rows, frames=frames)
    assert scores.identity.idf1 > 0.4
    assert scores.clear.mota > 0.35
