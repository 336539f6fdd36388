"""benchmarks/churn.py on a short stream."""

import pytest

from benchmarks import churn
from deepsort_reid.tracking import DeepSort


def test_readings_report_memory_time_and_number_of_ids() -> None:
    found = list(churn.readings(DeepSort(), 40, 20))
    assert [reading.frame for reading in found] == [20, 40]
    assert all(reading.megabytes > 1 and reading.milliseconds > 0 for reading in found)
    assert found[1].max_id >= found[0].max_id > 0


def test_slope_is_the_growth_per_million_frames() -> None:
    memory = [(1000, 50.0), (2000, 50.5), (3000, 51.0)]
    done = [churn.Reading(frame, megabytes, 1.0, 1, 1) for frame, megabytes in memory]
    assert churn.slope(done) == pytest.approx(500)


def test_table_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSORT_REID_ONE_CORE", "1")
    assert churn.main(["--frames", "40", "--readings", "4"]) == 0
    assert "MB per million frames" in capsys.readouterr().out
