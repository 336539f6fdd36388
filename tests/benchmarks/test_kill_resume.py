"""benchmarks/kill_resume.py with a few kills."""

import pytest

from benchmarks import kill_resume


@pytest.mark.slow
@pytest.mark.parametrize("lag", ["0", "20"])
def test_killed_runs_end_with_the_rows_of_an_uninterrupted_one(
    lag: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kill_resume.main(["4", "--frames", "500", "--lag", lag, "--seed", "1"]) == 0
    printed = capfd.readouterr()
    assert "\n4 kills, " in printed.out
    assert printed.err == ""
