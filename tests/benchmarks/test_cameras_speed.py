"""benchmarks/cameras_speed.py on a few frames."""

from pathlib import Path

import pytest

from benchmarks import cameras_speed
from benchmarks.cameras_speed import Cost


def test_missing_data_folder_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cameras_speed.main(["--data", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_report_has_medians_and_the_ratio_of_each_turn() -> None:
    turns = [
        {"cameras": Cost(10.0, 18.0), "track": Cost(15.0, 29.0)},
        {"cameras": Cost(10.0, 18.0), "track": Cost(20.0, 31.0)},
        {"cameras": Cost(20.0, 19.0), "track": Cost(20.0, 30.0)},
    ]
    _, one, many = cameras_speed.report(turns, 400)
    assert one.split() == ["cameras", "40.0", "10.0", "18.0", "1.00", "(1.00", "to", "1.00)"]
    assert many.split() == ["track", "20.0", "20.0", "30.0", "1.50", "(1.00", "to", "2.00)"]


def test_failure_of_a_command_is_raised() -> None:
    with pytest.raises(RuntimeError, match="no such video"):
        cameras_speed.run_together([["track", "nothing.mp4"]])


@pytest.mark.data
@pytest.mark.slow
def test_all_ways_write_the_same_tracks(
    data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data_root), "--streams", "2", "--frames", "8", "--turns", "1"]
    assert cameras_speed.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[-3:]] == ["cameras", "track", "track, 1 thread"]
