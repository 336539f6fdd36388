"""`benchmark` on the layouts of DanceTrack, SportsMOT and TrackEval, and its score files."""

import csv
import json
import shlex

import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_results
from tests.cli import synthetic_video
from tests.metrics import oracle

FRAMES = synthetic_video.SEQUENCE_LENGTH


def without(folder, *names):
    """Remove label folders of a sequence, such as det."""
    for name in names:
        (folder / name / f"{name}.txt").unlink()
        (folder / name).rmdir()
    return folder


@pytest.fixture
def dancetrack(tmp_path):
    """DanceTrack: img1 and gt in train and val, no gt in test, no det anywhere, seqmaps."""
    root = tmp_path / "dancetrack"
    for split, names in {
        "val": ["dancetrack0004", "dancetrack0005"],
        "test": ["dancetrack0003"],
    }.items():
        for name in names:
            without(synthetic_video.write_sequence(root / split / name, FRAMES, images=True), "det")
        (root / f"{split}_seqmap.txt").write_text("name\n" + "\n".join(names) + "\n")
    without(root / "test" / "dancetrack0003", "gt")
    return root


@pytest.fixture
def sportsmot(tmp_path):
    """SportsMOT: img1, gt and seqinfo.ini below dataset/val, splits_txt with lists of names."""
    root = tmp_path / "sportsmot_publish"
    names = ["v_00HRwkvvjtQ_c001", "v_0kUtTtmLaJA_c004"]
    for name in names:
        folder = root / "dataset" / "val" / name
        without(synthetic_video.write_sequence(folder, FRAMES, images=True), "det")
    (root / "splits_txt").mkdir()
    (root / "splits_txt" / "val.txt").write_text("\n".join(names))
    (root / "splits_txt" / "basketball.txt").write_text(names[0])
    return root


@pytest.fixture
def true_detector(monkeypatch):
    """Let every detector be one that knows the boxes."""
    monkeypatch.setattr(
        "deepsort_reid.vision.detectors.load_detector",
        lambda name, **_: synthetic_video.TrueBoxDetector(),
    )


def test_without_detections_the_detector_is_asked_for(run_benchmark, dancetrack, out, capsys):
    assert run_benchmark(dancetrack / "val") == 2
    error = synthetic_video.read_error_line(capsys)
    assert "val: its sequences have no detections (det/det.txt); give --detector" in error
    assert not out.exists()


def test_dancetrack_is_scored_with_a_detector_on_its_images(
    run_benchmark, dancetrack, true_detector, out, capsys
):
    options = ["--detector", "yolox_tiny", "--embedder", "none"]
    assert run_benchmark(dancetrack, *options) == 0
    printed = capsys.readouterr().out
    assert "no ground truth, left out: dancetrack0003; `deepsort-reid track FOLDER`" in printed
    rows = [line.split()[0] for line in printed.splitlines() if line.startswith(("dance", "COMB"))]
    assert rows == ["dancetrack0004", "dancetrack0005", "COMBINED"]
    assert len(read_results(out / "default" / "dancetrack0004.txt")) == 2 * (FRAMES - 2)
    assert run_benchmark(dancetrack, *options, "--seqmap", dancetrack / "val_seqmap.txt") == 0
    assert "left out" not in capsys.readouterr().out


def test_sportsmot_is_scored_on_the_sequences_of_a_list(
    run_benchmark, sportsmot, true_detector, capsys
):
    options = ["--detector", "yolox_tiny", "--embedder", "none"]
    lists = sportsmot / "splits_txt"
    assert run_benchmark(sportsmot, *options, "--seqmap", lists / "basketball.txt") == 0
    printed = capsys.readouterr().out
    assert "v_00HRwkvvjtQ_c001" in printed
    assert "v_0kUtTtmLaJA_c004" not in printed
    (lists / "val.txt").write_text("v_00HRwkvvjtQ_c001\nv_missing\n")
    assert run_benchmark(sportsmot, *options, "--seqmap", lists / "val.txt") == 2
    error = synthetic_video.read_error_line(capsys)
    assert "val.txt:2: no sequence 'v_missing' in" in error


def test_sequence_without_detections_does_not_stop_the_rest(run_benchmark, sequences, out, capsys):
    without(sequences / "SEQ-01", "det")
    assert run_benchmark(sequences) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].startswith("SEQ-02 ")
    assert captured.err.count("\n") == 1
    assert "SEQ-01: no detections (det/det.txt); give --detector" in captured.err
    assert captured.err.endswith(f"; the other sequences are in {out}\n")
    assert "SEQ-02" in (out / "table.txt").read_text(encoding="utf-8")


