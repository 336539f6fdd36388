"""benchmarks/mot.py on a small group."""

from pathlib import Path

import pytest

from benchmarks import mot
from benchmarks.lib import inputs


def test_missing_data_folder_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mot.main(["--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count(str(tmp_path / "inputs")) == 1


@pytest.mark.data
def test_report_has_rows_for_sequences_trackeval_and_reid_after_gap(
    data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(inputs.GROUPS, "frames+public", ("TUD-Campus-public",))
    arguments = [
        "--data",
        str(data_root),
        "--group",
        "frames+public",
        "--check",
        "--reid-after-gap",
        "--sequences",
    ]
    assert mot.main([*arguments, "--only", "DeepSort()"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.startswith("DeepSort()"))
    check = next(line for line in lines if line.startswith("  by TrackEval"))
    assert row.split()[1:7] == check.split()[2:8]
    assert "same id after a gap" in lines
    alone = next(line for line in lines if line.startswith("  TUD-Campus-public"))
    assert alone.split()[1:] == row.split()[1:7]
