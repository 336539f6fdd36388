"""RTMDet: input of the network, scores and classes, models of another layout, real frames."""

import copy
import pickle

import numpy as np
import pytest

from benchmarks.detector_accuracy import measure
from deepsort_reid.vision.detectors import RtmdetDetector, YoloxDetector
from deepsort_reid.vision.onnx_session import OnnxSession
from tests.vision.detectors.rtmdet_files import write_rtmdet
from tests.vision.detectors.yolox_files import GREY

BOX = (8, 4, 40, 20, 0.9)


@pytest.fixture
def inputs(monkeypatch):
    """The images that networks get from now on."""
    seen = []
    run = OnnxSession.run

    def spy(self, images, outputs=None):
        seen.append(images)
        return run(self, images, outputs)

    monkeypatch.setattr(OnnxSession, "run", spy)
    return seen


@pytest.mark.parametrize("label_type", [np.int64, np.int32])
def test_boxes_are_scaled_to_the_frame(tmp_path, label_type):
    path = write_rtmdet(tmp_path / "rtmdet.onnx", [BOX], label_type=label_type)
    found = RtmdetDetector(path, longer_side=64)(GREY)  # 96 wide: 1.5 frame pixels per pixel
    np.testing.assert_allclose(found.xyxy, [[12, 6, 60, 30]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, [0])


def test_image_is_normalized_bgr_with_grey_padding(tmp_path, inputs):
    detector = RtmdetDetector(
        write_rtmdet(tmp_path / "rtmdet.onnx", [BOX], shape=(1, 3, 32, 32)), longer_side=640
    )
    detector(np.full((16, 64, 3), (10, 100, 200), dtype=np.uint8))  # blue, green, red
    mean, std = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])
    image = inputs[-1][0]
    assert image.shape == (3, 32, 32)
    assert image.dtype == np.float32
    frame = np.broadcast_to((np.array([10, 100, 200]) - mean) / std, (8, 32, 3))
    padding = np.broadcast_to((114 - mean) / std, (24, 32, 3))
    np.testing.assert_allclose(image[:, :8].transpose(1, 2, 0), frame, atol=1e-5)
    np.testing.assert_allclose(image[:, 8:].transpose(1, 2, 0), padding, atol=1e-5)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((48, 96), (64, 128)),
        ((96, 48), (128, 64)),
        ((1080, 1920), (96, 128)),  # 72 high, up to the next multiple of 32
        ((5, 500), (32, 128)),
        ((64, 64), (128, 128)),
    ],
)
def test_open_input_takes_the_aspect_ratio_of_the_frame(tmp_path, inputs, frame, expected):
    detector = RtmdetDetector(write_rtmdet(tmp_path / "rtmdet.onnx", [BOX]), longer_side=128)
    detector(np.zeros((*frame, 3), dtype=np.uint8))
    assert inputs[-1].shape == (1, 3, *expected)


def test_low_scores_and_other_classes_are_dropped(tmp_path):
    rows = [(0, 0, 9, 9, 0.9), (9, 9, 20, 20, 0.3), (0, 9, 9, 20, 0.8)]
    path = write_rtmdet(tmp_path / "rtmdet.onnx", rows, [0, 0, 2])
    np.testing.assert_allclose(RtmdetDetector(path)(GREY).score, [0.9, 0.3], atol=1e-6)
    np.testing.assert_allclose(RtmdetDetector(path, min_score=0.5)(GREY).score, [0.9], atol=1e-6)
    every = RtmdetDetector(path, classes=None)(GREY)
    np.testing.assert_array_equal(every.class_id, [0, 0, 2])
    np.testing.assert_array_equal(RtmdetDetector(path, classes=(2,))(GREY).class_id, [2])


def test_empty_rows_and_boxes_in_the_padding_are_dropped(tmp_path):
    rows = [(0, 0, 0, 0, 0.9), (4, 40, 20, 60, 0.9)]  # padded with zeros; below the image
    path = write_rtmdet(tmp_path / "rtmdet.onnx", rows, shape=(1, 3, 64, 64))
    assert len(RtmdetDetector(path)(GREY)) == 0
    none = write_rtmdet(tmp_path / "none.onnx", np.empty((0, 5)))
    assert len(RtmdetDetector(none)(GREY)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": [(1, 2, 3, 4)]}, r"got \(1, 1, 4\) and \(1, 1\)"),
        ({"labels": [0, 0]}, r"got \(1, 1, 5\) and \(1, 2\)"),
        ({"shape": (2, 3, 64, 64)}, r"got input \[2, 3, 64, 64\]"),
        ({"shape": (1, 1, 64, 64)}, "H and W open or multiples of 32"),
        ({"shape": (1, 3, 60, 64)}, "H and W open or multiples of 32"),
    ],
)
def test_model_of_another_layout_is_rejected_by_name(tmp_path, options, message):
    path = write_rtmdet(tmp_path / "other.onnx", **{"rows": [BOX], **options})
    with pytest.raises(ValueError, match=message) as error:
        RtmdetDetector(path)
    assert "other.onnx: expected an RTMDet model" in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_score": 1.5}, "min_score: expected a number from 0 to 1, got 1.5"),
        ({"longer_side": 100}, "longer_side: expected a multiple of 32, got 100"),
        ({"longer_side": 0}, "longer_side: expected a multiple of 32, got 0"),
        ({"classes": ()}, "classes: expected numbers from 0 on"),
        ({"classes": (-1,)}, "classes: expected numbers from 0 on"),
        ({"device": "gpu"}, "device: expected one of cpu"),
        ({"providers": ["NoProvider"]}, "the installed onnxruntime has no NoProvider"),
    ],
)
def test_arguments_out_of_range_are_rejected(tmp_path, options, message):
    path = write_rtmdet(tmp_path / "rtmdet.onnx", [BOX])
    with pytest.raises(ValueError, match=message):
        RtmdetDetector(path, **options)
    with pytest.raises(ValueError, match="expected a BGR uint8 array"):
        RtmdetDetector(path)(GREY.astype(float))


@pytest.mark.parametrize(
    "make_copy", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
)
def test_copy_gives_the_same_detections(make_copy, tmp_path):
    detector = RtmdetDetector(write_rtmdet(tmp_path / "rtmdet.onnx", [BOX]), longer_side=64)
    copied = make_copy(detector)
    np.testing.assert_array_equal(copied(GREY).xyxy, detector(GREY).xyxy)
    assert copied.providers == detector.providers == ("CPUExecutionProvider",)


@pytest.mark.data
def test_rtmdet_nano_is_more_precise_than_yolox_nano(data_root):
    folder, models = data_root / "mot" / "TUD-Campus", data_root / "models"
    rtmdet = RtmdetDetector(models / "rtmdet_nano_person.onnx", threads=1)
    yolox = YoloxDetector(models / "yolox_nano_416.onnx", threads=1)
    precision = measure(rtmdet, folder, 7).average_precision
    assert precision > 0.8
    assert precision > measure(yolox, folder, 7).average_precision + 0.03
