"""NanoDet: decoding of the distributions, output levels, layouts with one and six outputs."""

import numpy as np
import pytest

from benchmarks.detector_accuracy import measure
from deepsort_reid.vision.detectors import OnnxDetector
from tests.vision.detectors.network_files import write_network
from tests.vision.detectors.yolox_files import GREY

SQUARE = (1, 3, 64, 64)  # 64 points of stride 8, 16 of stride 16, 4 of stride 32, 1 of stride 64


def distribution(*distances, columns=8):
    """Logits (4 * columns,) whose means are the distances, whole and half strides."""
    logits = np.full((4, columns), -30.0)
    for side, distance in enumerate(distances):
        logits[side, [int(np.floor(distance)), int(np.ceil(distance))]] = 30
    return logits.ravel()


def write_nanodet(path, rows, *, points=84, classes=2, **options):
    """Write a network with one output; rows: {point: (scores, distances)}."""
    output = np.zeros((1, points, classes + 32), dtype=np.float32)
    output[..., classes:] = -3  # logits, that are no probabilities
    for point, (scores, distances) in rows.items():
        output[0, point] = [*scores, *distribution(*distances)]
    return write_network(path, {"output": output}, **{"shape": SQUARE, **options})


def test_boxes_of_three_levels_are_decoded_from_the_centres_of_cells(tmp_path):
    rows = {
        10: ((0.9, 0.1), (1, 0.5, 2, 2.5)),  # stride 8, cell (2, 1), centre (20, 12)
        83: ((0.6, 0.0), (0.5, 1.5, 0.5, 0)),  # stride 32, cell (1, 1), centre (48, 48)
    }
    detector = OnnxDetector(write_nanodet(tmp_path / "nanodet.onnx", rows))
    assert detector.format == "NanoDet"
    found = detector(np.zeros((96, 96, 3), dtype=np.uint8))  # 1.5 frame pixels per pixel
    np.testing.assert_allclose(found.xyxy, [[18, 12, 54, 48], [48, 0, 96, 72]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9, 0.6], atol=1e-6)


def test_boxes_of_four_levels_are_decoded_from_the_corners_of_cells(tmp_path):
    """NanoDet-Plus: levels to stride 64, and points at the top left of their cells."""
    rows = {
        10: ((0.9, 0.1), (1, 0.5, 2, 2.5)),  # stride 8, cell (2, 1), point (16, 8)
        84: ((0.0, 0.6), (0, 0, 0.5, 0.5)),  # stride 64, point (0, 0)
    }
    path = write_nanodet(tmp_path / "nanodet.onnx", rows, points=85)
    found = OnnxDetector(path, classes=None)(np.zeros((64, 64, 3), dtype=np.uint8))
    np.testing.assert_allclose(found.xyxy, [[8, 4, 32, 28], [0, 0, 32, 32]], atol=1e-4)
    np.testing.assert_array_equal(found.class_id, [0, 1])


def test_level_that_does_not_divide_the_input_is_rounded_up(tmp_path):
    """96 x 96: 144, 36, 9 and, of stride 64, 2 x 2 points."""
    rows = {192: ((0.9, 0.0), (0.5, 0.5, 0.5, 0.5))}  # stride 64, cell (1, 1), point (64, 64)
    path = write_nanodet(tmp_path / "nanodet.onnx", rows, points=193, shape=(1, 3, 96, 96))
    found = OnnxDetector(path)(np.zeros((96, 96, 3), dtype=np.uint8))
    np.testing.assert_allclose(found.xyxy, [[32, 32, 96, 96]], atol=1e-4)


def test_image_is_normalized_bgr(tmp_path, network_images):
    detector = OnnxDetector(write_nanodet(tmp_path / "nanodet.onnx", {}))
    detector(np.full((64, 64, 3), (10, 100, 200), dtype=np.uint8))  # blue, green, red
    mean, std = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])
    expected = (np.array([10, 100, 200]) - mean) / std
    np.testing.assert_allclose(network_images[-1][0, :, 0, 0], expected, atol=1e-5)


def six_outputs(columns=8):
    points = (64, 16, 4)
    outputs = {f"cls_{n}": np.zeros((1, n, 2), dtype=np.float32) for n in points}
    distances = {f"dis_{n}": np.full((1, n, 4 * columns), -3, dtype=np.float32) for n in points}
    outputs["cls_16"][0, 5] = (0.7, 0.2)  # stride 16, cell (1, 1), centre (24, 24)
    distances["dis_16"][0, 5] = distribution(1, 0.5, 0.5, 1, columns=columns)
    return outputs | distances


@pytest.mark.parametrize("columns", [8, 11])
def test_outputs_of_each_level_are_joined(tmp_path, columns):
    path = write_network(tmp_path / "nanodet.onnx", six_outputs(columns), shape=SQUARE)
    detector = OnnxDetector(path)
    assert detector.format == "NanoDet"
    found = detector(np.zeros((64, 64, 3), dtype=np.uint8))
    np.testing.assert_allclose(found.xyxy, [[8, 16, 32, 40]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.7], atol=1e-6)


def test_overlap_is_suppressed_within_a_class(tmp_path):
    box = (1, 1, 1, 1)
    rows = {10: ((0.9, 0.0), box), 11: ((0.8, 0.0), (2, 1, 0, 1)), 20: ((0.0, 0.7), box)}
    path = write_nanodet(tmp_path / "nanodet.onnx", rows)
    found = OnnxDetector(path, classes=None)(GREY)
    np.testing.assert_allclose(found.score, [0.9, 0.7], atol=1e-6)


@pytest.mark.parametrize("change", ["order", "points", "scores", "columns"])
def test_other_outputs_are_not_nanodet(tmp_path, change):
    outputs = six_outputs()
    if change == "order":
        outputs = {name: outputs[name] for name in reversed(outputs)}
    elif change == "points":
        outputs["cls_4"] = np.zeros((1, 9, 2), dtype=np.float32)
    elif change == "scores":
        outputs["cls_4"] -= 1
    else:
        outputs["dis_4"] = np.zeros((1, 4, 36), dtype=np.float32)
    path = write_network(tmp_path / "other.onnx", outputs, shape=SQUARE)
    with pytest.raises(ValueError, match="expected a detector of a known format"):
        OnnxDetector(path)


@pytest.mark.data
def test_nanodet_finds_people_in_real_frames(data_root):
    nanodet = OnnxDetector(data_root / "models" / "nanodet_m_320.onnx", threads=1)
    assert measure(nanodet, data_root / "mot" / "TUD-Campus", 7).average_precision > 0.7