def test_only_takes_all_sequences_that_begin_with_it(run_benchmark, sequences, out, capsys):
    synthetic_video.write_sequence(sequences / "OTHER", 4)
    assert run_benchmark(sequences, "--only", "SEQ") == 0
    assert sorted(path.stem for path in (out / "default").glob("*.txt")) == ["SEQ-01", "SEQ-02"]
    assert run_benchmark(sequences, "--only", "NONE") == 2
    assert "--only: no sequence 'NONE'; there are OTHER, SEQ-01, SEQ-02" in capsys.readouterr().err


def test_trackeval_prints_the_same_scores_for_the_folders_that_benchmark_writes(
    run_benchmark, crowded_sequences, tmp_path, capsys
):
    root, scores = tmp_path / "root", tmp_path / "scores.json"
    options = ["--config", "default", "--config", "published", "--trackeval", root]
    assert run_benchmark(crowded_sequences, *options, "--json", scores) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "of TrackEval:" in each]
    words = shlex.split(line)
    assert words[words.index("--BENCHMARK") + 1 :] == [
        *("MOT17", "--SPLIT_TO_EVAL", "train", "--TRACKERS_TO_EVAL", "default", "published")
    ]
    ours = json.loads(scores.read_text(encoding="utf-8"))["scores"]
    for label in ("default", "published"):
        theirs = oracle.trackeval_from_root(root, "MOT17-train", label, rules=True)
        assert list(theirs) == ["MOT17-91", "MOT17-92", "COMBINED"]
        for name, fields in theirs.items():
            own = ours[f"{label} {name}"]
            oracle.assert_equal_in_every_field(own | own["per_threshold"], fields)
        # Distractors and boxes without the consider flag are not scored.
        assert theirs["COMBINED"]["GT_Dets"] == 2 * 30 * 4


