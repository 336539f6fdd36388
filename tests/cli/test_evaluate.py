import csv
import json
from pathlib import Path

import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_ground_truth, read_results, write_rows
from deepsort_reid.metrics import EventKind
from deepsort_reid.structures.mot_rows import MotRows
from tests.metrics import oracle


@pytest.fixture
def scenes(tmp_path: Path) -> tuple[Path, Path]:
    """Ground truth and results of three sequences in folders."""
    truth_folder, predicted_folder = tmp_path / "gt", tmp_path / "results"
    predicted_folder.mkdir()
    for seed in (0, 1, 9):
        truth, predicted = walking_persons(seed)
        place = truth_folder / f"scene-{seed}" / "gt" / "gt.txt"
        place.parent.mkdir(parents=True)
        write_rows(place, truth, "gt")
        write_rows(predicted_folder / f"scene-{seed}.txt", predicted, "result")
    return truth_folder, predicted_folder


def walking_persons(seed: int) -> tuple[MotRows, MotRows]:
    """Six persons in forty frames; 15 % of the boxes are missed, and every id changes once."""
    rng = np.random.default_rng(seed)
    frame, person = (each.ravel() for each in np.mgrid[1:41, 1:7])
    left, top = 25.0 * person + rng.normal(0, 1, len(person)), 2.0 * frame
    truth = MotRows(frame, person, np.column_stack([left, top, left + 20, top + 40]))
    ids = np.where(frame > 10 * (1 + person % 4), person + 10 * (1 + seed), person)
    seen = rng.random(len(person)) < 0.85
    return truth, MotRows(frame[seen], ids[seen], truth.xyxy[seen] + 2)


def numbers(line: str) -> list[float]:
    return [float(cell) for cell in line.split()[1:]]


