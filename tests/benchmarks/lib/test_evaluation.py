"""Evaluation of trackers on the benchmark inputs."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.lib import (
    evaluation,
    inputs,
)
from deepsort_reid.tracking import DeepSort


@pytest.mark.data
def test_upper_bound_of_mot17_dpm_has_the_published_scores(data_root: Path) -> None:
    found = evaluation.upper_bound("MOT17-DPM", data=data_root).combined
    assert [round(x, 1) for x in (found.hota, found.assa, found.idf1)] == [32.8, 46.1, 47.5]
    assert found.switches == 0


@pytest.mark.data
@pytest.mark.parametrize(
    ("group", "hota", "idf1"),
    [
        ("frames+public", 46.0, 65.0),
        ("frames+yolox", 51.5, 69.5),
        ("MOT17-SDP", 45.0, 56.5),
        ("MOT17-DPM", 26.5, 34.5),
    ],
)
def test_default_scores_stay_above_those_of_other_trackers(
    data_root: Path, group: str, hota: float, idf1: float
) -> None:
    found = evaluation.evaluate_group(DeepSort, group, data=data_root).combined
    assert found.hota >= hota
    assert found.idf1 >= idf1


@pytest.mark.data
@pytest.mark.parametrize("name", ["TUD-Campus-public", "MOT17-05-DPM"])
def test_scores_equal_those_of_trackeval(data_root: Path, name: str) -> None:
    group = next(group for group, names in inputs.GROUPS.items() if name in names)
    found = evaluation.evaluate_group(DeepSort, group, only=[name], data=data_root)
    expected = evaluation.trackeval_scores(found.predicted, data_root)
    for field in ("hota", "deta", "assa", "mota", "idf1", "switches"):
        assert getattr(found.combined, field) == pytest.approx(getattr(expected, field), abs=1e-9)


@pytest.mark.data
def test_embeddings_can_be_removed_or_replaced(data_root: Path) -> None:
    given = inputs.load("TUD-Campus-public", data_root)
    without = list(evaluation.with_embeddings(given, None))
    assert all(here.embedding is None for here in without)
    ones = [np.eye(1, 3, dtype=np.float32).repeat(len(here), 0) for here in given.detections]
    replaced = list(evaluation.with_embeddings(given, lambda _: ones))
    assert {here.embedding.shape[1] for here in replaced if here.embedding is not None} == {3}
    with pytest.raises(ValueError, match="embeddings must be"):
        list(evaluation.with_embeddings(given, "something"))
