"""Detections from the objects of other libraries, and with invalid boxes left out."""

import zlib
from types import SimpleNamespace

import numpy as np
import pytest

from deepsort_reid import Detections

XYXY = np.array([[100.0, 50, 140, 150], [300, 60, 342, 156]])


class Tensor:
    """Stands for a tensor on a GPU: numpy cannot read it before detach, cpu and numpy."""

    def __init__(self, values, device="gpu"):
        self.values, self.device = np.asarray(values), device

    def detach(self):
        return self

    def cpu(self):
        return Tensor(self.values, "cpu")

    def numpy(self):
        assert self.device == "cpu"
        return self.values


def test_supervision_with_mask_and_data():
    mask = np.zeros((2, 4, 5), dtype=bool)
    names = np.array(["person", "car"])
    found = SimpleNamespace(
        xyxy=XYXY.astype(np.float32),
        confidence=np.array([0.5, 0.25]),
        class_id=np.array([0, 2]),
        mask=mask,
        data={"class_name": names},
    )
    detections = Detections.from_supervision(found)
    np.testing.assert_array_equal(detections.xyxy, XYXY)
    assert detections.score.tolist() == [0.5, 0.25]
    assert detections.class_id.tolist() == [0, 2]
    assert detections.data["class_name"].tolist() == ["person", "car"]
    assert detections.data["mask"].shape == (2, 4, 5)
    assert Detections.from_supervision(SimpleNamespace(xyxy=np.empty((0, 4)))).data == {}


def ultralytics_result():
    boxes = SimpleNamespace(xyxy=Tensor(XYXY), conf=Tensor([0.5, 0.25]), cls=Tensor([0.0, 2.0]))
    return SimpleNamespace(
        boxes=boxes,
        names={0: "person", 2: "car"},
        masks=None,
        keypoints=SimpleNamespace(data=Tensor(np.ones((2, 17, 3)))),
    )


def test_ultralytics_with_tensors_on_a_device():
    detections = Detections.from_ultralytics(ultralytics_result())
    np.testing.assert_array_equal(detections.xyxy, XYXY)
    assert detections.class_id.tolist() == [0, 2]
    assert detections.data["class_name"].tolist() == ["person", "car"]
    assert detections.data["keypoints"].shape == (2, 17, 3)


def test_ultralytics_with_some_classes():
    detections = Detections.from_ultralytics(ultralytics_result(), classes=[2])
    assert detections.data["class_name"].tolist() == ["car"]
    assert detections.score.tolist() == [0.25]


def test_torchvision():
    found = {
        "boxes": Tensor(XYXY),
        "scores": Tensor([0.5, 0.25]),
        "labels": Tensor([1, 3]),
        "masks": Tensor(np.zeros((2, 1, 4, 5))),
    }
    detections = Detections.from_torchvision(found)
    np.testing.assert_array_equal(detections.xyxy, XYXY)
    assert detections.class_id.tolist() == [1, 3]
    assert detections.data["mask"].shape == (2, 4, 5)


def test_list_of_deep_sort_realtime():
    rows = [([100, 50, 40, 100], 0.5, "person"), ([300, 60, 42, 96], None, None)]
    detections = Detections.from_list(rows)
    np.testing.assert_array_equal(detections.xyxy, XYXY)
    assert detections.score.tolist() == [0.5, 1]
    assert detections.class_id.tolist() == [zlib.crc32(b"person"), 0]
    assert detections.data["class_name"].tolist() == ["person", ""]
    assert Detections.from_list(rows[:1], names=["car", "person"]).class_id.tolist() == [1]
    assert Detections.from_list([(rows[0][0], 0.5, 7)]).class_id.tolist() == [7]
    assert len(Detections.from_list([])) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Detections.from_supervision([1]), "an sv.Detections .*'xyxy', got list"),
        (
            lambda: Detections.from_ultralytics(SimpleNamespace()),
            "a Results object .*'boxes', got types.SimpleNamespace",
        ),
        (lambda: Detections.from_torchvision({"boxes": []}), r"boxes, scores and labels, got \["),
        (lambda: Detections.from_list([[1, 2, 3, 4, 0.5]]), "got .*in row 0"),
        (lambda: Detections.from_list(["abc"]), "got 'abc' in row 0"),
        (
            lambda: Detections.from_list([([0, 0, 1, 1], 1, "bus")], names=["car"]),
            r"one of \['car'\], got 'bus'",
        ),
        (lambda: Detections.from_list([([0, 0, 1], 1, 0)]), "tlwh must have shape"),
        (lambda: Detections(XYXY, data=[1]), "data must be a dictionary"),
        (lambda: Detections(XYXY, data={"a": [1]}), "expected 2 rows of column 'a'"),
        (lambda: Detections(XYXY, data={"a": 1}), "expected 2 rows of column 'a'"),
        (lambda: Detections(XYXY, [1], drop_invalid=True), "one score per box"),
        (lambda: Detections([[1, 2, 3]], drop_invalid=True), "must have shape"),
    ],
)
def test_other_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_invalid_boxes_are_left_out():
    xyxy = [*XYXY.tolist(), [5, 5, 5, 9], [np.nan, 0, 1, 1], [0, 0, 1e12, 1], [0, 0, 9, 9]]
    score = [0.5, 0.25, 1, 1, 1, np.inf]
    embedding = np.eye(6, 8, dtype=np.float32)
    rows = {"row": np.arange(6)}
    detections = Detections(xyxy, score, np.arange(6), embedding, rows, drop_invalid=True)
    np.testing.assert_array_equal(detections.xyxy, XYXY)
    assert detections.score.tolist() == [0.5, 0.25]
    assert detections.class_id.tolist() == detections.data["row"].tolist() == [0, 1]
    np.testing.assert_array_equal(detections.embedding, embedding[:2])
    with pytest.raises(ValueError, match="row 2"):
        Detections(xyxy[:3])
    assert len(Detections.from_tlwh([[0, 0, -1, 5], [0, 0, 2, 5]], drop_invalid=True)) == 1
    assert len(Detections.from_xywh([[0, 0, np.inf, 5]], drop_invalid=True)) == 0
    assert len(Detections([], drop_invalid=True)) == 0


def test_columns_follow_their_rows():
    detections = Detections(XYXY, data={"name": ["a", "b"], "points": [np.ones(3), np.ones(5)]})
    assert detections[[1]].data["name"].tolist() == ["b"]
    assert [len(points) for points in detections.data["points"]] == [3, 5]
    assert detections.with_embedding(np.eye(2)).data["name"].tolist() == ["a", "b"]
    assert detections.without_data().data == {}
    assert repr(detections) == "Detections(2 boxes, data: name, points)"
    assert repr(Detections(XYXY, embedding=np.eye(2))) == "Detections(2 boxes, 2-d embeddings)"
