"""benchmarks/student_speed.py with small inputs."""

import numpy as np
import pytest

from benchmarks import student_speed
from benchmarks.lib import quantization
from deepsort_reid import Embedder


@pytest.mark.data
@pytest.mark.slow
def test_report_has_both_formats_and_the_int8_file_is_an_embedder(
    tmp_path, monkeypatch, capsys, data_root
):
    monkeypatch.setattr(quantization, "CALIBRATION_CROPS", 16)
    monkeypatch.setattr(quantization, "TEST_CROPS", 16)
    options = ["--data", str(data_root), "--rounds", "2", "--batch", "2", "--files-only"]
    student_speed.main([*options, "--out", str(tmp_path)])
    name, size, *numbers = capsys.readouterr().out.splitlines()[-1].split()
    assert name == "embedder.onnx"
    assert [float(number.replace(",", "")) > 0 for number in (size, *numbers)] == [True] * 5
    int8 = Embedder(tmp_path / "embedder.onnx.int8.onnx")
    assert int8.metadata["normalisation"] == "in_graph"
    crops = list(np.random.default_rng(0).integers(0, 256, (4, 128, 64, 3), np.uint8))
    assert (int8.embed_crops(crops) * Embedder(precision="float32").embed_crops(crops)).sum(
        1
    ).min() > 0.8
