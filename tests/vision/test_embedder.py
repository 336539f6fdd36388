"""Embedder: on networks whose output is computed by hand, and the shipped one on real people."""

import copy
import hashlib
import pickle

import cv2
import numpy as np
import pytest
from onnx import TensorProto

from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.vision import embedder as module
from deepsort_reid.vision.embedder import Embedder
from tests.vision.embedder_files import write_embedder


@pytest.fixture
def colour_embedder(tmp_path):
    return Embedder(
        write_embedder(tmp_path / "colour.onnx", normalisation="in_graph"), batch_size=2
    )


def two_colour_frame(height=60, width=80):
    """Left half pure blue, right half pure red (in BGR)."""
    frame = np.zeros((height, width, 3), dtype=np.uint8)
    frame[:, : width // 2, 0] = 255
    frame[:, width // 2 :, 2] = 255
    return frame


def test_embeddings_have_unit_length_and_the_order_of_the_boxes(colour_embedder):
    boxes = [[50, 10, 70, 50], [0, 0, 20, 40], [42, 0, 60, 20]]
    rows = colour_embedder(two_colour_frame(), boxes)
    assert rows.dtype == np.float32
    assert colour_embedder.embedding_dim == 3
    assert colour_embedder.input_size == (8, 4)
    np.testing.assert_allclose(rows, [[1, 0, 0], [0, 0, 1], [1, 0, 0]], atol=1e-6)


def test_no_boxes_give_no_rows(colour_embedder):
    assert colour_embedder(two_colour_frame(), np.empty((0, 4))).shape == (0, 3)
    assert colour_embedder.embed_crops([]).shape == (0, 3)


def test_box_fully_outside_the_frame_gets_a_zero_row(colour_embedder):
    outside = [[-30, 5, -1, 40], [80, 5, 90, 40], [5, -9, 20, 0], [5, 60, 20, 99]]
    rows = colour_embedder(two_colour_frame(), [*outside, [50, 10, 70, 50]])
    np.testing.assert_array_equal(rows[:4], 0)
    np.testing.assert_allclose(rows[4], [1, 0, 0], atol=1e-6)


def test_boxes_of_another_shape_or_not_finite_are_rejected(colour_embedder):
    with pytest.raises(ValueError, match=r"\(2, 5\)"):
        colour_embedder(two_colour_frame(), np.zeros((2, 5)))
    with pytest.raises(ValueError, match=r"\(4,\)"):
        colour_embedder(two_colour_frame(), [1, 2, 3, 4])
    with pytest.raises(ValueError, match="row 1"):
        colour_embedder(two_colour_frame(), [[0, 0, 5, 5], [0, 0, np.nan, 5]])


@pytest.mark.parametrize(
    "frame", [None, np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float64)]
)
def test_frames_that_are_none_grey_or_float_are_rejected(colour_embedder, frame):
    with pytest.raises(ValueError, match="expected a BGR uint8 array"):
        colour_embedder(frame, [[0, 0, 5, 5]])


def test_empty_crop_is_rejected_by_number(colour_embedder):
    good = np.zeros((5, 5, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"crop 2: .* got an empty image"):
        colour_embedder.embed_crops([good, good, good[:0]])


def test_normalisation_is_imagenet_by_default(tmp_path):
    embedder = Embedder(write_embedder(tmp_path / "plain.onnx"))
    crop = np.full((8, 4, 3), (10, 100, 200), dtype=np.uint8)  # blue, green, red
    expected = (np.array([200, 100, 10]) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(
        embedder.embed_crops([crop])[0], expected / np.linalg.norm(expected), atol=1e-5
    )


def test_bgr_model_gets_bgr(tmp_path):
    path = write_embedder(tmp_path / "bgr.onnx", channel_order="BGR", normalisation="in_graph")
    crop = np.full((8, 4, 3), (255, 0, 0), dtype=np.uint8)
    np.testing.assert_allclose(Embedder(path).embed_crops([crop]), [[1, 0, 0]], atol=1e-6)


def test_result_does_not_depend_on_the_batch_size(tmp_path):
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 256, (h, 7, 3), dtype=np.uint8) for h in range(3, 14)]
    open_batch = write_embedder(tmp_path / "open.onnx")
    fixed_batch = write_embedder(tmp_path / "fixed.onnx", shape=(4, 3, 8, 4))
    expected = Embedder(open_batch, batch_size=1).embed_crops(crops)
    for embedder in (Embedder(open_batch, batch_size=32), Embedder(fixed_batch)):
        np.testing.assert_allclose(embedder.embed_crops(crops), expected, atol=1e-6)


def test_half_precision_model_gets_half_precision(tmp_path):
    path = write_embedder(tmp_path / "half.onnx", element=TensorProto.FLOAT16)
    rows = Embedder(path).embed_crops([two_colour_frame()])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_open_input_size_is_read_from_the_metadata(tmp_path):
    shape = ("batch", 3, "height", "width")
    path = write_embedder(tmp_path / "sized.onnx", shape=shape, input_height=16, input_width=8)
    assert Embedder(path).input_size == (16, 8)
    with pytest.raises(ValueError, match="no input_height in the model's metadata"):
        Embedder(write_embedder(tmp_path / "unsized.onnx", shape=shape))


@pytest.mark.parametrize(
    ("height", "message"),
    [
        (10**9, r"inputs of at most \d+ values, got \[None, 3, 1000000000, 4\]"),
        ("1" * 5000, "no input_height in the model's metadata"),
    ],
    ids=["pixels", "digits"],
)
def test_metadata_that_claims_a_huge_size_is_rejected(tmp_path, height, message):
    shape = ("batch", 3, "height", "width")
    path = write_embedder(tmp_path / "huge.onnx", shape=shape, input_height=height, input_width=4)
    with pytest.raises(ValueError, match=message) as error:
        Embedder(path)
    assert str(error.value).startswith(f"{path}: expected ")


def test_pooled_output_with_trailing_axes_of_length_1_is_a_vector(tmp_path):
    assert Embedder(write_embedder(tmp_path / "pooled.onnx", flatten=False)).embedding_dim == 3


def test_zero_output_gets_a_zero_row(colour_embedder):
    black = np.zeros((8, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(colour_embedder.embed_crops([black]), [[0, 0, 0]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (1, 8, 4, 3)}, "channels last"),
        ({"shape": (1, 1, 8, 4)}, "expected one image input"),
        ({"shape": (1, 3, 8)}, "expected one image input"),
        ({"inputs": 2}, "expected one image input"),
        ({"element": TensorProto.DOUBLE, "operator": "Relu"}, "float32 or float16"),
        ({"operator": "Relu", "flatten": False}, "expected one vector per image"),
        ({"normalisation": "standard"}, "normalisation: expected one of imagenet, in_graph"),
        ({"channel_order": "HSV"}, "channel_order: expected one of RGB, BGR"),
    ],
)
def test_model_of_another_layout_is_rejected_by_name(tmp_path, options, message):
    path = write_embedder(tmp_path / "other.onnx", **options)
    with pytest.raises(ValueError, match=message) as error:
        Embedder(path)
    assert "other.onnx" in str(error.value)


def test_missing_and_invalid_files_are_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"absent\.onnx"):
        Embedder(tmp_path / "absent.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"broken\.onnx: expected an ONNX model"):
        Embedder(broken)
    for precision in module.SHIPPED_EMBEDDERS:
        monkeypatch.setitem(module.SHIPPED_EMBEDDERS, precision, "weights/absent.onnx")
        with pytest.raises(FileNotFoundError, match=r"weights/absent\.onnx: pass an ONNX file"):
            Embedder(precision=precision)


COPIES = [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]


@pytest.mark.parametrize("make_copy", COPIES)
def test_copy_gives_the_same_embeddings(make_copy, colour_embedder):
    copied = make_copy(colour_embedder)
    boxes = [[50, 10, 70, 50], [0, 0, 20, 40], [42, 0, 60, 20]]
    frame = two_colour_frame()
    np.testing.assert_array_equal(copied(frame, boxes), colour_embedder(frame, boxes))
    assert (copied.name, copied.metadata) == (colour_embedder.name, colour_embedder.metadata)
    assert copied.providers == colour_embedder.providers


@pytest.mark.parametrize("make_copy", COPIES)
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_shipped_embedder_can_be_copied(make_copy, precision):
    embedder = Embedder(threads=1, precision=precision)
    copied = make_copy(embedder)
    assert copied.precision == embedder.precision == precision
    assert copied.name == embedder.name
    crops = [two_colour_frame()]
    np.testing.assert_array_equal(copied.embed_crops(crops), embedder.embed_crops(crops))


def test_pickle_of_the_shipped_embedder_holds_no_path_and_no_weights():
    pickled = pickle.dumps(Embedder(threads=1))
    assert str(module.shipped_embedder_path().parent).encode() not in pickled
    assert len(pickled) < 10_000


@pytest.mark.parametrize(
    ("machine", "device", "providers", "expected"),
    [
        ("x86_64", "cpu", None, "int8"),
        ("AMD64", "cpu", None, "int8"),
        ("arm64", "cpu", None, "int8"),
        ("riscv64", "cpu", None, "float32"),
        ("x86_64", "cuda:1", None, "float32"),
        ("x86_64", "openvino", None, "float32"),
        ("x86_64", "cpu", [("CPUExecutionProvider", {})], "int8"),
        ("x86_64", "cpu", ["CUDAExecutionProvider", "CPUExecutionProvider"], "float32"),
    ],
)
def test_default_precision_is_int8_on_processors_that_compute_it_fast(
    machine, device, providers, expected, monkeypatch
):
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert module.default_precision(device, providers) == expected


def test_precision_chooses_the_file_of_the_shipped_embedder(monkeypatch):
    for precision, name in module.SHIPPED_EMBEDDERS.items():
        embedder = Embedder(threads=1, precision=precision)
        assert (embedder.precision, embedder.name) == (precision, name)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert Embedder(threads=1).precision == "float32"
    with pytest.raises(ValueError, match="precision: expected one of float32, int8, got 'half'"):
        Embedder(precision="half")


def test_precision_of_another_model_is_that_of_its_file(tmp_path):
    path = write_embedder(tmp_path / "colour.onnx")
    assert Embedder(path).precision is None
    with pytest.raises(ValueError, match=r"precision: expected None for .*colour\.onnx"):
        Embedder(path, precision="int8")


def test_int8_file_was_made_from_the_float32_file():
    content = module.shipped_embedder_path("float32").read_bytes()
    made_from = Embedder(threads=1, precision="int8").metadata["float32_sha256"]
    assert made_from == hashlib.sha256(content).hexdigest(), (
        "embedder.onnx was replaced: run python -m benchmarks.quantize_embedder"
    )


def test_device_is_the_cpu_by_default_and_others_are_rejected_by_name(tmp_path):
    path = write_embedder(tmp_path / "colour.onnx")
    assert Embedder(path).providers == ("CPUExecutionProvider",)
    assert Embedder(path, providers=["CPUExecutionProvider"]).embedding_dim == 3
    with pytest.raises(ValueError, match=r"device: expected one of cpu, .*, got 'gpu'"):
        Embedder(path, device="gpu")
    with pytest.raises(ValueError, match="the installed onnxruntime has no NoProvider"):
        Embedder(path, providers=["NoProvider"])


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"threads": 0}])
def test_batch_size_and_threads_below_1_are_rejected(tmp_path, options):
    with pytest.raises(ValueError, match="expected at least 1"):
        Embedder(write_embedder(tmp_path / "colour.onnx"), **options)


