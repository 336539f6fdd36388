import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from deepsort_reid import metrics
from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import write_rows
from deepsort_reid.structures.mot_rows import MotRows


@pytest.fixture
def trackers(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Ground truth, and two trackers of which the second misses more boxes; three sequences."""
    for seed, name in enumerate(("a", "b", "c")):
        rng = np.random.default_rng(seed)
        frame, person = (each.ravel() for each in np.mgrid[1:151, 1:6])
        left = 50.0 * person
        truth = MotRows(frame, person, np.column_stack([left, left, left + 30, left + 30]))
        for folder, kept in (("gt", 1.0), ("good", 0.95), ("bad", 0.8)):
            (tmp_path / folder).mkdir(exist_ok=True)
            rows = truth[rng.random(len(truth)) < kept]
            write_rows(tmp_path / folder / f"{name}.txt", rows, "gt")
    return tmp_path / "gt", tmp_path / "good", tmp_path / "bad"


def test_worse_tracker_is_worse_in_every_sequence(
    trackers: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "compared.json"
    arguments = [*map(str, trackers), str(trackers[1]), "--quiet", "--json", str(place)]
    assert main(["compare", *arguments, "--resamples", "300"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "protocol: plain; 300 resamples, blocks of 50 frames" in out
    assert "MOTA  worse in 3 sequences: a, b, c" in out
    against_worse, against_itself = json.loads(place.read_text(encoding="utf-8"))
    folders = [metrics.evaluate_folders(trackers[0], tracker) for tracker in trackers[1:]]
    first, second = (
        sum((each.scores for each in found.values()), metrics.Scores()) for found in folders
    )
    assert against_worse["HOTA"]["first"] == pytest.approx(first.hota.hota.mean(), abs=1e-9)
    assert against_worse["HOTA"]["second"] == pytest.approx(second.hota.hota.mean(), abs=1e-9)
    assert against_worse["MOTA"]["over_blocks"][1] < 0
    assert against_worse["MOTA"]["over_sequences"][1] < 0
    assert set(against_worse["MOTA"]["sequences"]) == {"a", "b", "c"}
    assert against_itself["HOTA"]["over_blocks"] == [0, 0]


def test_single_sequence_has_no_interval_over_sequences(
    trackers: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(folder / "a.txt") for folder in trackers]
    assert main(["compare", *files, "--resamples", "50"]) == 0
    assert "One sequence: no interval over sequences." in capsys.readouterr().out


def test_sequence_that_one_tracker_lacks_is_named(
    trackers: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (trackers[2] / "b.txt").unlink()
    arguments = [*map(str, trackers), "--resamples", "50"]
    assert main(["compare", *arguments]) == 2
    assert "bad has no b" in capsys.readouterr().err
    assert main(["compare", *arguments, "--allow-missing"]) == 0
    captured = capsys.readouterr()
    assert "compared on the sequences of all trackers: a, c" in captured.err


@pytest.mark.parametrize("option", ["--block-length", "--resamples"])
def test_counts_below_one_are_refused(
    trackers: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert main(["compare", *map(str, trackers), option, "0"]) == 2
    assert f"{option}: expected 1 or more, got 0" in capsys.readouterr().err


def test_every_sub_folder_with_results_is_a_tracker(
    trackers: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "trackers"
    for tracker, place in zip(trackers[1:], ("good", "bad/data"), strict=True):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        tracker.rename(folder / place)
    (folder / "cache").mkdir()
    options = ["--resamples", "20", "--quiet"]
    assert main(["compare", str(trackers[0]), str(folder), *options]) == 0
    assert f"{folder / 'good'} minus {folder / 'bad'}\n" in capsys.readouterr().out
    # With a reference, the folder has the others.
    arguments = [str(trackers[0]), str(folder / "good"), str(folder), *options]
    assert main(["compare", *arguments]) == 0
    printed = capsys.readouterr().out
    assert f"{folder / 'bad'} minus {folder / 'good'}\n" in printed
    assert printed.count(" minus ") == 1


def test_several_trackers_are_ranked_by_hota(
    trackers: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "trackers"
    folder.mkdir()
    for tracker in (trackers[1], trackers[2]):
        tracker.rename(folder / tracker.name)
    shutil.copytree(trackers[0], folder / "copy of gt")
    assert main(["compare", str(trackers[0]), str(folder), "--resamples", "20", "--quiet"]) == 0
    head, *rows = (
        capsys.readouterr().out.split("All trackers, the highest HOTA first:\n")[1].splitlines()
    )
    assert head.split()[0] == "HOTA"
    assert [row.split("/")[-1].split("  ")[0] for row in rows] == ["copy of gt", "good", "bad"]
    assert "100.00" in rows[0]
    for name, row in (("good", rows[1]), ("bad", rows[2])):
        found = metrics.evaluate_folders(trackers[0], folder / name)
        total = sum((each.scores for each in found.values()), metrics.Scores())
        shown = dict(zip(head.split(), row.removeprefix(str(folder / name)).split(), strict=True))
        assert shown["HOTA"] == f"{100 * total.hota.hota.mean():.2f}"
        assert shown["IDSW"] == str(total.clear.switches)


def test_tracker_that_cannot_be_scored_does_not_stop_the_others(
    trackers: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "trackers"
    folder.mkdir()
    for tracker in trackers[1:]:
        tracker.rename(folder / tracker.name)
    (folder / "broken").mkdir()
    for name in ("a", "b", "c"):
        (folder / "broken" / f"{name}.txt").write_text("1,1,none\n", encoding="utf-8")
    place = tmp_path / "compared.json"
    options = ["--resamples", "20", "--json", str(place)]
    assert main(["compare", str(trackers[0]), str(folder), *options]) == 2
    captured = capsys.readouterr()
    assert f"{folder / 'good'} minus {folder / 'bad'}\n" in captured.out
    (line,) = captured.err.splitlines()
    assert f"{folder / 'broken' / 'a.txt'}:1" in line
    assert line.endswith("; the other trackers are compared")
    assert len(json.loads(place.read_text(encoding="utf-8"))) == 1
    # Without the reference there is nothing to compare with.
    given = [str(folder / name) for name in ("broken", "good", "bad")]
    assert main(["compare", str(trackers[0]), *given]) == 2
    assert capsys.readouterr().out == ""


def test_one_tracker_is_not_enough(
    trackers: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *map(str, trackers[:2])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected a folder with the results of several trackers, or two" in line


def test_only_limits_the_comparison(
    trackers: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--only", "a", "--only", "c", "--resamples", "20"]
    assert main(["compare", *map(str, trackers), *options]) == 0
    assert "in 2 sequences: a, c" in capsys.readouterr().out
