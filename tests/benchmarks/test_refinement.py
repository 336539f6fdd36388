"""benchmarks/refinement.py on a small crowd."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import refinement
from benchmarks.lib.crowd import crowd
from benchmarks.lib.inputs import GROUPS, Input
from deepsort_reid.metrics import evaluate
from deepsort_reid.tracking import DeepSort, FixedLag


@pytest.fixture(scope="module")
def sequence() -> Input:
    scene = crowd(10, 60)
    return Input("crowd", Path(), scene.truth, "plain", tuple(scene.detections))


def test_every_row_of_the_table_tracks_a_crowd(sequence: Input) -> None:
    names = []
    for name, run in refinement.table_rows():
        found, seconds = run(sequence)
        names.append(name)
        assert seconds > 0
        assert evaluate(sequence.truth, found, frames=sequence.length).identity.idf1 > 0.5
        assert len(np.unique(np.column_stack([found.frame, found.id]), axis=0)) == len(found)
    assert names == [
        "DeepSort(), online",
        "FixedLag 30, no linking",
        *(f"FixedLag {lag}" for lag in (10, 30, 60)),
        "offline: linked",
        "+ gaps filled",
        "+ smoothed",
    ]


def test_online_row_equals_the_online_tracker(sequence: Input) -> None:
    tracker = DeepSort()
    tracks = [tracker.update(detections) for detections in sequence.detections]
    expected = np.concatenate([each.xyxy for each in tracks])
    found, _ = refinement.run_fixed_lag(sequence, FixedLag(DeepSort(), 0))
    np.testing.assert_array_equal(found.xyxy, expected)


def test_missing_data_folder_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refinement.main(["--data", str(tmp_path)]) == 2
    assert "is not a folder; pass --data FOLDER" in capsys.readouterr().err


@pytest.mark.data
def test_table_has_the_upper_bound_and_a_line_for_each_row(
    data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GROUPS, "frames+yolox", ("TUD-Campus-yolox",))
    arguments = ["--data", str(data_root), "--group", "frames+yolox", "--sequences"]
    assert refinement.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    table = lines[lines.index("frames+yolox: TUD-Campus-yolox") + 2 :]
    assert table[0].startswith("upper bound")
    for row, (name, _) in zip(table[1::2], refinement.table_rows(), strict=True):
        assert row.startswith(name)
    assert all(line.startswith("  TUD-Campus-yolox") for line in table[2::2])
