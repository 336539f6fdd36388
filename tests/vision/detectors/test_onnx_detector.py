"""ONNX detectors of all formats: input sizes and types, arguments, copies, unknown formats."""

import copy
import pickle

import numpy as np
import pytest

from deepsort_reid.vision.detectors import OnnxDetector
from tests.vision.detectors.network_files import (
    write_network,
    write_open_network,
    write_rtmdet,
)
from tests.vision.detectors.yolox_files import GREY, write_yolox

BOX = (8, 4, 40, 20, 0.9)


def write_open(path, kind):
    """Write a network of open size: red cells have the score 1 and are the boxes."""
    if kind == "YOLOX":  # centre and size of the cell, objectness
        return write_open_network(path, (0.5, 0.5, 0, 0, 1), channel=2, gain=1 / 255)
    if kind == "NanoDet":  # half a stride to each side
        half = np.tile([9, 9, *[-30] * 6], 4)
        value = (255 - 123.675) / 58.395  # of red
        return write_open_network(path, (), half, channel=2, gain=1 / value)
    # The same box for every cell: x 48 to 56, y 24 to 32.
    xywh = (52, 28, 8, 8)
    return write_open_network(path, xywh, channel=0, gain=1, rows_first=False)


@pytest.mark.parametrize("kind", ["YOLOX", "NanoDet", "YOLOv8"])
@pytest.mark.parametrize(("size", "scale"), [((64, 128), 1), ((128, 96), 1), ((128, 256), 2)])
def test_cell_of_a_network_of_open_size_is_where_the_frame_has_it(tmp_path, kind, size, scale):
    """Pixel by pixel: a red square of one cell, at x 48 and y 24 of the network's input."""
    detector = OnnxDetector(write_open(tmp_path / "open.onnx", kind), longer_side=128)
    assert detector.format == kind
    frame = np.zeros((*size, 3), dtype=np.uint8)
    frame[24 * scale : 32 * scale, 48 * scale : 56 * scale, 2] = 255
    found = detector(frame)
    strong = found.score > 0.9  # the cells of larger strides are partly red
    np.testing.assert_allclose(found.xyxy[strong], scale * np.array([[48, 24, 56, 32]]), atol=1e-4)


def red_square(left, scale=1):
    """A frame of 128x64, times `scale`, with a red square of one cell."""
    frame = np.zeros((64 * scale, 128 * scale, 3), dtype=np.uint8)
    frame[24 * scale : 32 * scale, left * scale : (left + 8) * scale, 2] = 255
    return frame