def test_shipped_embedder_needs_no_path_and_distinguishes_colours():
    embedder = Embedder(threads=1)
    assert embedder.metadata["embedding_width"] == str(embedder.embedding_dim)
    frame = two_colour_frame(height=256, width=256)
    left, left_again, right = embedder(
        frame, [[10, 20, 60, 140], [20, 60, 70, 180], [160, 20, 210, 140]]
    )
    assert np.linalg.norm(left) == pytest.approx(1, abs=1e-5)
    assert left @ left_again > left @ right


@pytest.mark.data
def test_shipped_embedder_distinguishes_real_people(data_root):
    embedder = Embedder(threads=2)
    folder = data_root / "mot" / "TUD-Campus"
    truth = read_ground_truth(folder / "gt" / "gt.txt")
    rows, identities = [], []
    for number in (1, 11, 21):
        here = truth.frame == number
        frame = cv2.imread(str(folder / "img1" / f"{number:06d}.jpg"))
        rows.append(embedder(frame, truth.xyxy[here]))
        identities.append(truth.id[here])
    embedding, identity = np.concatenate(rows), np.concatenate(identities)
    similarity = embedding @ embedding.T
    same = identity[:, None] == identity
    np.fill_diagonal(same, False)
    others = identity[:, None] != identity
    assert np.median(similarity[same]) > np.percentile(similarity[others], 90)


@pytest.mark.data
def test_osnet_reproduces_the_recorded_embeddings(data_root):
    embedder = Embedder(data_root / "models" / "osnet_x0_25_msmt17.onnx", threads=2)
    assert (embedder.embedding_dim, embedder.input_size) == (512, (256, 128))
    with np.load(data_root / "inputs" / "TUD-Campus-yolox.npz") as recorded:
        rows = recorded["frame"] == 5
        xyxy, expected = recorded["xyxy"][rows], recorded["embedding"][rows].astype(np.float32)
    frame = cv2.imread(str(data_root / "mot" / "TUD-Campus" / "img1" / "000005.jpg"))
    similarity = (embedder(frame, xyxy) * expected).sum(axis=1)
    assert similarity.min() > 0.95


def test_identity_is_name_and_hash_and_that_of_the_shipped_ones_is_equal(tmp_path):
    shipped = Embedder()
    assert shipped.identity == Embedder(precision="float32").identity
    path = tmp_path / "mine.onnx"
    path.write_bytes(module.shipped_embedder_path("float32").read_bytes())
    assert Embedder(path).identity == shipped.identity.replace("shipped embedder", "mine.onnx")
