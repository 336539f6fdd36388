"""benchmarks/archive_speed.py on a few frames."""

from pathlib import Path

import pytest

from benchmarks import archive_speed


def test_report_has_medians_and_the_speed_up_of_each_turn() -> None:
    turns = [{"1 worker": 10.0, "2 workers": 8.0}, {"1 worker": 12.0, "2 workers": 6.0}]
    _, one, two = archive_speed.report(turns, 100)
    assert one.split() == ["1", "worker", "9.1", "11.0", "1.00", "(1.00", "to", "1.00)"]
    assert two.split() == ["2", "workers", "14.3", "7.0", "1.62", "(1.25", "to", "2.00)"]


def test_failure_of_a_run_is_raised(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="expected a folder with videos"):
        archive_speed.seconds_of(tmp_path, tmp_path / "out", [])


@pytest.mark.slow
def test_all_ways_write_the_same_tables(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--videos", "2", "--frames", "12", "--turns", "1", "--no-ray"]
    assert archive_speed.main(arguments) == 0
    assert "all 2 runs: equal tables" in capsys.readouterr().out
