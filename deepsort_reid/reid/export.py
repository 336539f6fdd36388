"""A trained network as one ONNX file that needs nothing beside it and says what it is."""

import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.reid.models.reid_model import ReidModel

MIN_COSINE = 0.9999
_OPSET = 17


def export_onnx(
    model: ReidModel,
    path: Path | str,
    crops: NDArray[np.uint8],
    metadata: Mapping[str, str],
    *,
    half_weights: bool = True,
    mirror: bool = False,
) -> float:
    """Write the network to `path` and return the worst cosine between it and PyTorch.

    The graph takes float32 RGB (batch, 3, H, W) in 0..255 and gives unit rows (batch, D); H and W
    are those of `crops` (N, H, W, 3) uint8, real pictures on which the two are compared.
    `metadata` is added to what `Embedder` reads (input size, channel order, normalisation, width).
    `half_weights` stores large weights in 16 bits, which halves the file and costs no time:
    onnxruntime widens them once when it loads. `mirror` embeds the picture and its mirror image and
    gives their mean: better answers at half the speed.

    Raises ValueError, and writes nothing, when the worst cosine is under 0.9999.
    """
    if crops.ndim != 4 or not len(crops):
        raise ValueError(f"crops to compare on must be (N, H, W, 3), got {crops.shape}")
    embed = _Embed(model, mirror=mirror).eval()
    network = _to_onnx(embed, crops.shape[1], crops.shape[2])
    if half_weights:
        _store_half(network)
    own = {
        "input_height": str(crops.shape[1]),
        "input_width": str(crops.shape[2]),
        "channel_order": "RGB",
        "normalisation": "in_graph",
        "embedding_width": str(model.embedding_dim),
    }
    helper.set_model_props(network, {**metadata, **own})
    onnx.checker.check_model(network)
    data = network.SerializeToString()
    cosine = worst_cosine(data, _in_torch(embed, crops), crops)
    if not cosine >= MIN_COSINE:
        raise ValueError(
            f"{path} not written: the ONNX network differs from PyTorch, worst cosine {cosine:.6f} "
            f"on {len(crops)} crops, at least {MIN_COSINE} is expected"
        )
    write_atomically(Path(path), data)
    return cosine


def worst_cosine(network: bytes, expected: NDArray[np.float32], crops: NDArray[np.uint8]) -> float:
    """Lowest cosine between expected unit rows (N, D) and what onnxruntime makes of the crops."""
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    images = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
    output = np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])
    if output.shape != expected.shape:
        return -1.0
    length = np.linalg.norm(output, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((output * expected).sum(1) / np.maximum(length, 1e-12)).min())


class _Embed(nn.Module):
    """The graph to export: pictures in, unit rows out."""

    def __init__(self, model: ReidModel, *, mirror: bool) -> None:
        super().__init__()
        self.model = model
        self.mirror = mirror

    def forward(self, images: Tensor) -> Tensor:
        rows = F.normalize(self.model(images)[1])
        if self.mirror:
            rows = F.normalize(rows + F.normalize(self.model(images.flip(3))[1]))
        return rows


def _in_torch(embed: _Embed, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    device = next(embed.parameters()).device
    with torch.inference_mode():
        images = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2))).to(device)
        return np.asarray(embed(images).cpu().numpy(), np.float32)


def _to_onnx(embed: _Embed, height: int, width: int) -> onnx.ModelProto:
    device = next(embed.parameters()).device
    example = torch.zeros(2, 3, height, width, device=device)
    buffer = BytesIO()
    with warnings.catch_warnings():
        # The exporter on TorchScript is announced to go; the new one needs a package more
        # (onnxscript), and this one folds the normalisations into the convolutions.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        # Instance norm takes its statistics from the picture in training and afterwards alike.
        warnings.filterwarnings("ignore", ".*operator 'instance_norm' is set to train=True")
        torch.onnx.export(
            embed,
            (example,),
            buffer,  # type: ignore[arg-type]  # a file object does as well
            dynamo=False,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=["embedding"],
            dynamic_axes={"images": {0: "batch"}, "embedding": {0: "batch"}},
        )
    return onnx.load_model_from_string(buffer.getvalue())


def _store_half(network: onnx.ModelProto, *, least: int = 1024) -> None:
    """Keep initialisers of `least` numbers or more in 16 bits, with a cast back in front."""
    graph = network.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < least:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for place, node in enumerate(casts):
        graph.node.insert(place, node)
