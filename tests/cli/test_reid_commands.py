"""Commands `crop`, `eval-reid` and `find`: output files, summaries and rejected input."""

import csv
import json
import sys

import cv2
import numpy as np
import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.io.video_reader import open_video
from tests.reid import synthetic_sequence
from tests.vision.embedder_files import write_embedder


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    return synthetic_sequence.write_sequence(tmp_path_factory.mktemp("mot") / "street")


@pytest.fixture(scope="module")
def colour_model(tmp_path_factory):
    """ONNX file of an embedder whose embedding is the mean colour."""
    path = tmp_path_factory.mktemp("model") / "colour.onnx"
    return write_embedder(path, shape=("batch", 3, 16, 8), normalisation="in_graph")


@pytest.fixture
def run(capsys):
    """Run a command; returns its status, stdout and stderr."""

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return status, output.out, output.err

    return call


@pytest.fixture
def crops(run, sequence, tmp_path):
    run("crop", sequence, "--out", tmp_path / "crops", "--size", 32, 16, "--min-height", 10)
    return tmp_path / "crops"


def error_line(err, command):
    """The line of stderr with the error message of the command."""
    return next(line for line in err.splitlines() if line.startswith(f"deepsort-reid {command}: "))


@pytest.mark.parametrize(
    ("terminal", "options", "bar"),
    [(True, (), True), (True, ("--quiet",), False), (False, (), False)],
    ids=["terminal", "quiet", "no terminal"],
)
def test_progress_bars_are_shown_on_a_terminal_unless_quiet(
    terminal, options, bar, run, sequence, crops, colour_model, monkeypatch, tmp_path
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    crop = run("crop", sequence, "--out", tmp_path / "again", "--min-height", 10, *options)
    evaluation = run("eval-reid", crops, "--embedder", colour_model, "--no-report", *options)
    search = run(
        *("find", "12,20,16,40", sequence, "--embedder", colour_model, "--gt-boxes"),
        *("--out", tmp_path / "found", *options),
    )
    for status, _, err in (crop, evaluation, search):
        assert status == 0, err
        assert bool(err) == bar


def test_crop_writes_identity_folders_and_prints_the_skipped_boxes(run, sequence, tmp_path):
    out = tmp_path / "crops"
    status, output, _ = run("crop", sequence, "--out", out, "--min-height", 42, "--noise-occlusion")
    assert status == 0
    assert "8 crops of 1 identities" in output
    assert "0 below --min-visibility, 24 too small" in output
    assert sorted(path.name for path in out.iterdir()) == [
        "manifest.csv",
        "occlusion_preview.png",
        "street_0003",
    ]
    assert len(list((out / "street_0003").iterdir())) == 16


def test_crop_takes_a_video_with_labels(run, sequence, tmp_path):
    path = tmp_path / "walk.avi"
    size = (synthetic_sequence.WIDTH, synthetic_sequence.HEIGHT)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, size)
    for _, frame in synthetic_sequence.frames():
        video.write(frame)
    video.release()
    labels = sequence / "gt" / "gt.txt"
    out = tmp_path / "crops"
    arguments = ("--labels", labels, "--out", out, "--stop", 3)
    status, output, _ = run("crop", path, *arguments)
    assert status == 0
    assert "6 crops of 2 identities" in output
    assert (out / "walk_0001").is_dir()


def test_crop_takes_the_output_of_a_tracker(run, sequence, tmp_path):
    tracks = tmp_path / "tracks.txt"
    tracks.write_text("5,7,10,20,16,40,0.83,-1,-1,-1\n6,7,10,20,16,40,0.4,-1,-1,-1\n")
    out = tmp_path / "crops"
    status, output, _ = run("crop", sequence, "--tracks", tracks, "--out", out)
    assert status == 0
    assert "2 crops of 1 identities" in output
    assert len(list((out / "street_0007").iterdir())) == 2
    both = ("--tracks", tracks, "--labels", sequence / "gt" / "gt.txt", "--out", tmp_path / "new")
    status, _, err = run("crop", sequence, *both)
    assert status == 2
    assert "--labels and --tracks: give one of them" in error_line(err, "crop")


def test_crop_rejects_a_folder_that_is_not_empty(run, sequence, crops):
    status, _, err = run("crop", sequence, "--out", crops)
    assert status == 2
    assert "expected a new or empty folder" in error_line(err, "crop")