def test_scores_of_mot_files_equal_the_scores_counted_by_hand(
    mot_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *map(str, mot_files)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "protocol: plain"
    shown = dict(zip(lines[1].split(), numbers(lines[2]), strict=True))
    # Three true positives, two of them with one id: A(c) is 2/3, 2/3 and 1/3.
    assert shown["DetA"] == 100
    assert shown["AssA"] == 55.6
    assert shown["HOTA"] == 74.5
    assert (shown["MOTA"], shown["IDSW"], shown["Frag"], shown["IDF1"]) == (66.7, 1, 0, 66.7)
    assert "COMBINED" not in "".join(lines)


def test_folders_give_one_row_per_sequence_and_a_combined_row(
    scenes: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {kind: tmp_path / f"scores.{kind}" for kind in ("json", "csv", "latex")}
    options = [part for kind, path in files.items() for part in (f"--{kind}", str(path))]
    assert main(["evaluate", *map(str, scenes), "--quiet", *options]) == 0
    out = capsys.readouterr().out
    names = ["scene-0", "scene-1", "scene-9", "COMBINED"]
    assert [line.split()[0] for line in out.splitlines()[2:6]] == names
    found = metrics.evaluate_folders(*scenes)
    expected = metrics.with_combined({name: each.scores for name, each in found.items()})
    written = json.loads(files["json"].read_text(encoding="utf-8"))
    assert written["scores"] == {name: metrics.as_dict(each) for name, each in expected.items()}
    assert written["sequences"]["scene-0"]["protocol"] == "plain"
    rows = list(csv.DictReader(files["csv"].read_text(encoding="utf-8").splitlines()))
    assert [row["sequence"] for row in rows] == names
    assert float(rows[3]["HOTA"]) == pytest.approx(expected["COMBINED"].hota.hota.mean(), abs=1e-12)
    assert int(rows[3]["IDSW"]) == expected["COMBINED"].clear.switches
    latex = files["latex"].read_text(encoding="utf-8")
    assert latex.count(r"\\") == 5
    assert r"HOTA $\uparrow$" in latex


def test_columns_are_those_of_the_table_and_of_latex_in_the_given_order(
    scenes: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "table.tex"
    options = ["--quiet", "--latex", str(place), "--columns", "idf1, HOTA,IDSW"]
    assert main(["evaluate", *map(str, scenes), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["IDF1", "HOTA", "IDSW"]
    latex = place.read_text(encoding="utf-8").splitlines()
    assert latex[0] == r"\begin{tabular}{lrrr}"
    assert latex[2] == r"Sequence & IDF1 $\uparrow$ & HOTA $\uparrow$ & IDSW $\downarrow$ \\"
    assert latex[4].split(" & ")[1:] == [*lines[2].split()[1:3], lines[2].split()[3] + r" \\"]
    assert main(["evaluate", *map(str, scenes), "--columns", "HOTA,"]) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert "--columns: expected names out of HOTA, DetA, AssA" in message


def test_events_are_written_with_the_name_of_their_sequence(
    scenes: tuple[Path, Path], tmp_path: Path
) -> None:
    place = tmp_path / "events.csv"
    assert main(["evaluate", *map(str, scenes), "--quiet", "--events", str(place)]) == 0
    rows = list(csv.DictReader(place.read_text(encoding="utf-8").splitlines()))
    found = metrics.evaluate_folders(*scenes)
    for name, each in found.items():
        own = [row for row in rows if row["sequence"] == name]
        clear = each.scores.clear
        switches = [row for row in own if row["kind"] == EventKind.SWITCH.label]
        assert len(switches) == clear.switches
        assert all(row["old_track"] != row["new_track"] for row in switches)
        missed = [row for row in own if row["kind"] == EventKind.MISS.label]
        length = sum(int(row["last_frame"]) - int(row["frame"]) + 1 for row in missed)
        assert length == clear.misses


def test_scores_of_trackeval_folders_equal_those_of_trackeval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Folders that were not written by this package; the seqmap leaves out a sequence."""
    folders = [tmp_path / side / "mot_challenge" for side in ("gt", "trackers")]
    for seed in range(4):
        truth, predicted, frames = oracle.random_scene(seed)
        sequence = folders[0] / "MOT15-train" / f"scene-{seed}"
        data = folders[1] / "MOT15-train" / "ours" / "data"
        for file in (sequence / "gt" / "gt.txt", data / f"scene-{seed}.txt"):
            file.parent.mkdir(parents=True, exist_ok=True)
        write_rows(sequence / "gt" / "gt.txt", truth, "gt")
        write_rows(data / f"scene-{seed}.txt", predicted, "result")
        (sequence / "seqinfo.ini").write_text(f"[Sequence]\nseqLength={frames}\n")
    (folders[0] / "seqmaps").mkdir()
    lines = "name\nscene-0\nscene-1\nscene-3\n"
    (folders[0] / "seqmaps" / "MOT15-train.txt").write_text(lines)
    theirs = oracle.trackeval_from_root(tmp_path, "MOT15-train", "ours", rules=True)
    place = tmp_path / "scores.json"
    for given in ((tmp_path, tmp_path), (folders[0] / "MOT15-train", folders[1])):
        assert main(["evaluate", *map(str, given), "--quiet", "--json", str(place)]) == 0
        ours = json.loads(place.read_text(encoding="utf-8"))["scores"]
        assert list(ours) == list(theirs) == ["scene-0", "scene-1", "scene-3", "COMBINED"]
        for name, fields in theirs.items():
            oracle.assert_equal_in_every_field(ours[name] | ours[name]["per_threshold"], fields)
    # Results of a sequence that is not in the ground truth are refused, and named.
    (folders[1] / "MOT15-train" / "ours" / "data" / "scene-9.txt").write_text("1,1,0,0,5,5,1\n")
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path), str(tmp_path)]) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert "has no scene-9; --allow-missing scores the other sequences" in message
    assert main(["evaluate", str(tmp_path), str(tmp_path), "--allow-missing", "--quiet"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ids", "person"], "--trackeval and --ids person: expected one of them, got both"),
        (["--classes", "1"], "--trackeval and --classes: expected one of them, got both"),
    ],
)
def test_scores_that_trackeval_cannot_have_are_not_written_for_it(
    scenes: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    root = tmp_path / "root"
    given = [*map(str, scenes), "--trackeval", str(root), "--split", "MADE-train"]
    assert main(["evaluate", *given, *options]) == 2
    assert message in capsys.readouterr().err
    assert not root.exists()


def test_check_shows_motmetrics_and_no_difference_without_competing_boxes(
    mot_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *map(str, mot_files), "--check"]) == 0
    out = capsys.readouterr().out
    assert "All boxes are matched identically." in out
    checked = {
        line.split()[0]: line.split()[1:] for line in out.split("motmetrics\n")[1].splitlines()[:13]
    }
    assert checked["MOTA"] == ["66.67%", "66.67%"]
    assert checked["IDSW"] == ["1", "1"]
    assert all(ours == theirs for ours, theirs in checked.values())


def test_check_lists_matches_in_which_motmetrics_prefers_the_track_before_a_gap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Frame 2 has no match; in frame 3 the old track has a smaller IoU than a new one.
    truth = "1,1,0,0,10,20,1\n2,1,0,0,10,20,1\n3,1,0,0,10,20,1\n"
    predicted = "1,5,0,0,10,20\n2,7,500,0,10,20\n3,5,2,0,10,20\n3,6,0,0,10,20\n"
    (tmp_path / "truth.txt").write_text(truth, encoding="utf-8")
    (tmp_path / "predicted.txt").write_text(predicted, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("truth.txt", "predicted.txt")]
    assert main(["evaluate", *files, "--check", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "after a gap, motmetrics prefers the earlier track" in out
    assert "frame 3, ground-truth id 1: track 6 here, track 5 in motmetrics" in out
    assert "IDSW               1           0  differs" in out


def test_report_is_a_complete_page(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    assert main(["evaluate", *map(str, scenes), "--quiet", "--report", str(place)]) == 0
    text = place.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert not list(tmp_path.glob("*.part"))


def test_causes_in_an_event_list_beside_the_tracks_are_shown(
    mot_files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, page = tmp_path / "predicted.events.csv", tmp_path / "report.html"
    arguments = ["evaluate", *map(str, mot_files), "--quiet"]
    assert main([*arguments, "--events", str(events), "--report", str(page)]) == 0
    assert "by cause" not in capsys.readouterr().out
    assert "motion gate" not in page.read_text(encoding="utf-8")
    listed = events.read_text(encoding="utf-8").replace("5,6,0,,,\n", "5,6,0,,,motion gate\n")
    events.write_text(listed, encoding="utf-8")
    assert main([*arguments, "--report", str(page)]) == 0
    assert "Identity switches by cause: motion gate 1" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert "<td>motion gate</td><td>1</td>" in text
    assert "<button>cause</button>" in text


@pytest.mark.data
def test_report_shows_the_worst_switches_as_images_for_sequences_with_frames(
    data_root: Path, tmp_path: Path
) -> None:
    # PETS09-S2L1 has a video, TUD-Campus has images, KITTI-17 has no frames.
    place = tmp_path / "report.html"
    truth = tmp_path / "gt"
    truth.mkdir()
    for name, folder in (
        ("PETS09-S2L1", "mot"), ("TUD-Campus", "mot"), ("KITTI-17", "mot15-scored/gt")
    ):  # fmt: skip
        (truth / name).symlink_to(data_root / folder / name)
    results = str(data_root / "mot15-scored" / "results")
    options = ["--allow-missing", "--quiet", "--strips", "60", "--report", str(place)]
    assert main(["evaluate", str(truth), results, *options]) == 0
    text = place.read_text(encoding="utf-8")
    strips = text.split('class="strip"')[1:]
    found = metrics.evaluate_folders(truth, results, allow_missing=True)
    switches = {name: each.scores.clear.switches for name, each in found.items()}
    for name, expected in switches.items():
        shown = sum(f"{name}, ground-truth id" in strip for strip in strips)
        assert shown == (0 if name == "KITTI-17" else expected)
    assert all(2 <= strip.count("data:image/jpeg;base64,") <= 6 for strip in strips)


@pytest.mark.slow
def test_one_million_rows_are_scored(tmp_path: Path) -> None:
    frames, persons = 4000, 250
    frame, person = (each.ravel() for each in np.mgrid[1 : frames + 1, 1 : persons + 1])
    left = 30.0 * person + frame % 7
    table = np.column_stack([frame, person, left, left * 0, left * 0 + 20, left * 0 + 40])
    place = tmp_path / "rows.txt"
    np.savetxt(place, table, fmt="%d", delimiter=",")
    truth, predicted = read_ground_truth(place), read_results(place)
    assert len(truth) == 1_000_000
    scores = metrics.evaluate(truth, predicted)
    assert scores.hota.hota.mean() == 1
    assert scores.clear.matches == 1_000_000
