"""Columns of the caller and class names through a fixed lag."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, Detections, FixedLag
from tests.tracking.scenarios import boxes_at

MASKS = np.arange(2 * 3 * 4).reshape(2, 3, 4)


def detections(step, order=(0, 1)):
    """Two people, in the given order, with columns of several types."""
    order = list(order)
    data = {
        "name": np.array(["left", "right"])[order],
        "class_name": np.array(["person", "car"])[order],
        "mask": MASKS[order],
        "weight": np.array([0.5, 1.5])[order],
        "any": np.array([{"a": 1}, None], dtype=object)[order],
        "step": np.full(2, step),
    }
    return Detections(
        boxes_at(100 + 2 * step, 300 - 2 * step)[order],
        [0.9, 0.9],
        np.array([0, 2])[order],
        data=data,
    )


def run(fixed_lag, frames):
    emitted = [lagged for each in frames if (lagged := fixed_lag.update(each))]
    return dict([*emitted, *fixed_lag.flush()])


def test_columns_come_out_with_the_frame_they_were_given_with():
    frames = [detections(step, (0, 1) if step % 3 else (1, 0)) for step in range(20)]
    for number, tracks in run(FixedLag(DeepSort(), 5), frames).items():
        assert tracks.id.tolist() == [1, 2]
        assert tracks.data["name"].tolist() == ["left", "right"]
        assert tracks.data["step"].tolist() == [number - 1] * 2
        assert tracks.data["any"].tolist() == [{"a": 1}, None]
        np.testing.assert_array_equal(tracks.data["mask"], MASKS)


def test_filled_row_has_no_values_but_its_class_name():
    frames = [detections(step) for step in range(25)]
    for step in range(10, 13):
        frames[step] = frames[step][[1]]
    frames[13] = Detections.empty()
    emitted = run(FixedLag(DeepSort(), 10), frames)
    filled, other = emitted[11][0], emitted[11][1]
    assert (filled.detection.tolist(), other.detection.tolist()) == ([-1], [0])
    data = emitted[11].data
    assert data["name"].tolist() == ["", "right"]
    assert data["any"].tolist() == [None, None]
    assert np.isnan(data["weight"][0])
    assert data["weight"][1] == 1.5
    assert not data["mask"][0].any()
    assert data["class_name"].tolist() == ["person", "car"]
    # A frame without detections has no columns, but the classes are known.
    assert list(emitted[14].data) == ["class_name"]
    assert emitted[14].data["class_name"].tolist() == ["person", "car"]


def test_lag_without_a_delay_passes_columns_on():
    fixed_lag = FixedLag(DeepSort(), 0)
    for step in range(4):
        lagged = fixed_lag.update(detections(step))
    assert lagged.tracks.data["name"].tolist() == ["left", "right"]


def test_saved_state_has_numbers_and_text_of_the_columns(tmp_path):
    frames = [detections(step) for step in range(20)]
    fixed_lag = FixedLag(DeepSort(), 6)
    for each in frames[:12]:
        fixed_lag.update(each)
    fixed_lag.save(tmp_path / "state.npz")
    loaded = FixedLag.load(tmp_path / "state.npz")
    for each in frames[12:]:
        one, other = fixed_lag.update(each), loaded.update(each)
        assert one.tracks.data.keys() == other.tracks.data.keys()
        for name, column in one.tracks.data.items():
            np.testing.assert_array_equal(column, other.tracks.data[name])
            assert column.dtype.kind == other.tracks.data[name].dtype.kind
    assert loaded.tracker.class_names == {0: "person", 2: "car"}


def test_saved_state_refuses_other_objects(tmp_path):
    fixed_lag = FixedLag(DeepSort(), 6)
    fixed_lag.update(Detections(boxes_at(100), data={"any": np.array([object()])}))
    with pytest.raises(ValueError, match="expected plain data, got object"):
        fixed_lag.save(tmp_path / "state.npz")
