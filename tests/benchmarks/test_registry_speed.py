"""benchmarks/registry_speed.py with few tracks."""

import pytest

from benchmarks import registry_speed
from benchmarks.lib import single_core


def test_report_has_a_line_for_each_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(single_core, "pin_to_core", lambda: "not pinned in a test")
    arguments = ["--in-view", "1", "3", "--stored", "5", "20", "--frames", "40", "--dim", "8"]
    assert registry_speed.main(arguments) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    numbers = [row for row in rows if row and row[0].isdigit()]
    assert [row[0] for row in numbers] == ["1", "3", "5", "20"]
    assert all(float(value) > 0 for row in numbers for value in row[1:])
