"""Configurations between DeepSORT as published and the default."""

from dataclasses import replace

import numpy as np

from benchmarks.lib import (
    configurations,
    evaluation,
)
from benchmarks.lib.crowd import crowd


def test_cumulative_configurations_end_at_the_default() -> None:
    names = list(configurations.CUMULATIVE)
    assert names[0] == "as published"
    assert names[-1] == "DeepSort()"
    below_default = configurations.CUMULATIVE[names[-2]]().config
    assert replace(below_default, smooth_boxes=True) == configurations.DEFAULT
    scene = crowd(5, 12)
    factories = {
        **configurations.CUMULATIVE,
        **configurations.SINGLE_CHANGES,
        **configurations.PARAMETER_VALUES,
    }
    for factory in factories.values():
        rows, _ = evaluation.run_tracker(factory(), scene.detections, [{}] * 12)
        assert len(np.unique(rows.id)) >= 4
