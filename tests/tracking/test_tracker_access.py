"""What a tracker offers beside updates."""

from types import SimpleNamespace

import numpy as np
import pytest

from deepsort_reid import DeepSort, Detections

XYXY = np.array([[100.0, 50, 140, 150], [300, 60, 342, 156], [500, 60, 542, 156]])


class Found(SimpleNamespace):
    """The part of `sv.Detections` that is used."""

    def __getitem__(self, rows):
        return Found(
            xyxy=self.xyxy[rows],
            confidence=self.confidence[rows],
            class_id=self.class_id[rows],
            data={name: column[rows] for name, column in self.data.items()},
        )


def found(order):
    return Found(
        xyxy=XYXY[order],
        confidence=np.array([0.9, 0.9, 0.2])[order],
        class_id=np.zeros(3, dtype=int),
        data={"name": np.array(["a", "b", "low"])[order]},
    )


def test_detections_of_supervision_get_their_ids():
    tracker = DeepSort()
    for order in ([0, 1, 2], [1, 0, 2], [0, 1, 2], [1, 2, 0]):
        result = tracker.update_with_detections(found(order))
    assert result.tracker_id.tolist() == [2, 1]
    assert result.data["name"].tolist() == ["b", "a"]
    assert result.data["person_id"].tolist() == [2, 1]
    with pytest.raises(ValueError, match="expected an sv"):
        tracker.update_with_detections(XYXY)


def test_embedding_of_a_live_track():
    tracker = DeepSort()
    for _ in range(3):
        tracker.update(Detections(XYXY[:2], embedding=np.eye(2, 4)))
    np.testing.assert_allclose(tracker.embedding_of(2), [0, 1, 0, 0])
    with pytest.raises(ValueError, match=r"one of \[1, 2\], got 3"):
        tracker.embedding_of(3)
    with pytest.raises(ValueError, match="got 0"):
        tracker.embedding_of(0)
    without = DeepSort()
    for _ in range(3):
        without.update(Detections(XYXY[:1]))
    assert without.embedding_of(1) is None


def test_repr_counts_tracks():
    tracker = DeepSort()
    assert repr(tracker) == "DeepSort(no tracks)"
    for boxes in (XYXY[:1], XYXY[:1], XYXY[:2], XYXY[1:2]):
        tracker.update(Detections(boxes))
    assert repr(tracker) == "DeepSort(1 tentative, 1 coasting)"


def test_a_wrong_type_names_its_module():
    kind = type("Detections", (), {"__module__": "supervision.detection.core"})
    with pytest.raises(ValueError, match=r"got supervision\.detection.*from_supervision"):
        DeepSort().update(kind())
    with pytest.raises(ValueError, match=r"got list; .*from_list"):
        DeepSort().update([([0, 0, 1, 1], 1, 0)])
