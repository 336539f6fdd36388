"""Export of a trained model to one self-contained ONNX file with metadata."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxscript  # noqa: F401  # torch imports it during the export; missing, it is reported here
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.reid.models.reid_model import ReidModel

MIN_COSINE = 0.9999
ARCHITECTURE_KEY = "architecture"  # of the metadata: what `build_model` takes, as JSON
_OPSET = 18
_IR_VERSION = 8  # the lowest for this opset, for old versions of onnxruntime


def export_onnx(
    model: ReidModel,
    path: Path | str,
    crops: NDArray[np.uint8],
    metadata: Mapping[str, str],
    *,
    half_weights: bool = True,
    flip_tta: bool = False,
) -> float:
    """Write the model to `path`; returns the lowest cosine between its output and PyTorch's.

    The graph maps float32 RGB (batch, 3, H, W) in 0..255 to unit rows (batch, D).

    crops: (N, H, W, 3) RGB uint8, real images on which the two are compared; they set H and W.
    metadata: added to what `Embedder` reads (input size, channel order, normalisation, dimension)
    and to the architecture of the model, from which `load_onnx_model` rebuilds it.
    half_weights: store large weights as float16, which halves the file; onnxruntime converts them
    to float32 when it loads the file. flip_tta: average the embeddings of the image and its
    horizontal flip, more accurate at half the speed.

    Raises ValueError, and writes nothing, when the lowest cosine is below MIN_COSINE.
    """
    if crops.ndim != 4 or not len(crops):
        raise ValueError(f"crops: expected images (N, H, W, 3) to compare on, got {crops.shape}")
    embed = _UnitEmbedding(model, flip_tta=flip_tta).eval()
    network = _to_onnx(embed, crops.shape[1], crops.shape[2])
    if half_weights:
        store_as_float16(network)
    embedder_metadata = {
        "input_height": str(crops.shape[1]),
        "input_width": str(crops.shape[2]),
        "channel_order": "RGB",
        "normalisation": "in_graph",
        "embedding_width": str(model.embedding_dim),
    }
    if model.architecture is not None:
        embedder_metadata[ARCHITECTURE_KEY] = json.dumps(dict(model.architecture))
    helper.set_model_props(network, {**metadata, **embedder_metadata})
    onnx.checker.check_model(network)
    data = network.SerializeToString()
    cosine = lowest_cosine(data, _run_torch(embed, crops), crops)
    if not cosine >= MIN_COSINE:
        raise ValueError(
            f"{path}: not written, the ONNX model differs from PyTorch: expected a cosine of at "
            f"least {MIN_COSINE} on {len(crops)} crops, lowest {cosine:.6f}"
        )
    write_atomically(Path(path), data)
    return cosine


def lowest_cosine(network: bytes, expected: NDArray[np.float32], crops: NDArray[np.uint8]) -> float:
    """Lowest cosine between `expected` (N, D) and the output of onnxruntime for `crops`.

    network: content of the ONNX file. Returns -1 when the shapes differ.
    """
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    images = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
    output = np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])
    if output.shape != expected.shape:
        return -1.0
    length = np.linalg.norm(output, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((output * expected).sum(1) / np.maximum(length, 1e-12)).min())


class _UnitEmbedding(nn.Module):
    """Module to export: images (B, 3, H, W) -> unit rows (B, D)."""

    def __init__(self, model: ReidModel, *, flip_tta: bool) -> None:
        super().__init__()
        self.model = model
        self.flip_tta = flip_tta

    def forward(self, images: Tensor) -> Tensor:
        rows = F.normalize(self.model(images)[1])
        if self.flip_tta:
            rows = F.normalize(rows + F.normalize(self.model(images.flip(3))[1]))
        return rows


def _run_torch(embed: _UnitEmbedding, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    device = next(embed.parameters()).device
    with torch.inference_mode():
        images = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2))).to(device)
        return np.asarray(embed(images).cpu().numpy(), np.float32)


def _to_onnx(embed: _UnitEmbedding, height: int, width: int) -> onnx.ModelProto:
    device = next(embed.parameters()).device
    program = torch.onnx.export(
        embed,
        (torch.zeros(2, 3, height, width, device=device),),
        dynamo=True,
        verbose=False,
        opset_version=_OPSET,
        input_names=["images"],
        output_names=["embedding"],
        dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
    )
    assert program is not None  # None for the deprecated exporter only
    network = onnx.ModelProto()
    network.CopyFrom(program.model_proto)
    network.ir_version = _IR_VERSION
    _remove_notes(network.graph)
    return network


def _remove_notes(graph: onnx.GraphProto) -> None:
    """Remove what the exporter notes at each node and tensor, such as paths of source files."""
    graph.ClearField("metadata_props")
    graph.ClearField("value_info")
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


def store_as_float16(network: onnx.ModelProto, *, min_size: int = 1024) -> None:
    """Store initialisers of at least `min_size` elements as float16, followed by a cast."""
    graph = network.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < min_size:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for index, node in enumerate(casts):
        graph.node.insert(index, node)
