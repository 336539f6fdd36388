"""benchmarks/ablation.py on one sequence."""

from pathlib import Path

import pytest

from benchmarks import ablation
from benchmarks.lib import inputs
from deepsort_reid.tracking import DeepSort, DeepSortConfig


@pytest.mark.data
def test_gain_and_interval_are_over_the_row_above(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(inputs.GROUPS, "frames+public", ("TUD-Campus-public",))
    slow = lambda: DeepSort(DeepSortConfig(n_init=20))  # noqa: E731
    monkeypatch.setattr(
        ablation, "CUMULATIVE", {"slow": slow, "quick": DeepSort, "again": DeepSort}
    )
    monkeypatch.setattr(ablation, "SINGLE_CHANGES", {"other": slow})
    assert ablation.main(["--data", str(data_root), "--group", "frames+public"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {
        line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines if "|" in line
    }
    assert rows["slow"][4:7] == ["", "", ""]
    assert rows["quick"][4].startswith("+")
    assert rows["quick"][4].endswith("]*")
    assert rows["again"][4:7] == ["+0.0 [+0.0, +0.0]"] * 3
    assert rows["again"][:4] == rows["quick"][:4] == rows["DeepSort()"][:4]
    assert rows["other"][:4] == rows["slow"][:4]
    assert rows["other"][4].startswith("-")
    # Compensation is switched off by itself for a static camera.
    for name in ("camera motion by sparse flow", "camera motion by ECC"):
        assert rows[name][4:7] == ["+0.0 [+0.0, +0.0]"] * 3
