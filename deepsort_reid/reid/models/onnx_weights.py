"""Models rebuilt from ONNX files of `export_onnx`, to be trained further without a checkpoint."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from deepsort_reid.reid.export import ARCHITECTURE_KEY, MIN_COSINE
from deepsort_reid.reid.models.backbones import BACKBONES
from deepsort_reid.reid.models.pooling import POOLINGS
from deepsort_reid.reid.models.reid_model import ReidModel, embed_images
from deepsort_reid.reid.training.checkpoint import build_model
from deepsort_reid.vision.crops import resize_crop
from deepsort_reid.vision.embedder import Embedder

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d)
# Tensors of the normalisation nodes of a graph, in their order.
_NORM_TENSORS = {
    "InstanceNormalization": ("weight", "bias"),
    "BatchNormalization": ("weight", "bias", "running_mean", "running_var"),
}
_LINEAR_NODES = ("Gemm", "MatMul")


class _Layer(NamedTuple):
    """Node with weights in an ONNX graph."""

    kind: str  # op_type of the node
    tensors: list[Tensor]  # weight and bias, or those of _NORM_TENSORS


class _LoadedLayer(NamedTuple):
    """Convolution or linear layer, and the bias of the normalisation that was folded into it."""

    module: Any
    bias: Tensor | None


def load_onnx_model(path: Path | str) -> tuple[ReidModel, dict[str, Any]]:
    """Rebuild the model of an ONNX file of `export_onnx` in evaluation mode, and its architecture.

    The exporter folds batch normalisations into the layers before them. Here such a layer gets a
    normalisation that changes nothing; before a training call `set_norm_statistics`. The result is
    compared with the file on random images.

    Raises as `Embedder`, and ValueError when the file is of another architecture.
    """
    path = Path(path)
    embedder = Embedder(path)  # refuses files that are no embedders
    layers = _layers(onnx.load(path).graph)
    architecture = _architecture(embedder, layers, path)
    model = build_model(architecture)
    height, width = embedder.input_size
    load_layers(model, layers, torch.zeros(1, 3, height, width), path)
    images = _random_images(height, width)
    expected = embedder.embed_crops([np.ascontiguousarray(image[..., ::-1]) for image in images])
    cosine = float((embed_images(model, images).numpy() * expected).sum(1).min())
    if not cosine >= MIN_COSINE:
        raise ValueError(
            f"{path}: the model rebuilt from its weights differs from the file (expected a cosine "
            f"of at least {MIN_COSINE}, got {cosine:.4f}); give the checkpoint of its training"
        )
    return model, {**architecture, "input_size": [height, width]}


def load_onnx_backbone(backbone: nn.Module, path: Path | str) -> None:
    """Load the weights of the first layers of an ONNX file of `export_onnx` into a backbone.

    Raises as `Embedder`, and ValueError when these layers are of another backbone.
    """
    path = Path(path)
    Embedder(path)  # refuses files that are no embedders
    layers = _layers(onnx.load(path).graph)
    load_layers(backbone, layers, torch.zeros(1, 3, 64, 32), path, is_prefix=True)


def load_layers(
    module: nn.Module,
    layers: Sequence[_Layer],
    images: Tensor,
    path: Path,
    *,
    is_prefix: bool = False,
) -> None:
    """Load the layers of a graph into the layers of `module`, in the order of their execution.

    images: any input of the module. is_prefix: the graph may have more layers than the module.
    Raises ValueError when the layers of the graph are others.
    """
    remaining = list(layers)
    last: _LoadedLayer | None = None
    with torch.no_grad():
        for target in _executed_layers(module, images):
            is_norm = isinstance(target, _NORMS)
            if is_norm and last and not (remaining and remaining[0].kind in _NORM_TENSORS):
                _unfold(last, target)
                continue
            while remaining and not _fits(target, remaining[0]) and remaining[0].kind == "MatMul":
                remaining.pop(0)  # of a pooling with constant weights
            if not remaining or not _fits(target, remaining[0]):
                position = len(layers) - len(remaining) + 1
                raise ValueError(
                    f"{path}: layer {position} with weights is not {type(target).__name__} "
                    f"{tuple(target.weight.shape)}; expected a file that this package exported"
                )
            layer = remaining.pop(0)
            _copy(layer, target)
            if not is_norm:
                last = _LoadedLayer(target, layer.tensors[1] if len(layer.tensors) > 1 else None)
    if remaining and not is_prefix:
        raise ValueError(
            f"{path}: expected {len(layers) - len(remaining)} layers with weights, got "
            f"{len(layers)}; a file exported with --flip-tta cannot be trained further"
        )
    module.eval()


def set_norm_statistics(model: ReidModel, images: NDArray[np.uint8] | Tensor) -> None:
    """Give all batch normalisations the statistics of `images`; the model computes the same.

    In training mode, the batch statistics replace those of the model, so that the model must have
    statistics of such images first. images: RGB uint8 (N, H, W, 3).
    """
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    sums: dict[nn.Module, Tensor]
    sums = {norm: torch.zeros(2, norm.num_features, dtype=torch.float64) for norm in norms}
    counts: Counter[nn.Module] = Counter()

    def add(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        rows = inputs[0].detach().double().transpose(0, 1).flatten(1)  # (C, values)
        sums[norm] += torch.stack([rows.sum(1), rows.square().sum(1)]).cpu()
        counts[norm] += rows.shape[1]

    hooks = [norm.register_forward_pre_hook(add) for norm in norms]
    embed_images(model, images)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        for norm in norms:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            mean, square = (sums[norm] / counts[norm]).to(norm.running_mean)
            variance = (square - mean.square()).clamp(min=0)
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            norm.bias.add_((mean - norm.running_mean) * gain)
            norm.weight.copy_(gain * (variance + norm.eps).sqrt())
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)


def _layers(graph: onnx.GraphProto) -> list[_Layer]:
    """The layers with weights, in the order of the graph; weights as in the modules of torch."""
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    layers = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in values:  # weights stored as float16
            values[node.output[0]] = values[node.input[0]]
        is_layer = node.op_type in ("Conv", *_LINEAR_NODES, *_NORM_TENSORS)
        if not is_layer or len(node.input) < 2 or node.input[1] not in values:
            continue
        tensors = [
            torch.tensor(values[name], dtype=torch.float32)
            for name in node.input[1:]
            if name in values
        ]
        is_transposed = any(item.name == "transB" and item.i for item in node.attribute)
        if node.op_type in _LINEAR_NODES and not is_transposed:
            tensors[0] = tensors[0].T.contiguous()
        layers.append(_Layer(node.op_type, tensors))
    return layers


def _architecture(embedder: Embedder, layers: Sequence[_Layer], path: Path) -> dict[str, Any]:
    """Architecture in the metadata of a file; without it, one found by the shapes of its weights.

    Raises ValueError when there is none.
    """
    if ARCHITECTURE_KEY in embedder.metadata:
        return _stored_architecture(embedder.metadata[ARCHITECTURE_KEY], path)
    found = next(_matching_architectures(layers), None)
    if found is None:
        raise ValueError(
            f"{path}: expected a file that this package exported, got another architecture; its "
            "weights cannot be trained further"
        )
    return found


def _stored_architecture(text: str, path: Path) -> dict[str, Any]:
    """Architecture in the metadata of a file; ValueError when it is no JSON object."""
    try:
        return dict(json.loads(text))
    except (RecursionError, TypeError, ValueError) as error:
        reason = f"metadata {ARCHITECTURE_KEY}: expected a JSON object, got {text[:40]!r}"
        raise ValueError(f"{path}: {reason}") from error


def _matching_architectures(layers: Sequence[_Layer]) -> Iterator[dict[str, Any]]:
    """Architectures whose convolutions and head have the shapes of `layers`."""
    expected = Counter(_weight_shape(layer) for layer in layers if layer.kind == "Conv")
    weights = [layer.tensors[0] for layer in layers if layer.kind in _LINEAR_NODES]
    for name, make_backbone in BACKBONES.items():
        with torch.device("meta"):  # shapes only
            backbone, width = make_backbone()
        convolutions = [m for m in backbone.modules() if isinstance(m, nn.Conv2d)]
        if not convolutions or Counter(tuple(m.weight.shape) for m in convolutions) != expected:
            continue
        for pooling, module in POOLINGS.items():
            # The pooling may have constant weights of other shapes.
            linear = [each for each in weights if each.shape[1] in (module.vectors * width, width)]
            if linear and linear[0].shape[1] == module.vectors * width:
                yield {
                    "backbone": name,
                    "embedding_dim": sum(len(weight) for weight in linear),
                    "pooling": pooling,
                    "parts": len(linear) - 1,
                }


def _weight_shape(layer: _Layer) -> tuple[int, ...]:
    return tuple(layer.tensors[0].shape)


def _executed_layers(module: nn.Module, images: Tensor) -> list[Any]:
    """The layers with weights, in the order in which they are executed."""
    executed: list[Any] = []
    kinds = (nn.Conv2d, nn.Linear, *_NORMS)
    hooks = [
        layer.register_forward_hook(lambda layer, *_: executed.append(layer))
        for layer in module.modules()
        if isinstance(layer, kinds)
    ]
    with torch.inference_mode():
        module.eval()(images)
    for hook in hooks:
        hook.remove()
    return executed


def _fits(target: Any, layer: _Layer) -> bool:
    """Whether `target` is a layer of the kind and shape of `layer`."""
    kinds: dict[str, Any] = {"Conv": nn.Conv2d, "InstanceNormalization": nn.InstanceNorm2d}
    kinds |= dict.fromkeys(_LINEAR_NODES, nn.Linear)
    expected = kinds.get(layer.kind, nn.BatchNorm1d | nn.BatchNorm2d)
    return isinstance(target, expected) and tuple(target.weight.shape) == _weight_shape(layer)


def _copy(layer: _Layer, target: Any) -> None:
    """Copy the tensors of a layer; a missing bias, which the exporter omits, is zero."""
    names = _NORM_TENSORS.get(layer.kind, ("weight", "bias"))
    if target.bias is not None:
        target.bias.zero_()
    for name, tensor in zip(names, layer.tensors, strict=False):
        if getattr(target, name) is not None:  # the bias of a folded normalisation
            getattr(target, name).copy_(tensor)


def _unfold(layer: _LoadedLayer, norm: Any) -> None:
    """Set a normalisation that was folded into the layer before it.

    The weights of the layer get the standard deviation of Kaiming initialisation, for which
    learning rates are chosen; the normalisation reverts that scale and adds the bias.
    """
    weight = layer.module.weight
    scale = (2 / weight[0].numel()) ** 0.5 / weight.std().clamp(min=1e-12)
    weight *= scale
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(float(1 / scale))
    norm.bias.zero_()
    if layer.bias is not None:
        norm.bias.copy_(layer.bias)


def _random_images(height: int, width: int) -> NDArray[np.uint8]:
    """Images (8, height, width, 3) of coloured patches, from a fixed seed."""
    patches = np.random.default_rng(0).integers(0, 256, (8, 8, 4, 3), np.uint8)
    return np.stack([resize_crop(image, (height, width)) for image in patches])