@pytest.mark.parametrize("kind", ["YOLOX", "NanoDet"])
def test_frames_of_a_batch_have_their_own_detections(tmp_path, network_images, kind):
    detector = OnnxDetector(write_open(tmp_path / "open.onnx", kind), longer_side=128)
    frames = [red_square(48), red_square(88, scale=2), red_square(16)]
    together = detector.detect_batch(frames)
    assert network_images[-1].shape == (3, 3, 64, 128)
    for frame, found in zip(frames, together, strict=True):
        alone = detector(frame)
        np.testing.assert_array_equal(found.xyxy, alone.xyxy)
        np.testing.assert_array_equal(found.score, alone.score)
    assert len({tuple(found.xyxy[0]) for found in together}) == 3
    assert not detector.prefers_batches  # on a CPU


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), ("batch", 3, 32, 32)])
def test_network_without_batches_runs_once_for_each_frame(tmp_path, network_images, shape):
    """Also one that declares them, but has one row of outputs."""
    rows = {0: (0.5, 0.5, 1.0, 1.5, 1.0, 0.9, 0)}
    detector = OnnxDetector(write_yolox(tmp_path / "yolox.onnx", rows, shape=shape))
    small, large = np.zeros((32, 32, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    first, second = detector.detect_batch([small, large])
    assert network_images[-1].shape == (1, 3, 32, 32)
    np.testing.assert_allclose(second.xyxy, 2 * first.xyxy)


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
def test_open_input_takes_the_aspect_ratio_of_the_frame(tmp_path, network_images, frame, expected):
    detector = OnnxDetector(write_rtmdet(tmp_path / "rtmdet.onnx", [BOX]), longer_side=128)
    detector(np.zeros((*frame, 3), dtype=np.uint8))
    assert network_images[-1].shape == (1, 3, *expected)


def test_one_open_side_follows_the_frame(tmp_path, network_images):
    path = write_rtmdet(tmp_path / "rtmdet.onnx", [BOX], shape=(1, 3, "height", 96))
    OnnxDetector(path, longer_side=96)(GREY)
    assert network_images[-1].shape == (1, 3, 64, 96)


def test_float16_network_gets_float16(tmp_path, network_images):
    path = write_rtmdet(tmp_path / "rtmdet.onnx", [BOX], image_type=np.float16)
    assert len(OnnxDetector(path)(GREY)) == 1
    assert network_images[-1].dtype == np.float16


@pytest.mark.parametrize(
    "options",
    [
        {"shape": (2, 3, 64, 64)},
        {"shape": (1, 1, 64, 64)},
        {"shape": (1, 64, 64, 3)},
        {"shape": (1, 3, 64)},
        {"image_type": np.uint8},
        {"size_type": np.float64},
    ],
)
def test_network_with_another_input_is_rejected_with_its_inputs(tmp_path, options):
    outputs = {"boxes": np.zeros((1, 5, 4), dtype=np.float32)}
    path = write_network(tmp_path / "other.onnx", outputs, **options)
    with pytest.raises(ValueError, match=r"other\.onnx: expected a detector with one input") as e:
        OnnxDetector(path)
    assert "got images [" in str(e.value)
    assert "\n" not in str(e.value)


FLOAT = np.float32


@pytest.mark.parametrize(
    "outputs",
    [
        {"embedding": np.zeros((1, 384), FLOAT)},
        {"dets": np.zeros((1, 7, 4), FLOAT), "labels": np.zeros((1, 7), np.int64)},
        {"output0": np.zeros((1, 116, 84), FLOAT), "protos": np.zeros((1, 32, 16, 16), FLOAT)},
        {"boxes": np.zeros((5, 4), FLOAT), "labels": np.zeros(5, np.int64)},
    ],
    ids=["embedder", "no scores", "masks", "no batch axis"],
)
def test_unknown_format_is_rejected_with_its_outputs_and_the_known_formats(tmp_path, outputs):
    path = write_network(tmp_path / "other.onnx", outputs, shape=(1, 3, 64, 64))
    with pytest.raises(ValueError, match=r"other\.onnx: expected a detector of a known") as error:
        OnnxDetector(path)
    message = str(error.value)
    for name, array in outputs.items():
        assert f"{name} [" in message
        assert str(array.shape) in message
    for known in ("YOLOX", "RTMDet", "YOLOv8", "NanoDet", "RT-DETR", "D-FINE"):
        assert known in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_score": 1.5}, "min_score: expected a number from 0 to 1, got 1.5"),
        ({"max_iou": -1}, "max_iou: expected a number from 0 to 1, got -1"),
        ({"longer_side": 100}, "longer_side: expected a multiple of 32, got 100"),
        ({"longer_side": 0}, "longer_side: expected a multiple of 32, got 0"),
        ({"classes": ()}, "classes: expected numbers from 0 on"),
        ({"classes": (-1,)}, "classes: expected numbers from 0 on"),
        ({"device": "gpu"}, r"device: expected one of cpu, .*, got 'gpu'"),
        ({"providers": ["NoProvider"]}, "the installed onnxruntime has no NoProvider"),
    ],
)
def test_arguments_out_of_range_are_rejected(tmp_path, options, message):
    path = write_rtmdet(tmp_path / "rtmdet.onnx", [BOX])
    with pytest.raises(ValueError, match=message):
        OnnxDetector(path, **options)


@pytest.mark.parametrize("frame", [None, GREY[:, :, 0], GREY.astype(float)])
def test_invalid_frames_are_rejected(tmp_path, frame):
    detector = OnnxDetector(write_rtmdet(tmp_path / "rtmdet.onnx", [BOX]))
    with pytest.raises(ValueError, match="expected a BGR uint8 array"):
        detector(frame)


@pytest.mark.parametrize(
    "make_copy", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
)
def test_copy_gives_the_same_detections(make_copy, tmp_path):
    path = write_yolox(tmp_path / "yolox.onnx", {5: (0.5, 0.25, 0.0, 0.7, 0.8, 0.5, 0.0)})
    detector = OnnxDetector(path, min_score=0.2)
    copied = make_copy(detector)
    assert len(detector(GREY)) == 1
    np.testing.assert_array_equal(copied(GREY).xyxy, detector(GREY).xyxy)
    assert copied.providers == detector.providers == ("CPUExecutionProvider",)
    assert copied.format == detector.format
