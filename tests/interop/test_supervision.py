"""Round trips through supervision itself: `update_with_detections`, and tables of tracks."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, Detections, Tracks

sv = pytest.importorskip("supervision", reason="needs supervision")

WIDTH, HEIGHT = 640, 240


def found(step, order=(0, 1), *, mask=True):
    """A person who walks to the right and a car that drives to the left, in the given order."""
    order = list(order)
    xyxy = np.array(
        [[100 + 5 * step, 50, 140 + 5 * step, 150], [300 - 5 * step, 60, 342 - 5 * step, 156]],
        dtype=np.float32,
    )[order]
    masks = np.zeros((2, HEIGHT, WIDTH), dtype=bool)
    for each, (left, top, right, bottom) in zip(masks, xyxy.astype(int), strict=True):
        each[top:bottom, left:right] = True
    return sv.Detections(
        xyxy=xyxy,
        mask=masks if mask else None,
        confidence=np.array([0.9, 0.8], dtype=np.float32)[order],
        class_id=np.array([0, 2])[order],
        data={
            "class_name": np.array(["person", "car"])[order],
            "corners": np.arange(4.0).reshape(2, 2)[order],
        },
        metadata={"source": "gate"},
    )


def test_update_with_detections_gives_the_same_detections_with_ids():
    tracker = DeepSort()
    for step in range(5):
        given = found(step, (0, 1) if step % 2 else (1, 0))
        result = tracker.update_with_detections(given)
        assert isinstance(result, sv.Detections)
        assert len(result) == (2 if step > 1 else 0)
    assert result.tracker_id.tolist() == [2, 1]  # in the order of the detections
    assert result.data["person_id"].tolist() == [2, 1]
    assert given.tracker_id is None  # the argument is left as it is
    for name in ("xyxy", "mask", "confidence", "class_id"):
        np.testing.assert_array_equal(getattr(result, name), getattr(given, name))
    assert result["class_name"].tolist() == ["car", "person"]
    assert result["corners"].tolist() == [[2, 3], [0, 1]]
    assert result.metadata == {"source": "gate"}


def test_only_boxes_are_needed():
    tracker = DeepSort()
    for step in range(3):
        result = tracker.update_with_detections(sv.Detections(xyxy=found(step).xyxy))
    assert result.tracker_id.tolist() == [1, 2]
    assert result.mask is None
    assert result.confidence is None
    assert len(tracker.update_with_detections(sv.Detections.empty())) == 0


def test_boxes_without_area_are_refused_or_left_out():
    tracker = DeepSort()
    for step in range(3):
        tracker.update_with_detections(found(step))
    given = found(3)
    given.xyxy[0] = [5, 5, 5, 9]
    with pytest.raises(ValueError, match="row 0"):
        tracker.update_with_detections(given)
    result = tracker.update_with_detections(given, drop_invalid=True)
    assert (result.tracker_id.tolist(), result.class_id.tolist()) == ([2], [2])


def test_tracks_become_detections_with_everything_that_was_given():
    tracker = DeepSort()
    for step in range(4):
        given = found(step, (1, 0))
        tracks = tracker.update(Detections.from_supervision(given))
    table = tracks.to_supervision()
    np.testing.assert_array_equal(table.xyxy, tracks.xyxy.astype(np.float32))
    np.testing.assert_array_equal(table.mask, given.mask[::-1])
    assert table.tracker_id.tolist() == [1, 2]
    assert table.class_id.tolist() == [0, 2]
    assert table["class_name"].tolist() == ["person", "car"]
    assert table["corners"].tolist() == [[0, 1], [2, 3]]
    assert table[table.class_id == 2].tracker_id.tolist() == [2]
    # And back.
    again = Detections.from_supervision(table)
    np.testing.assert_array_equal(again.class_id, tracks.class_id)
    assert again.data["person_id"].tolist() == [1, 2]
    assert len(Tracks.empty().to_supervision()) == 0


def test_annotators_draw_the_result():
    tracker = DeepSort()
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    trace, box, label = sv.TraceAnnotator(), sv.BoxAnnotator(), sv.LabelAnnotator()
    for step in range(6):
        result = tracker.update_with_detections(found(step))
        labels = [
            f"{name} {id}"
            for name, id in zip(result.data.get("class_name", ()), result.tracker_id, strict=True)
        ]
        drawn = box.annotate(trace.annotate(image.copy(), result), result)
        drawn = label.annotate(drawn, result, labels)
    assert labels == ["person 1", "car 2"]
    left, top = result.xyxy[0].astype(int)[:2]
    assert drawn[top : top + 80, left : left + 3].any()


def test_people_are_counted_by_a_line_zone():
    tracker = DeepSort()
    line = sv.LineZone(start=sv.Point(150, 0), end=sv.Point(150, HEIGHT))
    for step in range(20):
        line.trigger(tracker.update_with_detections(found(step, mask=False)))
    assert line.in_count + line.out_count == 1  # the person; the car stays on its side


def test_a_wrong_type_names_its_module():
    with pytest.raises(ValueError, match=r"got supervision\.detection\.core\.Detections.*from_su"):
        DeepSort().update(found(0))
    with pytest.raises(ValueError, match=r"expected an sv\.Detections .*got numpy"):
        DeepSort().update_with_detections(np.zeros((1, 4)))
