"""benchmarks/lib/quantization.py: calibration crops, equal ranges, and the int8 file shipped."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from benchmarks.lib import quantization
from deepsort_reid.reid.data.datasets import Sample, read_market1501
from deepsort_reid.reid.export import export_onnx
from deepsort_reid.reid.training.checkpoint import build_model
from deepsort_reid.vision.embedder import shipped_embedder_path

ARCHITECTURE = {"backbone": "compact", "embedding_dim": 16, "pooling": "average", "parts": 0}


def test_crops_for_calibration_and_test_show_different_people():
    samples = [Sample(f"{p}_{k}.jpg", f"{p}") for p in range(20) for k in range(80)]
    calibration, test = quantization.split_crops(samples)
    assert (len(calibration), len(test)) == (256, 512)
    assert not {s.identity for s in calibration} & {s.identity for s in test}


def test_equal_ranges_of_channels_before_ibn_leave_the_network_as_it_is(tmp_path):
    torch.manual_seed(0)
    model = build_model(ARCHITECTURE).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 2)
    crops = np.random.default_rng(0).integers(0, 256, (4, 64, 32, 3), np.uint8)
    export_onnx(model, tmp_path / "model.onnx", crops, {}, half_weights=False)
    network = onnx.load(tmp_path / "model.onnx")
    images = crops.transpose(0, 3, 1, 2).astype(np.float32)
    before = _weights_before_ibn(network)
    quantization.equalize_channels(network, images)
    assert len(before) == 3
    for one, other in zip(before, _weights_before_ibn(network), strict=True):
        factor = np.abs(other).max((1, 2, 3)) / np.abs(one).max((1, 2, 3))
        assert factor.max() > 1.05 * factor.min()
    session = quantization.open_session(network.SerializeToString())
    rows = session.run(None, {session.get_inputs()[0].name: images})[0]
    original = quantization.open_session(tmp_path / "model.onnx").run(None, {"images": images})[0]
    np.testing.assert_allclose((rows * original).sum(1), 1, atol=1e-5)


def _weights_before_ibn(network):
    """Weights of the convolutions whose output is cut into two halves."""
    tensors = {each.name: each for each in network.graph.initializer}
    cut = {each.input[0] for each in network.graph.node if each.op_type == "Slice"}
    return [
        numpy_helper.to_array(tensors[each.input[1]])
        for each in network.graph.node
        if each.op_type == "Conv" and each.output[0] in cut
    ]


@pytest.mark.data
def test_int8_embeddings_of_unseen_crops_are_close_to_those_of_float32(data_root):
    folder = data_root / "reid" / "Market-1501-v15.09.15" / "bounding_box_train"
    _, crops = quantization.split_crops(read_market1501(folder))
    paths = (shipped_embedder_path(precision) for precision in ("float32", "int8"))
    cosine = quantization.cosine_between(*paths, crops)
    assert len(cosine) == 512
    assert cosine.min() > 0.99
