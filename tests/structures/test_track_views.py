"""Tracks as plain rows, dictionaries, tables and objects of other libraries."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from deepsort_reid import DeepSort, Detections, Tracks

XYXY = np.array([[100.0, 50, 140, 150], [300, 60, 342, 156]])
MASK = np.zeros((2, 3, 4), dtype=bool)


@pytest.fixture
def tracks():
    """Two confirmed tracks, detected in the other order, with columns of the caller."""
    tracker = DeepSort()
    for order in ([0, 1], [0, 1], [0, 1], [1, 0]):
        data = {"name": np.array(["left", "right"])[order], "mask": MASK}
        result = tracker.update(Detections(XYXY[order], [0.9, 0.8], data=data))
    return result


def test_columns_of_the_caller_reach_their_track(tracks):
    assert tracks.id.tolist() == [1, 2]
    assert tracks.detection.tolist() == [1, 0]
    assert tracks.data["name"].tolist() == ["left", "right"]
    assert tracks[[1]].data["name"].tolist() == ["right"]
    assert DeepSort().update(Detections(XYXY, data={"name": ["a", "b"]})).data["name"].size == 0


def test_rows_are_plain_numbers(tracks):
    first, second = tracks
    assert (first.id, first.person_id, first.misses, second.id) == (1, 1, 0, 2)
    assert type(first.id) is int
    assert type(first.score) is float
    assert [type(value) for value in first.xyxy] == [float] * 4
    np.testing.assert_allclose(tracks.tlwh[:, 2:], tracks.xyxy[:, 2:] - tracks.xyxy[:, :2])


def test_dictionaries_are_written_as_json(tracks):
    read = json.loads(json.dumps(tracks.to_dicts()))
    assert [(row["id"], row["name"]) for row in read] == [(1, "left"), (2, "right")]
    assert read[0]["xyxy"] == tracks.xyxy[0].tolist()


def test_table_of_pandas(tracks):
    table = tracks.to_pandas()
    assert table["id"].tolist() == [1, 2]
    assert table["name"].tolist() == ["left", "right"]
    assert table["bottom"].tolist() == tracks.xyxy[:, 3].tolist()
    assert table["mask"][0].shape == (3, 4)
    assert list(Tracks.empty().to_pandas().columns)[:5] == ["id", "left", "top", "right", "bottom"]


def test_arguments_of_supervision(tracks, monkeypatch):
    module = SimpleNamespace(Detections=lambda **given: SimpleNamespace(**given))
    monkeypatch.setitem(sys.modules, "supervision", module)
    found = tracks.to_supervision()
    assert found.tracker_id.tolist() == [1, 2]
    assert found.data["person_id"].tolist() == [1, 2]
    assert found.data["name"].tolist() == ["left", "right"]
    assert found.mask.shape == (2, 3, 4)
    assert found.xyxy.dtype == np.float32


def test_repr(tracks):
    assert repr(tracks) == "Tracks(2: ids 1, 2)"
    assert repr(Tracks.empty()) == "Tracks(0)"