def test_written_trackeval_folders_are_read_again(
    run_benchmark, crowded_sequences, tmp_path, out, capsys
):
    root = tmp_path / "root"
    both = ["--config", "default", "--config", "published"]
    assert run_benchmark(crowded_sequences, *both, "--trackeval", root) == 0
    table = capsys.readouterr().out.splitlines()
    assert main(["evaluate", str(root), f"{root}/trackers/mot_challenge/MOT17-train/default"]) == 0
    printed = capsys.readouterr().out.splitlines()
    for row in range(1, 4):
        assert f"default {printed[row + 1]}".split() == table[row].split()
    assert main(["evaluate", str(root), str(root)]) == 2
    error = synthetic_video.read_error_line(capsys)
    assert (
        "expected the results of one tracker, got folders of several: default, published" in error
    )
    assert main(["compare", str(root), str(root), "--resamples", "20"]) == 0
    assert "published minus " in capsys.readouterr().out
    # The ground truth of TrackEval has no detections; they come from another folder.
    for name in ("MOT17-91", "MOT17-92"):
        file = crowded_sequences / name / "det" / "det.txt"
        (tmp_path / f"{name}.txt").write_bytes(file.read_bytes())
    assert run_benchmark(root, *both, "--detections", tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[1:4] == table[1:4]
    seqmap = root / "gt" / "mot_challenge" / "seqmaps" / "MOT17-train.txt"
    seqmap.write_text("name\nMOT17-92\n")
    assert run_benchmark(root, *both, "--detections", tmp_path) == 0
    assert "MOT17-91" not in capsys.readouterr().out


def test_sequences_scored_without_rules_are_compared_without_rules(
    run_benchmark, sequences, tmp_path, capsys
):
    root, scores = tmp_path / "root", tmp_path / "scores.json"
    options = ["--trackeval", root, "--split", "MADE-train", "--json", scores]
    assert run_benchmark(sequences, *options) == 0
    assert "--TRACKERS_TO_EVAL default --DO_PREPROC False\n" in capsys.readouterr().out
    theirs = oracle.trackeval_from_root(root, "MADE-train", "default", rules=False)
    ours = json.loads(scores.read_text(encoding="utf-8"))["scores"]
    for name, fields in theirs.items():
        oracle.assert_equal_in_every_field(ours[name] | ours[name]["per_threshold"], fields)
    assert run_benchmark(sequences, "--trackeval", root, "--split", "train") == 2
    error = synthetic_video.read_error_line(capsys)
    assert "--split: expected BENCHMARK-SPLIT such as MOT17-train, got 'train'" in error


def test_other_rules_of_trackeval_are_noted(run_benchmark, crowded_sequences, tmp_path, capsys):
    options = ["--trackeval", tmp_path / "root", "--split"]
    assert run_benchmark(crowded_sequences, *options, "MOT20-train") == 0
    printed = capsys.readouterr().out
    assert "TrackEval applies the protocol mot20 to all of MOT20-train" in printed
    assert "its scores of sequences under mot16 differ" in printed
    assert run_benchmark(crowded_sequences, *options, "MADE-train") == 0
    assert "differ" not in capsys.readouterr().out


def test_json_csv_and_reports_are_written(run_benchmark, sequences, tmp_path, capsys):
    files = {kind: tmp_path / f"scores.{kind}" for kind in ("json", "csv", "latex")}
    options = [part for kind, path in files.items() for part in (f"--{kind}", path)]
    report = tmp_path / "report.html"
    options += ["--report", report, "--columns", "IDF1,hota"]
    assert run_benchmark(sequences, *options) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["IDF1", "HOTA"]
    names = ["SEQ-01", "SEQ-02", "COMBINED"]
    content = json.loads(files["json"].read_text(encoding="utf-8"))
    assert list(content["scores"]) == names
    assert content["sequences"]["SEQ-01"]["protocol"] == "plain"
    rows = list(csv.DictReader(files["csv"].read_text(encoding="utf-8").splitlines()))
    assert [row["sequence"] for row in rows] == names
    assert r"Sequence & IDF1 $\uparrow$ & HOTA $\uparrow$ \\" in files["latex"].read_text()
    text = report.read_text(encoding="utf-8")
    assert text.rstrip().endswith("</html>")
    assert "<h1>default on data</h1>" in text
    both = ["--config", "default", "--config", "published"]
    assert run_benchmark(sequences, *options, *both) == 0
    assert "published on data" in (tmp_path / "report-published.html").read_text(encoding="utf-8")
    names = [f"{label} {name}" for label in ("default", "published") for name in names]
    assert list(json.loads(files["json"].read_text(encoding="utf-8"))["scores"]) == names


def test_lag_gives_ids_from_the_first_frame_on(run_benchmark, sequences, out, capsys):
    assert run_benchmark(sequences, "--lag", "4") == 0
    assert "output delayed by 4 frames: not comparable with online" in capsys.readouterr().out
    rows = read_results(out / "default-lag4" / "SEQ-01.txt")
    assert len(rows) == 2 * FRAMES  # without delay, the first two frames have no ids
    assert rows.frame.tolist() == sorted(rows.frame.tolist())
    settings = json.loads((out / "default-lag4" / "SEQ-01.json").read_text(encoding="utf-8"))
    assert settings["lag"] == 4
    # The online results lie beside them, and the two can be compared.
    assert run_benchmark(sequences) == 0
    assert len(read_results(out / "default" / "SEQ-01.txt")) == 2 * (FRAMES - 2)
    assert main(["compare", str(sequences), str(out), "--resamples", "20"]) == 0
    assert f"{out / 'default-lag4'} minus {out / 'default'}\n" in capsys.readouterr().out
    capsys.readouterr()
    for options, message in (
        (["--lag", "-1"], "--lag: expected 0 frames or more, got -1"),
        (["--lag", "2", "--events"], "--events and --lag: expected one of them, got both"),
        (["--columns", "HOTA,MOTO"], "--columns: expected names out of HOTA, DetA"),
        (["--columns", "HOTA,hota"], "each once, got 'HOTA,hota'"),
    ):
        assert run_benchmark(sequences, *options) == 2
        assert message in synthetic_video.read_error_line(capsys)


def test_invalid_ground_truth_of_one_sequence_keeps_the_scores_of_the_others(
    run_benchmark, sequences, out, capsys
):
    file = sequences / "SEQ-02" / "gt" / "gt.txt"
    file.write_text("1,1,nothing\n")
    assert run_benchmark(sequences) == 2
    captured = capsys.readouterr()
    assert f"SEQ-02: {file}:1" in captured.err
    assert captured.out.splitlines()[1].startswith("SEQ-01 ")
    assert (out / "default" / "SEQ-02.txt").is_file()  # tracked, not scored


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--detector", "yolox_tyni"], "detector: expected background, yolox_tiny, yolox_s, a"),
        (["--detector", "absent.onnx"], "absent.onnx: no such ONNX file"),
        (["--detector", "det.txt"], "--detector: expected a network for the sequences of"),
        (["--detections", "absent"], "absent: expected a folder for --detections, got none"),
        (["--embedder", "absent.onnx"], "absent.onnx: no such ONNX file"),
    ],
)
@pytest.mark.parametrize("command", ["benchmark", "track"])
def test_wrong_input_of_all_sequences_is_one_line_before_the_first(
    sequences, out, capsys, command, options, message
):
    assert main([command, str(sequences), "--out", str(out), *options]) == 2
    assert message in synthetic_video.read_error_line(capsys)
    assert not out.exists()
