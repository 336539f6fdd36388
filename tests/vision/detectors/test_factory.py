"""Choice of a detector by a word or a file name, and what importing the detectors loads."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from deepsort_reid.structures.detections import Detections
from deepsort_reid.vision.detectors import (
    BackgroundSubtraction,
    RtmdetDetector,
    YoloxDetector,
    load_detector,
)
from tests.vision.detectors.rtmdet_files import write_rtmdet
from tests.vision.detectors.yolox_files import GREY, write_yolox


def test_word_or_file_name_selects_the_detector(tmp_path):
    assert isinstance(load_detector("background"), BackgroundSubtraction)
    model = write_yolox(tmp_path / "yolox.onnx", {0: (0, 0, 1, 1, 1, 0.4, 0)})
    assert len(load_detector(model)(GREY)) == 1
    assert len(load_detector(str(model), min_score=0.5)(GREY)) == 0
    text = tmp_path / "det.txt"
    text.write_text("1,-1,10,20,30,40,0.9\n")
    np.testing.assert_array_equal(load_detector(text)(GREY).xyxy, [[10, 20, 40, 60]])


def write_outputs(path, outputs, *, input=(1, 3, 64, 64)):
    """Write a network with outputs {name: (type, shape)} of zeros."""
    nodes = [
        helper.make_node(
            "ConstantOfShape", [f"{name}_shape"], [name],
            value=helper.make_tensor("zero", type, [1], [0]),
        )
        for name, (type, _) in outputs.items()
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "outputs",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, list(input))],
        [helper.make_tensor_value_info(name, *each) for name, each in outputs.items()],
        [
            helper.make_tensor(f"{name}_shape", TensorProto.INT64, [len(shape)], shape)
            for name, (_, shape) in outputs.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


BOX = (8, 4, 40, 20, 0.9)


def test_onnx_formats_are_told_by_their_outputs(tmp_path):
    yolox = write_yolox(tmp_path / "a.onnx", {0: (0, 0, 1, 1, 1, 0.4, 0)})
    assert isinstance(load_detector(yolox), YoloxDetector)
    declared = write_outputs(tmp_path / "b.onnx", {"output": (TensorProto.FLOAT, (1, 84, 85))})
    assert isinstance(load_detector(declared), YoloxDetector)  # 64 + 16 + 4 anchors
    dims = (["batch", "num_dets", 5], ["batch", "num_dets"])
    for options in ({}, {"label_type": np.int32}, {"dims": dims}, {"shape": (1, 3, 64, 64)}):
        rtmdet = write_rtmdet(tmp_path / "rtmdet.onnx", [BOX], **options)
        detector = load_detector(rtmdet, min_score=0.5)
        assert isinstance(detector, RtmdetDetector)
        assert len(detector(GREY)) == 1
        assert len(load_detector(rtmdet, min_score=0.95)(GREY)) == 0


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@pytest.mark.parametrize(
    "outputs",
    [
        {"output0": (FLOAT, (1, 84, 8400))},  # YOLOv8
        {"embedding": (FLOAT, (1, 384))},
        {"dets": (FLOAT, (1, 7, 4)), "labels": (INT64, (1, 7))},  # no scores
        {"dets": (FLOAT, (1, 7, 5)), "labels": (FLOAT, (1, 7))},
        {"boxes": (FLOAT, (1, 300, 4)), "logits": (FLOAT, (1, 300, 80))},  # DETR
        {"labels": (INT64, (1, 9)), "boxes": (FLOAT, (1, 9, 4)), "scores": (FLOAT, (1, 9))},
    ],
)
def test_unknown_onnx_format_is_rejected_with_its_outputs_and_the_known_formats(tmp_path, outputs):
    path = write_outputs(tmp_path / "other.onnx", outputs, input=(1, 3, 640, 640))
    with pytest.raises(ValueError, match=r"other\.onnx: expected a detector of a known") as error:
        load_detector(path)
    message = str(error.value)
    for name, (_, shape) in outputs.items():
        assert f"{name} {list(shape)} tensor(" in message
    assert "YOLOX" in message
    assert "RTMDet" in message


def test_device_is_passed_to_the_network(tmp_path):
    model = write_yolox(tmp_path / "yolox.onnx", {})
    assert load_detector(model, device="cpu").providers == ("CPUExecutionProvider",)
    with pytest.raises(ValueError, match=r"device: expected one of cpu, .* got 'gpu'"):
        load_detector(model, device="gpu")


def test_callable_is_returned_unchanged():
    def detector(frame):
        return Detections.empty()

    assert load_detector(detector) is detector


@pytest.mark.parametrize(
    ("word", "error", "message"),
    [
        ("model.pt", ValueError, "expected 'background', a .onnx or .txt file"),
        ("no_such_network", ValueError, "expected 'background', .* or one of fasterrcnn_"),
        ("absent.onnx", FileNotFoundError, "absent.onnx"),
        ("absent.txt", FileNotFoundError, "absent.txt"),
    ],
)
def test_unknown_word_and_missing_file_are_rejected(word, error, message):
    with pytest.raises(error, match=message):
        load_detector(word)


def test_invalid_line_of_a_detection_file_is_named(tmp_path):
    text = tmp_path / "det.txt"
    text.write_text("1,-1,10,20,30,40,0.9\n2,-1,10,twenty,30,40,0.9\n")
    with pytest.raises(ValueError, match=r"det\.txt:2.*twenty"):
        load_detector(text)


def test_importing_the_detectors_loads_neither_torch_nor_onnxruntime():
    code = (
        "import sys, deepsort_reid.vision.detectors, deepsort_reid.vision.embedder;"
        "sys.exit(bool({'torch', 'torchvision', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
