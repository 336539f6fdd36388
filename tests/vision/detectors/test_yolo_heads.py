"""YOLO networks without objectness: dense and end-to-end outputs, images, open sizes."""

import numpy as np
import pytest

from deepsort_reid.vision.detectors import OnnxDetector
from tests.vision.detectors.network_files import write_network
from tests.vision.detectors.yolox_files import GREY

SQUARE = (1, 3, 64, 64)  # 84 anchors


def write_yolov8(path, rows, *, classes=3, **options):
    """Write a network with output (1, 4 + classes, 84); rows: {anchor: (x, y, w, h, scores)}."""
    output = np.zeros((1, 4 + classes, 84), dtype=np.float32)
    for anchor, row in rows.items():
        output[0, :, anchor] = row
    return write_network(path, {"output0": output}, **{"shape": SQUARE, **options})


def test_boxes_are_centres_and_sizes_in_network_pixels(tmp_path):
    rows = {7: (20, 12, 24, 16, 0.9, 0.1, 0), 70: (44, 26, 16, 12, 0.3, 0.8, 0)}
    detector = OnnxDetector(write_yolov8(tmp_path / "yolov8.onnx", rows))
    assert detector.format == "YOLOv8"
    found = detector(GREY)  # 96 wide: 1.5 frame pixels per pixel
    np.testing.assert_allclose(found.xyxy, [[12, 6, 48, 30], [54, 30, 78, 48]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9, 0.3], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, [0, 0])


def test_only_selected_classes_are_kept(tmp_path):
    rows = {7: (20, 12, 24, 16, 0.9, 0.1, 0), 70: (44, 26, 16, 12, 0.3, 0.8, 0)}
    path = write_yolov8(tmp_path / "yolov8.onnx", rows)
    second = OnnxDetector(path, classes=(1,), min_score=0.2)(GREY)
    np.testing.assert_allclose(second.score, [0.8], atol=1e-6)
    np.testing.assert_array_equal(second.class_id, [1])
    np.testing.assert_array_equal(OnnxDetector(path, classes=None)(GREY).class_id, [0, 1])
    with pytest.raises(ValueError, match="classes: expected numbers from 0 to 2"):
        OnnxDetector(path, classes=(3,))


def test_one_class_is_enough(tmp_path):
    path = write_yolov8(tmp_path / "yolov8.onnx", {7: (20, 12, 24, 16, 0.9)}, classes=1)
    np.testing.assert_allclose(OnnxDetector(path)(GREY).xyxy, [[12, 6, 48, 30]], atol=1e-4)


def test_overlap_is_suppressed(tmp_path):
    rows = {7: (20, 12, 24, 16, 0.9, 0, 0), 8: (21, 12, 24, 16, 0.8, 0, 0)}
    path = write_yolov8(tmp_path / "yolov8.onnx", rows)
    assert len(OnnxDetector(path)(GREY)) == 1
    assert len(OnnxDetector(path, max_iou=0.95)(GREY)) == 2


@pytest.mark.parametrize("kind", ["dense", "end-to-end"])
def test_image_is_rgb_from_0_to_1_with_grey_padding(tmp_path, network_images, kind):
    if kind == "dense":
        path = write_yolov8(tmp_path / "yolov8.onnx", {})
    else:
        path = write_end_to_end(tmp_path / "yolov10.onnx", [])
    OnnxDetector(path)(np.full((32, 64, 3), (10, 100, 200), dtype=np.uint8))  # blue, green, red
    image = network_images[-1][0].transpose(1, 2, 0)
    frame = np.broadcast_to(np.array([200, 100, 10]) / 255, (32, 64, 3))
    np.testing.assert_allclose(image[:32], frame, atol=1e-6)
    np.testing.assert_allclose(image[32:], 114 / 255, atol=1e-6)


def write_end_to_end(path, rows, *, length=300, **options):
    """Write a network with output (1, 300, 6), filled with zeros as the exporters do."""
    output = np.zeros((1, length, 6), dtype=np.float32)
    output[0, : len(rows)] = np.reshape(rows, (-1, 6))
    return write_network(path, {"output0": output}, **{"shape": SQUARE, **options})


@pytest.mark.parametrize("length", [300, 3])
def test_end_to_end_rows_are_corners_score_and_class(tmp_path, length):
    rows = [(8, 4, 32, 20, 0.9, 0), (9, 4, 32, 20, 0.6, 0), (8, 4, 32, 20, 0.8, 2)]
    path = write_end_to_end(tmp_path / "yolov10.onnx", rows, length=length)
    detector = OnnxDetector(path, min_score=0.05)
    assert detector.format == "end-to-end YOLO"
    found = detector(GREY)  # not suppressed again
    np.testing.assert_allclose(found.xyxy, [[12, 6, 48, 30], [13.5, 6, 48, 30]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9, 0.6], atol=1e-6)
    every = OnnxDetector(path, min_score=0.05, classes=None)(GREY)
    np.testing.assert_array_equal(every.class_id, [0, 0, 2])


@pytest.mark.parametrize(
    "output",
    [
        np.full((1, 56, 84), 5.0),  # pose: key points in pixels after the class score
        np.full((1, 252, 85), 0.5),  # YOLOv5: three anchors in each cell
        np.full((1, 300, 6), 0.5),  # the last column is no class number
        np.full((1, 300, 7), 0.0),
        np.full((300, 7), 0.0),
        np.empty((0, 7)),
    ],
)
def test_other_outputs_are_not_yolo(tmp_path, output):
    outputs = {"output0": output.astype(np.float32)}
    path = write_network(tmp_path / "other.onnx", outputs, shape=SQUARE)
    with pytest.raises(ValueError, match="expected a detector of a known format"):
        OnnxDetector(path)
