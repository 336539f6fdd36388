"""Models rebuilt from exported ONNX files."""

import copy
import json

import numpy as np
import onnx
import pytest
import torch

from deepsort_reid import Embedder
from deepsort_reid.reid.export import ARCHITECTURE_KEY, export_onnx
from deepsort_reid.reid.models.onnx_weights import (
    load_onnx_backbone,
    load_onnx_model,
    set_norm_statistics,
)
from deepsort_reid.reid.models.reid_model import embed_images
from deepsort_reid.reid.training.checkpoint import build_model
from deepsort_reid.scene import Street
from deepsort_reid.vision.crops import crop_corners, resize_crop
from deepsort_reid.vision.embedder import shipped_embedder_path

SIZE = (64, 32)
SIZE_OF_REGIONS = (160, 80)  # a feature map of 10 x 5


@pytest.fixture(scope="module")
def people():
    """Crops of the rendered street, RGB (N, 160, 80, 3)."""
    street = Street(seed=3, frames=12, people=6)
    truth = street.clipped(street.truth)
    crops = []
    for number, frame, _ in street:
        rows = truth[(truth.frame == number) & (truth.visibility > 0.3)]
        corners, _ = crop_corners(rows.xyxy, frame.shape[1], frame.shape[0])
        crops += [resize_crop(frame[t:b, x:r], (160, 80))[..., ::-1] for x, t, r, b in corners]
    return np.stack(crops)


def random_model(backbone, pooling="average", parts=0):
    """Model whose normalisations have random statistics and affine parameters."""
    torch.manual_seed(0)
    architecture = {"backbone": backbone, "embedding_dim": 48, "pooling": pooling, "parts": parts}
    model = build_model(architecture)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.normal_(module.bias, std=0.1)
    return model.eval()


def exported(model, path, size=SIZE, **options):
    crops = np.random.default_rng(0).integers(0, 256, (4, *size, 3), np.uint8)
    export_onnx(model, path, crops, {}, **options)
    return crops


def lowest_cosine(first, second):
    return float((first * second).sum(1).min())


def test_model_rebuilt_from_the_shipped_file_equals_it(people):
    model, architecture = load_onnx_model(shipped_embedder_path())
    embedder = Embedder(precision="float32")
    assert tuple(architecture["input_size"]) == embedder.input_size
    images = np.stack([resize_crop(image, embedder.input_size) for image in people])
    expected = embedder.embed_crops(list(images[..., ::-1]))
    assert lowest_cosine(embed_images(model, images).numpy(), expected) > 0.9999


@pytest.mark.parametrize(
    ("backbone", "pooling", "parts"),
    [
        ("compact", "halves-max", 0),
        ("compact", "average", 2),
        ("compact", "regions", 0),
        ("resnet18", "average", 0),
        pytest.param("osnet_x0_25", "average", 0, marks=pytest.mark.slow),
        pytest.param("mobilenet_v3_small", "halves-max", 0, marks=pytest.mark.slow),
    ],
)
def test_model_rebuilt_from_an_exported_file_equals_the_original(
    backbone, pooling, parts, tmp_path
):
    model = random_model(backbone, pooling, parts)
    size = SIZE_OF_REGIONS if pooling == "regions" else SIZE
    crops = exported(model, tmp_path / "file.onnx", size, half_weights=False)
    rebuilt, architecture = load_onnx_model(tmp_path / "file.onnx")
    assert architecture == {**model.architecture, "input_size": list(size)}
    assert lowest_cosine(embed_images(rebuilt, crops), embed_images(model, crops)) > 0.9999


@pytest.mark.parametrize("pooling", ["average", "regions"])
def test_architecture_is_found_by_shapes_without_metadata(pooling, tmp_path):
    path = tmp_path / "file.onnx"
    model = random_model("compact", pooling)
    exported(model, path, SIZE_OF_REGIONS)
    network = onnx.load(path)
    properties = {item.key: item.value for item in network.metadata_props}
    assert json.loads(properties.pop(ARCHITECTURE_KEY)) == model.architecture
    onnx.helper.set_model_props(network, properties)
    onnx.save(network, path)
    size = list(SIZE_OF_REGIONS)
    assert load_onnx_model(path)[1] == {**model.architecture, "input_size": size}


def test_new_statistics_leave_the_embeddings_and_keep_the_training_mode_close(people):
    model, _ = load_onnx_model(shipped_embedder_path())
    images = torch.from_numpy(people[:32]).permute(0, 3, 1, 2)
    with_statistics = copy.deepcopy(model)
    set_norm_statistics(with_statistics, people[:32])
    with torch.inference_mode():
        expected = model.embed(images)
        assert lowest_cosine(with_statistics.embed(images), expected) > 0.9999
        assert lowest_cosine(with_statistics.train().embed(images), expected) > 0.99
        # Without them, the batch statistics change the function.
        assert lowest_cosine(model.train().embed(images), expected) < 0.9


def test_backbone_is_loaded_from_a_file_with_another_head(tmp_path):
    model = random_model("compact", "average")
    exported(model, tmp_path / "file.onnx", half_weights=False)
    other = build_model({**model.architecture, "embedding_dim": 16, "pooling": "halves-max"})
    load_onnx_backbone(other.backbone, tmp_path / "file.onnx")
    images = torch.rand(2, 3, *SIZE)
    with torch.inference_mode():
        assert torch.allclose(other.eval().backbone(images), model.backbone(images), atol=1e-3)


def write_foreign(path):
    """ONNX file with one convolution."""
    helper = onnx.helper
    weight = onnx.numpy_helper.from_array(np.zeros((4, 3, 32, 16), np.float32), "weight")
    make = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "weight"], ["y"])],
        "foreign",
        [make("x", onnx.TensorProto.FLOAT, ["n", 3, 32, 16])],
        [make("y", onnx.TensorProto.FLOAT, ["n", 4, 1, 1])],
        [weight],
    )
    onnx.save(helper.make_model(graph), path)


def test_foreign_file_is_refused(tmp_path):
    write_foreign(tmp_path / "foreign.onnx")
    with pytest.raises(ValueError, match="another architecture"):
        load_onnx_model(tmp_path / "foreign.onnx")


def test_file_that_is_not_onnx_is_refused(tmp_path):
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(ValueError, match="ONNX"):
        load_onnx_model(tmp_path / "text.onnx")
    with pytest.raises(FileNotFoundError):
        load_onnx_model(tmp_path / "none.onnx")


@pytest.mark.parametrize(("option", "value"), [("flip_tta", True), ("pooling", "gem")])
def test_file_that_the_weights_do_not_describe_is_refused(option, value, tmp_path):
    is_gem = option == "pooling"
    model = random_model("compact", value if is_gem else "average")
    if is_gem:
        model.head.pooling.p.data.fill_(5.0)
    exported(model, tmp_path / "file.onnx", **({} if is_gem else {option: value}))
    with pytest.raises(ValueError, match=r"differs from the file|--flip-tta"):
        load_onnx_model(tmp_path / "file.onnx")
