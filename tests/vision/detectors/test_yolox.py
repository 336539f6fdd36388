"""YOLOX: decoding, class selection, suppression, and models of another layout."""

import copy
import pickle

import cv2
import numpy as np
import pytest

from deepsort_reid.structures.boxes import iou
from deepsort_reid.vision.detectors.yolox import YoloxDetector
from tests.vision.detectors.yolox_files import GREY, write_yolox


def test_boxes_are_decoded_by_grid_cell_and_stride(tmp_path):
    rows = {
        5: (0.5, 0.25, 0.0, np.log(2), 0.8, 0.5, 0.0),  # stride 8, cell (1, 1)
        19: (0.0, 0.0, 0.0, 0.0, 0.9, 1.0, 0.0),  # stride 16, cell (1, 1)
    }
    detector = YoloxDetector(write_yolox(tmp_path / "yolox.onnx", rows))
    assert detector.input_size == (32, 32)
    found = detector(GREY)  # 96 wide: downscaled by 3
    np.testing.assert_allclose(found.xyxy, [[24, 24, 72, 48], [24, 6, 48, 48]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9, 0.4], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, [0, 0])


def test_model_that_decodes_boxes_itself_is_recognised(tmp_path):
    rows = {5: (12.0, 10.0, 8.0, 16.0, 0.8, 0.5, 0.0)}  # network pixels
    found = YoloxDetector(write_yolox(tmp_path / "yolox.onnx", rows))(GREY)
    np.testing.assert_allclose(found.xyxy, [[24, 6, 48, 48]], atol=1e-4)


def test_only_selected_classes_are_kept(tmp_path):
    rows = {0: (0, 0, 1, 1, 1, 0.4, 0.9), 15: (0, 0, 1, 1, 1, 0.6, 0.1)}
    path = write_yolox(tmp_path / "yolox.onnx", rows)
    second = YoloxDetector(path, classes=(1,), min_score=0.2)(GREY)
    np.testing.assert_allclose(second.score, [0.9], atol=1e-6)
    both = YoloxDetector(path, classes=None)(GREY)
    np.testing.assert_array_equal(both.class_id, [1, 0])
    with pytest.raises(ValueError, match="classes: expected numbers from 0 to 1"):
        YoloxDetector(path, classes=(2,))


def test_overlap_is_suppressed_within_a_class_only(tmp_path):
    rows = {
        5: (0.5, 0.5, 0.5, 0.5, 1.0, 0.9, 0.0),
        6: (-0.5, 0.5, 0.5, 0.5, 1.0, 0.8, 0.0),  # the same box, from the next cell
        9: (0.5, -0.5, 0.5, 0.5, 1.0, 0.0, 0.7),  # the same box, of the other class
    }
    path = write_yolox(tmp_path / "yolox.onnx", rows)
    np.testing.assert_allclose(YoloxDetector(path, classes=None)(GREY).score, [0.9, 0.7], atol=1e-6)


def test_box_outside_the_frame_is_dropped(tmp_path):
    rows = {12: (0.0, 0.5, 0.0, 0.0, 1.0, 1.0, 0.0)}  # below the image, in the padding
    assert len(YoloxDetector(write_yolox(tmp_path / "yolox.onnx", rows))(GREY)) == 0


def test_frame_without_objects_gives_empty_detections(tmp_path):
    assert len(YoloxDetector(write_yolox(tmp_path / "yolox.onnx", {}))(GREY)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"anchors": 20}, r"21 anchors, got \(1, 20, 7\)"),
        ({"shape": [1, 3, 33, 32]}, "multiples of 32"),
        ({"shape": [1, 3, "h", 32]}, "multiples of 32"),
        ({"shape": [1, 1, 32, 32]}, "expected a YOLOX model"),
        ({"classes": 0}, r"got \(1, 21, 5\)"),
    ],
)
def test_model_of_another_layout_is_rejected_by_name(tmp_path, options, message):
    path = write_yolox(tmp_path / "other.onnx", {}, **options)
    with pytest.raises(ValueError, match=message) as error:
        YoloxDetector(path)
    assert "other.onnx" in str(error.value)


def test_invalid_frames_and_limits_are_rejected(tmp_path):
    path = write_yolox(tmp_path / "yolox.onnx", {})
    for frame in (None, GREY[:, :, 0], GREY.astype(float)):
        with pytest.raises(ValueError, match="expected a BGR uint8 array"):
            YoloxDetector(path)(frame)
    for limit in ("min_score", "max_iou"):
        with pytest.raises(ValueError, match=f"{limit}: expected a number from 0 to 1, got 1.5"):
            YoloxDetector(path, **{limit: 1.5})


@pytest.mark.parametrize(
    "make_copy", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
)
def test_copy_gives_the_same_detections(make_copy, tmp_path):
    path = write_yolox(tmp_path / "yolox.onnx", {5: (0.5, 0.25, 0.0, 0.7, 0.8, 0.5, 0.0)})
    detector = YoloxDetector(path, min_score=0.2)
    np.testing.assert_array_equal(make_copy(detector)(GREY).xyxy, detector(GREY).xyxy)


def test_device_is_the_cpu_by_default_and_others_are_rejected_by_name(tmp_path):
    path = write_yolox(tmp_path / "yolox.onnx", {})
    assert YoloxDetector(path).providers == ("CPUExecutionProvider",)
    with pytest.raises(ValueError, match=r"device: expected one of cpu, .*, got 'gpu'"):
        YoloxDetector(path, device="gpu")
    with pytest.raises(ValueError, match="the installed onnxruntime has no NoProvider"):
        YoloxDetector(path, providers=["NoProvider"])


@pytest.mark.data
@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
def test_yolox_nano_reproduces_the_recorded_boxes(data_root, name):
    detector = YoloxDetector(data_root / "models" / "yolox_nano_416.onnx", threads=2)
    recorded = np.load(data_root / "inputs" / f"{name}-yolox.npz")
    for number in (1, 30, 60):
        path = data_root / "mot" / name / "img1" / f"{number:06d}.jpg"
        found = detector(cv2.imread(str(path)))
        rows = recorded["frame"] == number
        expected = recorded["xyxy"][rows].astype(np.float64)
        assert len(found) == len(expected)
        match = iou(found.xyxy, expected).argmax(axis=1)
        np.testing.assert_allclose(found.xyxy, expected[match], atol=0.5)
        np.testing.assert_allclose(found.score, recorded["score"][rows][match], atol=0.005)
    recorded.close()
