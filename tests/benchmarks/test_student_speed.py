"""benchmarks/student_speed.py with small inputs."""

import numpy as np
import pytest

from benchmarks import student_speed
from deepsort_reid import Embedder
from deepsort_reid.reid.data.datasets import Sample


def test_crops_for_calibration_and_test_show_different_people():
    samples = [Sample(f"{p}_{k}.jpg", f"{p}") for p in range(20) for k in range(80)]
    calibration, test = student_speed.split_crops(samples)
    assert (len(calibration), len(test)) == (256, 512)
    assert not {s.identity for s in calibration} & {s.identity for s in test}


@pytest.mark.data
@pytest.mark.slow
def test_report_has_both_formats_and_the_int8_file_is_an_embedder(
    tmp_path, monkeypatch, capsys, data_root
):
    monkeypatch.setattr(student_speed, "CALIBRATION_CROPS", 16)
    monkeypatch.setattr(student_speed, "TEST_CROPS", 16)
    options = ["--data", str(data_root), "--rounds", "2", "--batch", "2", "--files-only"]
    student_speed.main([*options, "--out", str(tmp_path)])
    name, size, *numbers = capsys.readouterr().out.splitlines()[-1].split()
    assert name == "embedder.onnx"
    assert [float(number.replace(",", "")) > 0 for number in (size, *numbers)] == [True] * 5
    int8 = Embedder(tmp_path / "embedder.onnx.int8.onnx")
    assert int8.metadata["normalisation"] == "in_graph"
    crops = list(np.random.default_rng(0).integers(0, 256, (4, 128, 64, 3), np.uint8))
    assert (int8.embed_crops(crops) * Embedder().embed_crops(crops)).sum(1).min() > 0.8
