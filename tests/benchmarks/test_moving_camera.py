"""Moving cameras: rows of the table."""

from pathlib import Path

import pytest

from benchmarks.moving_camera import main


@pytest.mark.slow
def test_table_has_a_row_for_each_path_and_source_of_camera_motion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--seeds", "3", "--frames", "12", "--data", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "street, seed 3: 12 frames, 960x540, 25 fps" in out
    rows = [line.split("  ")[0] for line in out.splitlines()[3:]]
    assert rows.count("static") == 3
    assert rows.count("pan") == rows.count("zoom") == rows.count("shake") == 4
