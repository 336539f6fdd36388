"""benchmarks/refinement.py does its work in a tiny setting."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import refinement
from benchmarks.lib.crowd import crowd
from benchmarks.lib.inputs import GROUPS, Input
from deepsort_reid.metrics import evaluate
from deepsort_reid.tracking import DeepSort, FixedLag


@pytest.fixture(scope="module")
def given() -> Input:
    scene = crowd(10, 60)
    return Input("crowd", Path(), scene.truth, "plain", tuple(scene.detections))


def test_every_row_of_the_table_follows_a_crowd(given: Input) -> None:
    names = []
    for name, follow in refinement.rows_of_table():
        found, seconds = follow(given)
        names.append(name)
        assert seconds > 0
        assert evaluate(given.truth, found, frames=given.length).identity.idf1 > 0.5
        assert len(np.unique(np.column_stack([found.frame, found.id]), axis=0)) == len(found)
    assert names == [
        "DeepSort(), online",
        "FixedLag 30, nobody linked",
        *(f"FixedLag {lag}" for lag in (10, 30, 60)),
        "offline: linked",
        "+ gaps filled",
        "+ smoothed",
    ]


def test_the_online_row_is_the_online_tracker(given: Input) -> None:
    tracker = DeepSort()
    expected = np.concatenate([tracker.update(here).xyxy for here in given.detections])
    found, _ = refinement.run_fixed_lag(given, FixedLag(DeepSort(), 0))
    np.testing.assert_array_equal(found.xyxy, expected)


def test_without_data_it_says_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refinement.main(["--data", str(tmp_path)]) == 2
    assert "is not a folder; pass --data" in capsys.readouterr().err


@pytest.mark.data
def test_the_table_has_the_ceiling_and_a_line_for_each_row(
    data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GROUPS, "frames+yolox", ("TUD-Campus-yolox",))
    arguments = ["--data", str(data_root), "--group", "frames+yolox", "--sequences"]
    assert refinement.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    table = lines[lines.index("frames+yolox: TUD-Campus-yolox") + 2 :]
    assert table[0].startswith("ceiling of the raw detections")
    for row, (name, _) in zip(table[1::2], refinement.rows_of_table(), strict=True):
        assert row.startswith(name)
    assert all(line.startswith("  TUD-Campus-yolox") for line in table[2::2])
