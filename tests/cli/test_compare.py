import json
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
