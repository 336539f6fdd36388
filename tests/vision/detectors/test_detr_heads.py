"""RT-DETR and D-FINE: boxes in frame sizes, logits, stretched images, order of outputs."""

import numpy as np
import pytest

from deepsort_reid.vision.detectors import OnnxDetector
from tests.vision.detectors.network_files import write_network
from tests.vision.detectors.yolox_files import GREY

WIDE = (1, 3, 32, 64)
# x1, y1, x2, y2 as shares of width and height; in the frame GREY, 96 x 48: (24, 12, 48, 36).
CORNERS = (0.25, 0.25, 0.5, 0.75)
CENTRE = (0.375, 0.5, 0.25, 0.5)  # the same box


def labelled(labels=(0,), scores=(0.9,), corners=(CORNERS,)):
    return {
        "labels": np.array([labels], dtype=np.int64),
        "boxes": np.array([corners], dtype=np.float32),
        "scores": np.array([scores], dtype=np.float32),
    }


def logits(rows, xywh, names=("logits", "pred_boxes")):
    return {
        names[0]: np.array([rows], dtype=np.float32),
        names[1]: np.array([xywh], dtype=np.float32),
    }


@pytest.mark.parametrize("size_type", [np.int64, np.int32, np.float32])
def test_boxes_are_scaled_from_the_given_size_to_the_frame(tmp_path, size_type):
    path = write_network(tmp_path / "dfine.onnx", labelled(), shape=WIDE, size_type=size_type)
    detector = OnnxDetector(path)
    assert detector.format == "RT-DETR"
    found = detector(GREY)
    np.testing.assert_allclose(found.xyxy, [[24, 12, 48, 36]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9], atol=1e-6)


def test_outputs_are_told_by_type_and_shape_in_any_order(tmp_path):
    outputs = labelled()
    outputs = {name: outputs[name] for name in ("scores", "labels", "boxes")}
    path = write_network(tmp_path / "dfine.onnx", outputs, shape=WIDE, size_type=np.int64)
    np.testing.assert_allclose(OnnxDetector(path)(GREY).xyxy, [[24, 12, 48, 36]], atol=1e-4)


def test_low_scores_and_other_classes_are_dropped(tmp_path):
    outputs = labelled((0, 0, 2), (0.9, 0.3, 0.8), (CORNERS, CORNERS, CORNERS))
    path = write_network(tmp_path / "dfine.onnx", outputs, shape=WIDE, size_type=np.int64)
    np.testing.assert_allclose(OnnxDetector(path)(GREY).score, [0.9, 0.3], atol=1e-6)
    assert len(OnnxDetector(path, min_score=0.5)(GREY)) == 1
    np.testing.assert_array_equal(OnnxDetector(path, classes=None)(GREY).class_id, [0, 0, 2])


@pytest.mark.parametrize("order", [1, -1])
def test_logits_become_scores_and_boxes_fractions_of_the_frame(tmp_path, order):
    rows = [(0.0, -800.0, 1.0), (800.0, 2.0, 0.0), (-800.0, 3.0, 0.0)]
    outputs = logits(rows, [CENTRE, (0.5, 0.5, 1, 1), CENTRE])
    outputs = dict(list(outputs.items())[::order])
    detector = OnnxDetector(write_network(tmp_path / "rtdetr.onnx", outputs, shape=WIDE))
    assert detector.format == "RT-DETR"
    found = detector(GREY)
    np.testing.assert_allclose(found.xyxy, [[24, 12, 48, 36], [0, 0, 96, 48]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.5, 1])


def test_only_selected_classes_are_kept(tmp_path):
    outputs = logits([(0.0, -3.0, 1.0)], [CENTRE])
    path = write_network(tmp_path / "rtdetr.onnx", outputs, shape=WIDE)
    best = OnnxDetector(path, classes=None)(GREY)
    np.testing.assert_array_equal(best.class_id, [2])
    np.testing.assert_allclose(best.score, [1 / (1 + np.exp(-1))])
    with pytest.raises(ValueError, match="classes: expected numbers from 0 to 2"):
        OnnxDetector(path, classes=(3,))


def test_boxes_are_told_from_four_classes_by_their_name(tmp_path):
    scores = (0.5, 0.25, 0.25, 0.25)  # logits that could be boxes
    outputs = logits([scores], [CENTRE])
    path = write_network(tmp_path / "rtdetr.onnx", outputs, shape=WIDE)
    np.testing.assert_allclose(OnnxDetector(path)(GREY).xyxy, [[24, 12, 48, 36]], atol=1e-4)
    unnamed = logits([scores], [CENTRE], names=("a", "b"))
    path = write_network(tmp_path / "unnamed.onnx", unnamed, shape=WIDE)
    with pytest.raises(ValueError, match="expected a detector of a known format"):
        OnnxDetector(path)


def test_image_is_stretched_rgb_from_0_to_1(tmp_path, network_images):
    path = write_network(tmp_path / "rtdetr.onnx", logits([(0, 0)], [CENTRE]), shape=(1, 3, 64, 64))
    OnnxDetector(path)(np.full((48, 96, 3), (10, 100, 200), dtype=np.uint8))  # blue, green, red
    image = network_images[-1][0].transpose(1, 2, 0)
    expected = np.broadcast_to(np.array([200, 100, 10]) / 255, (64, 64, 3))
    np.testing.assert_allclose(image, expected, atol=1e-6)


def test_network_of_open_size_gets_a_square(tmp_path, network_images):
    path = write_network(tmp_path / "rtdetr.onnx", logits([(0, 0)], [CENTRE]))
    found = OnnxDetector(path, longer_side=96)(GREY)
    assert network_images[-1].shape == (1, 3, 96, 96)
    np.testing.assert_allclose(found.xyxy, [[24, 12, 48, 36]], atol=1e-4)


@pytest.mark.parametrize(
    "outputs",
    [
        logits([np.zeros(91)], [CENTRE], names=("labels", "dets")),  # RF-DETR
        logits([np.zeros(92)], [CENTRE]),  # DETR
        logits([np.zeros(80)], [(20, 12, 24, 16)]),  # boxes in pixels
        logits([np.zeros(80)], [CENTRE, CENTRE]),
        labelled(),  # without the second input
    ],
)
def test_other_outputs_are_not_rt_detr(tmp_path, outputs):
    path = write_network(tmp_path / "other.onnx", outputs, shape=WIDE)
    with pytest.raises(ValueError, match="expected a detector of a known format"):
        OnnxDetector(path)


def test_second_input_needs_labelled_boxes(tmp_path):
    outputs = {"boxes": np.zeros((1, 5, 4), dtype=np.float32)}
    path = write_network(tmp_path / "other.onnx", outputs, shape=WIDE, size_type=np.int64)
    with pytest.raises(ValueError, match="expected a detector of a known format"):
        OnnxDetector(path)
