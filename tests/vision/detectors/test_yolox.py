"""YOLOX: decoding, class selection, suppression, and recorded boxes of a real network."""

import cv2
import numpy as np
import pytest

from deepsort_reid.structures.boxes import iou
from deepsort_reid.vision.detectors import OnnxDetector
from tests.vision.detectors.yolox_files import GREY, write_yolox


def test_boxes_are_decoded_by_grid_cell_and_stride(tmp_path):
    rows = {
        5: (0.5, 0.25, 0.0, np.log(2), 0.8, 0.5, 0.0),  # stride 8, cell (1, 1)
        19: (0.0, 0.0, 0.0, 0.0, 0.9, 1.0, 0.0),  # stride 16, cell (1, 1)
    }
    detector = OnnxDetector(write_yolox(tmp_path / "yolox.onnx", rows))
    assert detector.format == "YOLOX"
    found = detector(GREY)  # 96 wide: downscaled by 3
    np.testing.assert_allclose(found.xyxy, [[24, 24, 72, 48], [24, 6, 48, 48]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9, 0.4], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, [0, 0])


def test_model_that_decodes_boxes_itself_is_recognised(tmp_path):
    rows = {5: (12.0, 10.0, 8.0, 16.0, 0.8, 0.5, 0.0)}  # network pixels
    found = OnnxDetector(write_yolox(tmp_path / "yolox.onnx", rows))(GREY)
    np.testing.assert_allclose(found.xyxy, [[24, 6, 48, 48]], atol=1e-4)


def test_image_is_bgr_with_grey_padding(tmp_path, network_images):
    detector = OnnxDetector(write_yolox(tmp_path / "yolox.onnx", {}))
    detector(np.full((16, 32, 3), (10, 100, 200), dtype=np.uint8))  # blue, green, red
    image = network_images[-1][0]
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image[:, :16].min(axis=(1, 2)), [10, 100, 200])
    np.testing.assert_array_equal(image[:, :16].max(axis=(1, 2)), [10, 100, 200])
    np.testing.assert_array_equal(image[:, 16:], 114)


def test_only_selected_classes_are_kept(tmp_path):
    rows = {0: (0, 0, 1, 1, 1, 0.4, 0.9), 15: (0, 0, 1, 1, 1, 0.6, 0.1)}
    path = write_yolox(tmp_path / "yolox.onnx", rows)
    second = OnnxDetector(path, classes=(1,), min_score=0.2)(GREY)
    np.testing.assert_allclose(second.score, [0.9], atol=1e-6)
    both = OnnxDetector(path, classes=None)(GREY)
    np.testing.assert_array_equal(both.class_id, [1, 0])
    with pytest.raises(ValueError, match="classes: expected numbers from 0 to 1"):
        OnnxDetector(path, classes=(2,))


def test_overlap_is_suppressed_within_a_class_only(tmp_path):
    rows = {
        5: (0.5, 0.5, 0.5, 0.5, 1.0, 0.9, 0.0),
        6: (-0.5, 0.5, 0.5, 0.5, 1.0, 0.8, 0.0),  # the same box, from the next cell
        9: (0.5, -0.5, 0.5, 0.5, 1.0, 0.0, 0.7),  # the same box, of the other class
    }
    path = write_yolox(tmp_path / "yolox.onnx", rows)
    np.testing.assert_allclose(OnnxDetector(path, classes=None)(GREY).score, [0.9, 0.7], atol=1e-6)


def test_box_outside_the_frame_is_dropped(tmp_path):
    rows = {12: (0.0, 0.5, 0.0, 0.0, 1.0, 1.0, 0.0)}  # below the image, in the padding
    assert len(OnnxDetector(write_yolox(tmp_path / "yolox.onnx", rows))(GREY)) == 0


def test_frame_without_objects_gives_empty_detections(tmp_path):
    assert len(OnnxDetector(write_yolox(tmp_path / "yolox.onnx", {}))(GREY)) == 0


@pytest.mark.parametrize(
    "options",
    [{"anchors": 20}, {"classes": 0}, {"rows": {3: (0, 0, 0, 0, 1.5, 1, 0)}}],
    ids=["anchors", "no classes", "scores above 1"],
)
def test_other_outputs_are_not_yolox(tmp_path, options):
    path = write_yolox(tmp_path / "other.onnx", options.pop("rows", {}), **options)
    with pytest.raises(ValueError, match=r"other\.onnx: expected a detector of a known format"):
        OnnxDetector(path)


@pytest.mark.data
@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
def test_yolox_nano_reproduces_the_recorded_boxes(data_root, name):
    detector = OnnxDetector(data_root / "models" / "yolox_nano_416.onnx", threads=2)
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