def test_crop_rejects_a_video_shorter_than_its_labels_before_writing(run, sequence, tmp_path):
    labels = tmp_path / "gt.txt"
    labels.write_text("40,1,10,20,16,40,1,1,1\n")
    status, _, err = run("crop", sequence, "--labels", labels, "--out", tmp_path / "crops")
    assert status == 2
    assert "go to frame 40" in error_line(err, "crop")
    assert "--stop 12" in error_line(err, "crop")
    assert not (tmp_path / "crops").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            ("--min-height", 5000),
            "--min-height 5000: nothing to crop, the highest box has 44 px",
        ),
        (
            ("--min-visibility", 1, "--margin", 0, "--every", 11),
            "nothing to crop: 0 boxes below --min-visibility",
        ),
    ],
)
def test_crop_without_any_crop_is_an_error_and_leaves_no_files(
    run, sequence, tmp_path, option, message
):
    labels = tmp_path / "gt.txt"
    labels.write_text("5,1,10,20,16,44,1,1,1\n")
    status, _, err = run(
        *("crop", sequence, "--labels", labels, "--out", tmp_path / "crops", *option)
    )
    assert status == 2
    assert message in error_line(err, "crop")
    assert not (tmp_path / "crops").exists()
    (tmp_path / "crops").mkdir()
    run("crop", sequence, "--labels", labels, "--out", tmp_path / "crops", *option)
    assert not list((tmp_path / "crops").iterdir())


def test_crop_opens_all_sources_before_writing(run, sequence, tmp_path):
    synthetic_sequence.write_sequence(tmp_path / "other")
    (tmp_path / "other" / "gt" / "gt.txt").write_text("1,1,ten,20,16,40,1,1,1\n")
    status, _, _ = run("crop", sequence, tmp_path / "other", "--out", tmp_path / "crops")
    assert status == 2
    assert not (tmp_path / "crops").exists()


def test_crop_takes_tracking_results_as_labels_with_score_1(run, sequence, tmp_path):
    tracks = tmp_path / "tracks.txt"
    tracks.write_text("1,1,12,20,16,40,0.93,-1,-1,-1\n2,1,14,20,16,40,0.9,-1,-1,-1\n")
    arguments = ("--labels", tracks, "--out", tmp_path / "crops")
    status, _, err = run("crop", sequence, *arguments)
    assert status == 2
    assert "a tracker's score? write 1 to keep a box" in error_line(err, "crop")
    tracks.write_text("1,1,12,20,16,40,1,-1,-1,-1\n2,1,14,20,16,40,1,-1,-1,-1\n")
    status, output, _ = run("crop", sequence, *arguments)
    assert status == 0
    assert "2 crops of 1 identities" in output


def test_eval_reid_rejects_a_mot_sequence(run, sequence, colour_model):
    status, _, err = run("eval-reid", sequence, "--embedder", colour_model)
    assert status == 2
    assert f"a MOT sequence: run `deepsort-reid crop {sequence}" in error_line(err, "eval-reid")


def test_crop_rejects_invalid_labels(run, sequence, tmp_path):
    labels = tmp_path / "gt.txt"
    labels.write_text("1,1,10,20,16,40,1,1,1\n1,2,ten,20,16,40,1,1,1\n")
    status, _, err = run("crop", sequence, "--labels", labels, "--out", tmp_path / "crops")
    assert status == 2
    assert f"{labels}:2" in error_line(err, "crop")


