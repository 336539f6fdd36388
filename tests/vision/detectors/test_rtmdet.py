"""RTMDet: input of the network, scores and classes, real frames."""

import numpy as np
import pytest

from benchmarks.detector_accuracy import measure
from deepsort_reid.vision.detectors import OnnxDetector
from tests.vision.detectors.network_files import write_rtmdet
from tests.vision.detectors.yolox_files import GREY

BOX = (8, 4, 40, 20, 0.9)


@pytest.mark.parametrize("label_type", [np.int64, np.int32])
def test_boxes_are_scaled_to_the_frame(tmp_path, label_type):
    path = write_rtmdet(tmp_path / "rtmdet.onnx", [BOX], label_type=label_type)
    detector = OnnxDetector(path, longer_side=64)
    assert detector.format == "RTMDet"
    found = detector(GREY)  # 96 wide: 1.5 frame pixels per pixel
    np.testing.assert_allclose(found.xyxy, [[12, 6, 60, 30]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, [0])


def test_image_is_normalized_bgr_with_grey_padding(tmp_path, network_images):
    detector = OnnxDetector(
        write_rtmdet(tmp_path / "rtmdet.onnx", [BOX], shape=(1, 3, 32, 32)), longer_side=640
    )
    detector(np.full((16, 64, 3), (10, 100, 200), dtype=np.uint8))  # blue, green, red
    mean, std = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])
    image = network_images[-1][0]
    assert image.shape == (3, 32, 32)
    assert image.dtype == np.float32
    frame = np.broadcast_to((np.array([10, 100, 200]) - mean) / std, (8, 32, 3))
    padding = np.broadcast_to((114 - mean) / std, (24, 32, 3))
    np.testing.assert_allclose(image[:, :8].transpose(1, 2, 0), frame, atol=1e-5)
    np.testing.assert_allclose(image[:, 8:].transpose(1, 2, 0), padding, atol=1e-5)


def test_low_scores_and_other_classes_are_dropped(tmp_path):
    rows = [(0, 0, 9, 9, 0.9), (9, 9, 20, 20, 0.3), (0, 9, 9, 20, 0.8)]
    path = write_rtmdet(tmp_path / "rtmdet.onnx", rows, [0, 0, 2])
    np.testing.assert_allclose(OnnxDetector(path)(GREY).score, [0.9, 0.3], atol=1e-6)
    np.testing.assert_allclose(OnnxDetector(path, min_score=0.5)(GREY).score, [0.9], atol=1e-6)
    every = OnnxDetector(path, classes=None)(GREY)
    np.testing.assert_array_equal(every.class_id, [0, 0, 2])
    np.testing.assert_array_equal(OnnxDetector(path, classes=(2,))(GREY).class_id, [2])


def test_empty_rows_and_boxes_in_the_padding_are_dropped(tmp_path):
    rows = [(0, 0, 0, 0, 0.9), (4, 40, 20, 60, 0.9)]  # padded with zeros; below the image
    path = write_rtmdet(tmp_path / "rtmdet.onnx", rows, shape=(1, 3, 64, 64))
    assert len(OnnxDetector(path)(GREY)) == 0
    none = write_rtmdet(tmp_path / "none.onnx", np.empty((0, 5)))
    assert len(OnnxDetector(none)(GREY)) == 0


@pytest.mark.parametrize(
    "options",
    [{"rows": [(1, 2, 3, 4)]}, {"labels": [0, 0]}, {"label_type": np.float32}],
    ids=["no scores", "number of labels", "labels that are no integers"],
)
def test_other_outputs_are_not_rtmdet(tmp_path, options):
    path = write_rtmdet(tmp_path / "other.onnx", **{"rows": [BOX], **options})
    with pytest.raises(ValueError, match=r"other\.onnx: expected a detector of a known format"):
        OnnxDetector(path)


@pytest.mark.data
def test_rtmdet_nano_is_more_precise_than_yolox_nano(data_root):
    folder, models = data_root / "mot" / "TUD-Campus", data_root / "models"
    rtmdet = OnnxDetector(models / "rtmdet_nano_person.onnx", threads=1)
    yolox = OnnxDetector(models / "yolox_nano_416.onnx", threads=1)
    precision = measure(rtmdet, folder, 7).average_precision
    assert precision > 0.8
    assert precision > measure(yolox, folder, 7).average_precision + 0.03
