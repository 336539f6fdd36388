"""Benchmark inputs from the data folder."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.lib import (
    evaluation,
    inputs,
)
from deepsort_reid.tracking import DeepSort


@pytest.mark.data
def test_camera_motion_is_read_where_there_is_a_file(data_root: Path) -> None:
    warps = inputs.load("MOT16-09-public", data_root).warps(data_root)
    assert warps.shape == (525, 2, 3)
    assert np.abs(warps[:, :, :2] - np.eye(2)).max() < 0.2
    found = evaluation.evaluate_group(
        DeepSort, "frames+public", only=["TUD-Campus-public"], with_warps=True, data=data_root
    )
    assert found.combined.hota > 0  # without a file: the identity
