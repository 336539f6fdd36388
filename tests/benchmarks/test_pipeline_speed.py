"""benchmarks/pipeline_speed.py on a short sequence."""

from pathlib import Path

import pytest

from benchmarks import pipeline_speed


def test_missing_data_folder_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pipeline_speed.main(["--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count(str(tmp_path / "inputs")) == 1


@pytest.mark.data
def test_report_has_a_line_for_each_stage(
    data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = data_root / "models" / "osnet_x0_25_msmt17.onnx"
    arguments = ["--data", str(data_root), "--sequence", "TUD-Campus", "--frames", "4"]
    assert pipeline_speed.main([*arguments, "--embedder", str(model), "--threads", "1"]) == 0
    text = capsys.readouterr().out
    for stage in pipeline_speed.STAGES:
        assert f"\n{stage} " in text
    assert "frames per second" in text
