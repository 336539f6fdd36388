"""benchmarks/memory.py on a short stream."""

import pytest

from benchmarks import memory
from deepsort_reid.tracking import DeepSort


def test_readings_report_memory_and_number_of_ids(capsys: pytest.CaptureFixture[str]) -> None:
    found = list(memory.readings(DeepSort(), 40, 20))
    assert [reading.frame for reading in found] == [20, 40]
    assert all(reading.megabytes > 1 for reading in found)
    assert found[1].max_id >= found[0].max_id > 0
    assert memory.main(["--frames", "20", "--every", "10"]) == 0
    assert "growth of" in capsys.readouterr().out