def test_crop_requires_labels_for_a_video_file(run, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    status, _, err = run("crop", tmp_path / "a.mp4", "--out", tmp_path / "crops")
    assert status == 2
    assert "--labels FILE" in error_line(err, "crop")


def test_eval_reid_prints_the_scores_and_writes_the_report(run, crops, colour_model, tmp_path):
    (crops / "street_0001" / "broken.jpg").write_bytes(b"nothing")
    out = tmp_path / "report"
    status, output, _ = run("eval-reid", crops, "--embedder", colour_model, "--out", out)
    assert status == 0
    assert "broken.jpg: expected an image" in output
    assert "32 queries of 3 identities, 32 gallery images" in output
    row = next(line for line in output.splitlines() if line.startswith("over queries"))
    assert row.split()[2:] == ["100.0%"] * 6
    assert (out / "report.html").is_file()
    assert json.loads((out / "scores.json").read_text())["over_queries"]["mAP"] == 1


def test_eval_reid_reads_query_and_gallery_folders(run, crops, colour_model, tmp_path):
    data = tmp_path / "data"
    (data / "query" / "street_0002").mkdir(parents=True)
    crops.rename(data / "gallery")
    taken = data / "gallery" / "street_0002" / "street_0002_000001.jpg"
    taken.rename(data / "query" / "street_0002" / taken.name)
    arguments = ("--embedder", colour_model, "--no-report")
    status, output, _ = run("eval-reid", data, *arguments)
    assert status == 0
    assert "1 queries of 1 identities, 31 gallery images" in output
    status, _, err = run("eval-reid", data, *arguments, "--min-frame-gap", 5)
    assert status == 2
    assert "--min-frame-gap: expected one set of crops" in error_line(err, "eval-reid")


def test_eval_reid_uses_the_market1501_protocol_for_market1501_names(run, colour_model, tmp_path):
    data = tmp_path / "market"
    image = cv2.imencode(".jpg", np.full((32, 16, 3), synthetic_sequence.COLOURS[1], np.uint8))[
        1
    ].tobytes()
    for name in (
        "query/0001_c1s1_000001_00.jpg",
        "bounding_box_test/0001_c1s1_000002_00.jpg",
        "bounding_box_test/0001_c2s1_000002_00.jpg",
        "bounding_box_test/0000_c2s1_000002_00.jpg",
        "bounding_box_test/-1_c2s1_000002_00.jpg",
    ):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(image)
    status, output, _ = run("eval-reid", data, "--embedder", colour_model, "--no-report")
    assert status == 0
    assert "--min-frame-gap" not in output
    # All embeddings are equal: the distractor ranks first, same camera and junk are ignored.
    row = next(line for line in output.splitlines() if line.startswith("over queries"))
    assert row.split()[2:] == ["0.0%", "100.0%", "100.0%", "100.0%", "50.0%", "50.0%"]


@pytest.mark.parametrize("rerank", [(), ("--rerank",)])
def test_eval_reid_evaluates_only_the_listed_identities(run, crops, colour_model, tmp_path, rerank):
    (tmp_path / "identities.txt").write_text("street_0001\nstreet_0003\n")
    arguments = ("--identities", tmp_path / "identities.txt", "--no-report", *rerank)
    status, output, _ = run("eval-reid", crops, "--embedder", colour_model, *arguments)
    assert status == 0
    assert "20 queries of 2 identities" in output


def test_eval_reid_evaluates_a_run_folder(run, crops, tmp_path):
    import torch

    from deepsort_reid.reid.training.checkpoint import FORMAT, build_model

    architecture = {
        "backbone": "osnet_x0_25",
        "embedding_dim": 16,
        "pooling": "average",
        "parts": 0,
        "input_size": [64, 32],
    }
    weights = build_model(architecture).state_dict()
    (tmp_path / "run").mkdir()
    parts = {"architecture": architecture, "model": weights, "ema": weights}
    torch.save({"format": FORMAT, **parts}, tmp_path / "run" / "last.pt")
    arguments = ("--embedder", tmp_path / "run", "--no-report", "--threads", 1)
    status, output, err = run("eval-reid", crops, *arguments)
    assert status == 0, err
    assert "run/last.pt on crops: 32 queries of 3 identities" in output
    (tmp_path / "run" / "last.pt").write_bytes(b"no checkpoint")
    status, _, err = run("eval-reid", crops, *arguments)
    assert status == 2
    assert "last.pt: damaged" in error_line(err, "eval-reid")


def test_eval_reid_ignores_near_frames_with_min_frame_gap(run, crops, colour_model):
    # Without an image 7 or more frames away: frames 6 to 8 of person 1 (frame 1 is unusable),
    # frames 6 and 7 of person 2, and all but frames 5 and 12 of person 3.
    (crops / "street_0001" / "street_0001_000001.jpg").write_bytes(b"broken")
    arguments = ("--embedder", colour_model, "--no-report", "--min-frame-gap")
    status, output, _ = run("eval-reid", crops, *arguments, 6)
    assert status == 0
    assert "11 queries have no correct match" in output
    assert "--min-frame-gap" not in output
    status, output, _ = run("eval-reid", crops, *arguments[:-1])
    assert "note: neighbouring frames of one video match each other" in output
    assert "--min-frame-gap FRAMES" in output
    status, _, err = run("eval-reid", crops, *arguments, 11)
    assert status == 2
    assert "more than 11 frames apart" in error_line(err, "eval-reid")
    (crops / "manifest.csv").unlink()
    status, _, err = run("eval-reid", crops, *arguments, 6)
    assert status == 2
    assert "crops with a manifest" in error_line(err, "eval-reid")


def test_eval_reid_requires_two_images_of_an_identity(run, colour_model, tmp_path):
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        image = cv2.imencode(".png", np.full((32, 16, 3), 90, np.uint8))[1].tobytes()
        (tmp_path / "data" / name / "1.png").write_bytes(image)
    status, _, err = run("eval-reid", tmp_path / "data", "--embedder", colour_model)
    assert status == 2
    assert "expected at least two images of an identity" in error_line(err, "eval-reid")


def test_eval_reid_rejects_an_empty_folder_in_one_line(run, colour_model, tmp_path):
    status, _, err = run("eval-reid", tmp_path, "--embedder", colour_model)
    assert status == 2
    assert "found no image" in error_line(err, "eval-reid")


def read_results(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_find_follows_the_person_in_a_query_box(run, sequence, colour_model, tmp_path):
    out = tmp_path / "found"
    arguments = ("--embedder", colour_model, "--threshold", 0.95, "--out", out)
    status, output, _ = run("find", "12,20,16,40", sequence, *arguments)
    assert status == 0
    assert "found in 11 of the 11 frames with the person (100.0%)" in output
    rows = read_results(out)
    assert [int(row["frame"]) for row in rows] == list(range(2, 13))
    rate = open_video(sequence).frame_rate
    times = [(int(row["frame"]) - 1) / rate for row in rows]
    assert [float(row["time"]) for row in rows] == pytest.approx(times, abs=0.001)
    assert {row["outcome"] for row in rows} == {"found"}
    assert float(rows[-1]["x"]) == 34
    assert (out / "montage.png").is_file()


@pytest.mark.parametrize("ids", [(), ("--ids", "track")])
def test_find_writes_the_person_or_the_track_of_each_match(
    run, sequence, colour_model, tmp_path, ids
):
    out = tmp_path / "found"
    arguments = ("--embedder", colour_model, "--threshold", 0.95, "--out", out, *ids)
    assert run("find", "12,20,16,40", sequence, *arguments)[0] == 0
    numbers = [row[ids[-1] if ids else "person"] for row in read_results(out)]
    assert numbers[0] == ""  # frame 2: a track has an id from its third frame on
    assert numbers[1] != ""
    assert set(numbers[1:]) == {numbers[1]}


@pytest.mark.parametrize("reference", ["gallery", "last"])
def test_find_searches_for_a_query_image(run, sequence, crops, colour_model, tmp_path, reference):
    query = crops / "street_0003" / "street_0003_000005.jpg"
    status, output, _ = run(
        "find", query, sequence, "--embedder", colour_model, "--identity", 3, "--gt-boxes",
        "--threshold", 0.98, "--reference", reference, "--out", tmp_path / "found",
    )  # fmt: skip
    assert status == 0
    assert "found in 8 of the 8 frames with the person (100.0%)" in output
    assert "0 false alarms in 4 frames without the person" in output


def test_find_accepts_several_ids_of_one_person(run, sequence, colour_model, tmp_path):
    status, output, _ = run(
        "find", "12,20,16,40", sequence, "--embedder", colour_model, "--identity", 1, 3,
        "--threshold", 0.95, "--out", tmp_path / "found",
    )  # fmt: skip
    assert status == 0
    assert "found in 11 of the 11 frames" in output


def test_find_without_identity_prints_no_recall(run, sequence, crops, colour_model, tmp_path):
    query = crops / "street_0003" / "street_0003_000005.jpg"
    arguments = ("--embedder", colour_model, "--threshold", 0.98, "--out", tmp_path / "found")
    status, output, _ = run("find", query, sequence, *arguments)
    assert status == 0
    assert "found in 8 of 12 frames; no ground truth to compare with" in output


@pytest.mark.parametrize(
    ("query", "more", "message"),
    [
        ("absent.jpg", (), "got 'absent.jpg' (no such file)"),
        ("1,2,3", (), "a box x,y,w,h in pixels, got '1,2,3'"),
        ("5,5,0,10", (), "a box x,y,w,h"),
        ("500,5,20,40", (), "inside the frame of 160x90 px"),
        ("60,20,16,40", (), "matches no labelled person in frame 1"),
        (
            "12,20,16,40",
            ("--identity", "77"),
            "--identity: expected an id of the ground truth, got 77",
        ),
        (
            "12,20,16,40",
            ("--start", "99"),
            "start: expected a frame up to the last one, 12, got 99",
        ),
    ],
)
def test_find_rejects_an_invalid_query(run, sequence, colour_model, tmp_path, query, more, message):
    out = tmp_path / "found"
    arguments = ("--embedder", colour_model, "--out", out, *more)
    status, _, err = run("find", query, sequence, *arguments)
    assert status == 2
    assert message in error_line(err, "find")
    assert not out.exists()


def test_find_rejects_a_video_shorter_than_its_labels(run, sequence, colour_model, tmp_path):
    truth = tmp_path / "gt.txt"
    truth.write_text("1,1,12,20,16,40,1,1,1\n40,1,12,20,16,40,1,1,1\n")
    arguments = ("--embedder", colour_model, "--truth", truth, "--out", tmp_path / "found")
    status, _, err = run("find", "12,20,16,40", sequence, *arguments)
    assert status == 2
    assert "go to frame 40" in error_line(err, "find")
