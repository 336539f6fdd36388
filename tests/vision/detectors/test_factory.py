"""Choice of a detector by a word or a file name, and what importing the detectors loads."""

import subprocess
import sys

import numpy as np
import pytest

from deepsort_reid.structures.detections import Detections
from deepsort_reid.vision.detectors import BackgroundSubtraction, load_detector
from tests.vision.detectors.network_files import write_rtmdet
from tests.vision.detectors.yolox_files import GREY, write_yolox


def test_word_or_file_name_selects_the_detector(tmp_path):
    assert isinstance(load_detector("background"), BackgroundSubtraction)
    model = write_yolox(tmp_path / "yolox.onnx", {0: (0, 0, 1, 1, 1, 0.4, 0)})
    assert len(load_detector(model)(GREY)) == 1
    assert len(load_detector(str(model), min_score=0.5)(GREY)) == 0
    text = tmp_path / "det.txt"
    text.write_text("1,-1,10,20,30,40,0.9\n")
    np.testing.assert_array_equal(load_detector(text)(GREY).xyxy, [[10, 20, 40, 60]])


BOX = (8, 4, 40, 20, 0.9)


def test_onnx_file_is_a_detector_of_its_format(tmp_path):
    yolox = write_yolox(tmp_path / "a.onnx", {0: (0, 0, 1, 1, 1, 0.4, 0)})
    assert load_detector(yolox).format == "YOLOX"
    rtmdet = write_rtmdet(tmp_path / "b.onnx", [BOX])
    assert load_detector(rtmdet).format == "RTMDet"
    assert len(load_detector(rtmdet, min_score=0.5)(GREY)) == 1
    assert len(load_detector(rtmdet, min_score=0.95)(GREY)) == 0


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
        ("model.pt", ValueError, "expected background, yolox_tiny, yolox_s, a file FILE.onnx"),
        ("retinanet_resnet50_fpn", ValueError, "expected background, .* or torchvision:NAME, got"),
        ("torchvision:no_network", ValueError, "torchvision: expected one of fasterrcnn_"),
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
