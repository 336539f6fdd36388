"""Detectors that need no network, checked by hand-made networks and by recorded boxes."""

import sys

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deepsort_reid.structures.boxes import iou
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.detectors import (
    BackgroundSubtraction,
    TorchvisionDetector,
    load_detector,
    torchvision_coco,
)
from deepsort_reid.vision.detectors.precomputed import MotDetections, normalize_scores
from deepsort_reid.vision.detectors.yolox import YoloxDetector, letterbox

GREY = np.full((48, 96, 3), 90, dtype=np.uint8)


def write_yolox(path, rows, *, side=32, classes=2, anchors=21, shape=None):
    """A network that answers `rows` {anchor: (x, y, log w, log h, objectness, class...)}.

    A side of 32 has 16 anchors of stride 8, 4 of stride 16 and 1 of stride 32.
    """
    answer = np.zeros((1, anchors, 5 + classes), dtype=np.float32)
    for anchor, row in rows.items():
        answer[0, anchor] = row
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["output"]),
    ]
    shape = shape or [1, 3, side, side]
    graph = helper.make_graph(
        nodes,
        "yolox",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(answer, "answer"),
            numpy_helper.from_array(np.zeros((), dtype=np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def test_yolox_boxes_are_decoded_by_grid_cell_and_stride(tmp_path):
    rows = {
        5: (0.5, 0.25, 0.0, np.log(2), 0.8, 0.5, 0.0),  # stride 8, cell (1, 1)
        19: (0.0, 0.0, 0.0, 0.0, 0.9, 1.0, 0.0),  # stride 16, cell (1, 1)
    }
    detector = YoloxDetector(write_yolox(tmp_path / "yolox.onnx", rows))
    assert detector.input_size == (32, 32)
    found = detector(GREY)  # 96 wide: the picture is shrunk by 3
    np.testing.assert_allclose(found.xyxy, [[24, 24, 72, 48], [24, 6, 48, 48]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.9, 0.4], atol=1e-6)
    np.testing.assert_array_equal(found.class_id, [0, 0])


def test_a_yolox_that_decodes_inside_the_network_is_understood(tmp_path):
    rows = {5: (12.0, 10.0, 8.0, 16.0, 0.8, 0.5, 0.0)}  # pixels of the network
    found = YoloxDetector(write_yolox(tmp_path / "yolox.onnx", rows))(GREY)
    np.testing.assert_allclose(found.xyxy, [[24, 6, 48, 48]], atol=1e-4)


def test_yolox_keeps_the_wanted_classes_only_and_names_them(tmp_path):
    rows = {0: (0, 0, 1, 1, 1, 0.4, 0.9), 15: (0, 0, 1, 1, 1, 0.6, 0.1)}
    path = write_yolox(tmp_path / "yolox.onnx", rows)
    second = YoloxDetector(path, classes=(1,), min_score=0.2)(GREY)
    np.testing.assert_allclose(second.score, [0.9], atol=1e-6)
    both = YoloxDetector(path, classes=None)(GREY)
    np.testing.assert_array_equal(both.class_id, [1, 0])
    with pytest.raises(ValueError, match="classes: expected numbers from 0 to 1"):
        YoloxDetector(path, classes=(2,))


def test_yolox_suppresses_overlap_within_a_class_only(tmp_path):
    rows = {
        5: (0.5, 0.5, 0.5, 0.5, 1.0, 0.9, 0.0),
        6: (-0.5, 0.5, 0.5, 0.5, 1.0, 0.8, 0.0),  # the same place, seen from the next cell
        9: (0.5, -0.5, 0.5, 0.5, 1.0, 0.0, 0.7),  # again, but of the other class
    }
    path = write_yolox(tmp_path / "yolox.onnx", rows)
    np.testing.assert_allclose(YoloxDetector(path, classes=None)(GREY).score, [0.9, 0.7], atol=1e-6)


def test_yolox_boxes_outside_the_frame_are_dropped(tmp_path):
    rows = {12: (0.0, 0.5, 0.0, 0.0, 1.0, 1.0, 0.0)}  # below the picture, in the padding
    assert len(YoloxDetector(write_yolox(tmp_path / "yolox.onnx", rows))(GREY)) == 0


def test_a_frame_without_anybody_gives_empty_detections(tmp_path):
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
def test_models_that_are_no_yolox_are_refused_by_name(tmp_path, options, message):
    path = write_yolox(tmp_path / "other.onnx", {}, **options)
    with pytest.raises(ValueError, match=message) as error:
        YoloxDetector(path)
    assert "other.onnx" in str(error.value)


def test_bad_frames_and_limits_are_refused(tmp_path):
    path = write_yolox(tmp_path / "yolox.onnx", {})
    for frame in (None, GREY[:, :, 0], GREY.astype(float)):
        with pytest.raises(ValueError, match="expected a BGR uint8 array"):
            YoloxDetector(path)(frame)
    for limit in ("min_score", "max_iou"):
        with pytest.raises(ValueError, match=f"{limit}: expected a number from 0 to 1, got 1.5"):
            YoloxDetector(path, **{limit: 1.5})


def test_letterbox_keeps_the_shape_and_fills_with_grey():
    image, scale = letterbox(GREY, (32, 32))
    assert scale == pytest.approx(1 / 3)
    np.testing.assert_array_equal(image[:16], 90)
    np.testing.assert_array_equal(image[16:], 114)


def rows_of(frames, scores):
    count = len(frames)
    xyxy = np.tile([0.0, 0.0, 10.0, 20.0], (count, 1)) + np.arange(count)[:, None]
    return MotRows(np.array(frames), np.full(count, -1), xyxy, np.array(scores, dtype=float))


def test_recorded_detections_come_frame_by_frame():
    detector = MotDetections(rows_of([3, 1, 1, 4], [0.9, 0.8, 0.2, 0.7]))
    assert [len(detector(GREY)) for _ in range(5)] == [2, 0, 1, 1, 0]
    np.testing.assert_array_equal(detector.at(3).xyxy, [[0, 0, 10, 20]])
    later = MotDetections(rows_of([3, 1, 1, 4], [0.9, 0.8, 0.2, 0.7]), start=1, every=3)
    assert [later(GREY).score.tolist() for _ in range(2)] == [[0.8, 0.2], [0.7]]


def test_recorded_detections_below_the_limit_are_left_out():
    detector = MotDetections(rows_of([1, 1], [0.8, 0.2]), min_score=0.5)
    np.testing.assert_array_equal(detector(GREY).score, [0.8])


def test_scores_within_0_and_1_stay_and_raw_ones_become_so_in_the_same_order():
    inside = np.array([0.0, 0.3, 1.0])
    assert normalize_scores(inside) is inside
    assert len(normalize_scores(np.empty(0))) == 0
    for raw in (np.array([-0.5, 0.0, 0.4, 3.0]), np.array([-0.4, 30.0, 67.0, 139.0])):
        mapped = normalize_scores(raw)
        assert (np.diff(mapped) > 0).all()
        assert 0 < mapped[0] < 0.5 < mapped[2] < mapped[3] < 1
    assert normalize_scores(np.array([-0.5, 0.0]))[1] == 0.5
    assert normalize_scores(np.array([0.1, 30.0]))[1] == 0.5


def test_a_word_or_a_file_name_stands_for_a_detector(tmp_path):
    assert isinstance(load_detector("background"), BackgroundSubtraction)
    model = write_yolox(tmp_path / "yolox.onnx", {0: (0, 0, 1, 1, 1, 0.4, 0)})
    assert len(load_detector(model)(GREY)) == 1
    assert len(load_detector(str(model), min_score=0.5)(GREY)) == 0
    text = tmp_path / "det.txt"
    text.write_text("1,-1,10,20,30,40,0.9\n")
    np.testing.assert_array_equal(load_detector(text)(GREY).xyxy, [[10, 20, 40, 60]])

    def own(frame):
        return Detections.empty()

    assert load_detector(own) is own


@pytest.mark.parametrize(
    ("word", "error", "message"),
    [
        ("model.pt", ValueError, "expected 'background', a .onnx or .txt file"),
        ("no_such_network", ValueError, "expected 'background', .* or one of fasterrcnn_"),
        ("absent.onnx", FileNotFoundError, "absent.onnx"),
        ("absent.txt", FileNotFoundError, "absent.txt"),
    ],
)
def test_words_that_stand_for_nothing_are_refused(word, error, message):
    with pytest.raises(error, match=message):
        load_detector(word)


def test_with_weights_only_the_names_of_their_models_are_expected():
    with pytest.raises(ValueError, match=r"^detector: expected one of fasterrcnn_.*'background'$"):
        TorchvisionDetector("background", weights="weights.pth")


def test_a_bad_row_of_recorded_detections_is_named_with_its_line(tmp_path):
    text = tmp_path / "det.txt"
    text.write_text("1,-1,10,20,30,40,0.9\n2,-1,10,twenty,30,40,0.9\n")
    with pytest.raises(ValueError, match=r"det\.txt:2.*twenty"):
        load_detector(text)


@pytest.fixture
def small_torchvision(monkeypatch):
    """Torchvision's smallest COCO detector, cut off from the network."""
    import torchvision.models._api as api

    def no_network(*arguments, **options):
        raise OSError("Name or service not known")

    monkeypatch.setattr(api, "load_state_dict_from_url", no_network)
    return "ssdlite320_mobilenet_v3_large"


def test_without_network_torchvision_says_in_one_line_which_file_to_pass(small_torchvision):
    with pytest.raises(OSError, match="could not be downloaded") as error:
        TorchvisionDetector(small_torchvision)
    message = str(error.value)
    assert "https://download.pytorch.org/models/ssdlite320" in message
    assert "as weights (--detector-weights)" in message
    assert "\n" not in message


def test_torchvision_runs_from_a_file_of_weights(small_torchvision, tmp_path):
    import torch
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model(small_torchvision, weights=None, weights_backbone=None, num_classes=91)
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    detector = TorchvisionDetector(small_torchvision, weights=path, min_score=0.0, classes=None)
    found = detector(GREY)
    assert found.class_id.min() >= 0
    assert found.class_id.max() <= 79
    assert (found.xyxy[:, 2:] <= [96, 48]).all()
    people = TorchvisionDetector(small_torchvision, weights=path, min_score=0.0)(GREY)
    np.testing.assert_array_equal(people.class_id, 0)
    with pytest.raises(FileNotFoundError, match="no such file of weights"):
        TorchvisionDetector(small_torchvision, weights=tmp_path / "absent.pth")
    path.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="expected weights of ssdlite320"):
        TorchvisionDetector(small_torchvision, weights=path)


def test_torchvision_numbers_people_zero_like_yolox(monkeypatch):
    import torch

    class Answer(torch.nn.Module):
        def forward(self, images):
            assert images[0].shape == (3, 48, 96)
            assert images[0].max() <= 1
            box = torch.tensor([[1.0, 2.0, 30.0, 40.0], [5.0, 5.0, 200.0, 45.0], [1, 1, 1, 9]])
            scores = torch.tensor([0.9, 0.8, 0.7])
            return [{"boxes": box, "scores": scores, "labels": torch.tensor([1, 13, 1])}]

    categories = ["__background__", *(f"class {i}" for i in range(1, 12)), "N/A", "stop sign"]
    monkeypatch.setattr(torchvision_coco, "_torchvision_model", lambda *_: (Answer(), categories))
    found = TorchvisionDetector("any", classes=None)(GREY)
    np.testing.assert_array_equal(found.class_id, [0, 11])
    np.testing.assert_array_equal(found.xyxy, [[1, 2, 30, 40], [5, 5, 96, 45]])


def test_importing_the_detectors_does_not_import_torch():
    import subprocess

    code = "import sys, deepsort_reid.vision.detectors.factory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.data
@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
def test_yolox_nano_finds_the_recorded_boxes(data_root, name):
    detector = YoloxDetector(data_root / "models" / "yolox_nano_416.onnx", threads=2)
    recorded = np.load(data_root / "inputs" / f"{name}-yolox.npz")
    for number in (1, 30, 60):
        path = data_root / "mot" / name / "img1" / f"{number:06d}.jpg"
        found = detector(cv2.imread(str(path)))
        rows = recorded["frame"] == number
        expected = recorded["xyxy"][rows].astype(np.float64)
        assert len(found) == len(expected)
        partner = iou(found.xyxy, expected).argmax(axis=1)
        np.testing.assert_allclose(found.xyxy, expected[partner], atol=0.5)
        np.testing.assert_allclose(found.score, recorded["score"][rows][partner], atol=0.005)
    recorded.close()


@pytest.mark.data
def test_public_dpm_and_acf_scores_are_mapped_near_what_was_measured(data_root):
    for name, tolerance in (("MOT16-09", 0.1), ("TUD-Campus", 0.1)):
        detector = MotDetections(data_root / "mot" / name / "det" / "det.txt")
        with np.load(data_root / "inputs" / f"{name}-public.npz") as recorded:
            first = recorded["frame"] == 1
            expected = np.sort(recorded["score"][first])
        mapped = np.sort(detector.at(1).score)[-len(expected) :]
        np.testing.assert_allclose(mapped, expected, atol=tolerance)
