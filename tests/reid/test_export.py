"""ONNX export: equality with PyTorch, metadata and rejected input."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torchvision.models import VisionTransformer

from deepsort_reid.reid import export
from deepsort_reid.reid.data.datasets import load_images, read_market1501
from deepsort_reid.reid.export import export_onnx
from deepsort_reid.reid.models.backbones import BACKBONES, VitFeatureMap
from deepsort_reid.reid.models.reid_model import Head, ReidModel, embed_images
from deepsort_reid.reid.training.checkpoint import build_model
from deepsort_reid.vision.embedder import Embedder


def make_model(backbone="compact", **changes):
    torch.manual_seed(0)
    architecture = {"backbone": backbone, "embedding_dim": 48, "pooling": "average", "parts": 2}
    model = build_model({**architecture, **changes})
    # Running statistics as after a training, so that batch norm is not the identity.
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    return model.eval()


def noise(count=8, height=64, width=32):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


def check_export(model, path):
    """Export, and compare with PyTorch for several batch sizes."""
    crops = noise()
    assert export_onnx(model, path, crops, {}) >= 0.9999
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 3, 8):
        images = crops[:count].transpose(0, 3, 1, 2).astype(np.float32)
        (rows,) = session.run(None, {"images": images})
        assert rows.shape == (count, model.embedding_dim)
        assert np.allclose(rows, embed_images(model, crops[:count]).numpy(), atol=2e-3)


def test_onnx_output_equals_pytorch_for_any_batch_size(tmp_path):
    check_export(make_model(), tmp_path / "e.onnx")


def test_onnx_output_of_a_vision_transformer_equals_pytorch_for_any_batch_size(tmp_path):
    torch.manual_seed(0)
    size = {"num_layers": 1, "num_heads": 2, "hidden_dim": 64, "mlp_dim": 64}
    network = VisionTransformer(image_size=64, patch_size=16, **size)
    model = ReidModel(VitFeatureMap(network), Head(64, 48))
    check_export(model.eval(), tmp_path / "e.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_can_be_exported(tmp_path, backbone):
    check_export(make_model(backbone, parts=0, pooling="gem"), tmp_path / "e.onnx")


def test_exported_file_has_no_paths_of_source_files(tmp_path):
    export_onnx(make_model(), tmp_path / "e.onnx", noise(), {})
    assert b".py" not in (tmp_path / "e.onnx").read_bytes()


def test_embedder_reads_size_channel_order_and_metadata(tmp_path):
    model = make_model()
    crops = noise()
    export_onnx(model, tmp_path / "e.onnx", crops, {"name": "tiny", "licence": "test"})
    embedder = Embedder(tmp_path / "e.onnx")
    assert embedder.input_size == (64, 32)
    assert embedder.embedding_dim == 48
    assert embedder.metadata["name"] == "tiny"
    assert embedder.metadata["licence"] == "test"
    bgr = [np.ascontiguousarray(crop[..., ::-1]) for crop in crops]
    assert np.allclose(embedder.embed_crops(bgr), embed_images(model, crops).numpy(), atol=2e-3)


def test_half_weights_halve_the_file_and_keep_the_embedding(tmp_path):
    model, crops = make_model(), noise()
    full = export_onnx(model, tmp_path / "full.onnx", crops, {}, half_weights=False)
    half = export_onnx(model, tmp_path / "half.onnx", crops, {})
    ratio = (tmp_path / "half.onnx").stat().st_size / (tmp_path / "full.onnx").stat().st_size
    assert ratio < 0.55
    assert min(full, half) > 0.9999
    kept = onnx.load(tmp_path / "half.onnx").graph.initializer
    assert sum(t.data_type == onnx.TensorProto.FLOAT16 for t in kept) > 10


def test_flip_tta_gives_an_image_and_its_flip_the_same_embedding(tmp_path):
    model, crops = make_model(), noise()
    export_onnx(model, tmp_path / "e.onnx", crops, {}, flip_tta=True)
    session = onnxruntime.InferenceSession(tmp_path / "e.onnx", providers=["CPUExecutionProvider"])
    images = crops.transpose(0, 3, 1, 2).astype(np.float32)
    (plain,) = session.run(None, {"images": images})
    (flipped,) = session.run(None, {"images": np.ascontiguousarray(images[..., ::-1])})
    assert np.allclose(plain, flipped, atol=1e-4)
    both = embed_images(model, crops) + embed_images(model, crops[:, :, ::-1].copy())
    assert np.allclose(plain, torch.nn.functional.normalize(both).numpy(), atol=2e-3)
    assert not np.allclose(plain, embed_images(model, crops).numpy(), atol=2e-3)


def test_different_output_is_rejected_and_the_old_file_is_kept(tmp_path, monkeypatch):
    (tmp_path / "e.onnx").write_bytes(b"the old one")
    original = export.store_as_float16

    def spoil(graph):
        original(graph, min_size=1)
        for tensor in graph.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT16 and len(tensor.dims) == 4:
                values = onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array(np.sign(values), tensor.name))

    monkeypatch.setattr(export, "store_as_float16", spoil)
    with pytest.raises(ValueError, match=r"not written, .* on 8 crops, lowest 0\.\d+"):
        export_onnx(make_model(), tmp_path / "e.onnx", noise(), {})
    assert (tmp_path / "e.onnx").read_bytes() == b"the old one"


def test_export_without_crops_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="to compare on"):
        export_onnx(make_model(), tmp_path / "e.onnx", noise(0), {})
    assert not list(tmp_path.iterdir())


@pytest.mark.data
def test_shipped_embedder_has_a_rank1_above_chance_on_market1501(data_root):
    folder = data_root / "reid" / "Market-1501-v15.09.15" / "query"
    samples = read_market1501(folder)[:200]
    images, kept, _ = load_images(samples, 128, 64)
    rows = Embedder().embed_crops([np.ascontiguousarray(image[..., ::-1]) for image in images])
    similarity = rows @ rows.T
    np.fill_diagonal(similarity, -1)
    identity = np.array([sample.identity for sample in kept])
    counts = np.array([(identity == name).sum() > 1 for name in identity])
    correct = identity[similarity.argmax(1)] == identity
    # Chance is about 3 in 200; the images are of different cameras.
    assert correct[counts].mean() > 0.7
