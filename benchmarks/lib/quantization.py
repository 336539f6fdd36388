"""int8 copies of embedders, made by static quantisation of onnxruntime, and their comparison.

Weights have one scale per output channel and 7 bits: on processors with AVX2 but without VNNI, a
sum of two products of 8-bit weights would saturate. Activations have 8 bits.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from deepsort_reid import Embedder
from deepsort_reid.reid.data.datasets import Sample, load_images
from deepsort_reid.reid.export import ARCHITECTURE_KEY, store_as_float16

CALIBRATION_CROPS, TEST_CROPS = 256, 512
SOURCE_KEY = "float32_sha256"  # metadata of an int8 file: SHA-256 of the file it was made from

# Everything else stays in float32. In instance normalisations the errors of channels with a small
# range would grow; the linear layer at the end takes little time, and its errors are those of the
# embedding.
_OPERATORS = ["Conv", "Relu", "Add"]

# Inputs of normalisations that change where their input is multiplied by a factor, and by which
# power of it: weight and running mean of a batch normalisation, whose variance can stay then.
_SCALED_PARAMETERS: dict[str, dict[int, float]] = {
    "InstanceNormalization": {},
    "BatchNormalization": {1: -1.0, 3: 1.0},
}


def split_crops(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Return crops for calibration and for the test, of different identities, in fixed order."""
    identities = sorted({sample.identity for sample in samples})
    shuffled = np.random.default_rng(0).permutation(len(identities))
    first = {identities[k] for k in shuffled[: len(identities) // 2]}
    rng = np.random.default_rng(1)
    halves = ([s for s in samples if (s.identity in first) is chosen] for chosen in (True, False))
    return tuple(
        [half[row] for row in rng.permutation(len(half))[:count]]
        for half, count in zip(halves, (CALIBRATION_CROPS, TEST_CROPS), strict=True)
    )


def quantize(source: Path, target: Path, calibration: Sequence[Sample]) -> Path:
    """Write an embedder with int8 weights and activations."""
    # Weights of normalisations have no axis for per-channel scales, which is warned about.
    logging.getLogger().setLevel(logging.ERROR)
    embedder = Embedder(source)
    planes = network_input(calibration, embedder.input_size)
    prepared = target.with_suffix(".prepared")
    try:
        # Folds the casts of weights that are stored as float16: only constants are quantised.
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        network = onnx.load(prepared)
        equalize_channels(network, planes)
        quantize_static(
            network,
            target,
            _Calibration(embedder_input(source), planes),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_OPERATORS,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
        )
    finally:
        prepared.unlink(missing_ok=True)
    network = onnx.load(target)
    store_as_float16(network)
    content = hashlib.sha256(source.read_bytes()).hexdigest()
    metadata = {**embedder.metadata, SOURCE_KEY: content}  # input size, normalisation and others
    metadata.pop(ARCHITECTURE_KEY, None)  # its weights are no start of a training
    onnx.helper.set_model_props(network, metadata)
    onnx.save(network, target)
    return target


def equalize_channels(network: onnx.ModelProto, planes: NDArray[np.float32]) -> None:
    """Give the output channels of convolutions before IBN normalisations a common range, in place.

    All channels of an activation have one scale. Instance-batch normalisation (IBN, Pan et al.
    2018) has an instance normalisation of one half of the channels and a batch normalisation of the
    other. The first undoes a factor of a channel by itself, the second by its parameters, so the
    network stays the same. Factors of channels that go elsewhere are left alone.

    Args:
        network: its convolutions have no bias where IBN follows.
        planes: images (N, 3, H, W) on which the ranges are measured.
    """
    nodes, tensors = network.graph.node, {each.name: each for each in network.graph.initializer}
    users = {name: [n for n in nodes if name in n.input] for n in nodes for name in n.output}
    convolutions = [
        each
        for each in nodes
        if each.op_type == "Conv"
        and len(each.input) == 2
        and {n.op_type for n in users[each.output[0]]} == {"Slice"}
    ]
    for convolution in convolutions:
        output = convolution.output[0]
        largest = _largest_values(network, output, planes)
        factor = np.median(largest) / np.maximum(largest, 1e-6)
        norms = []
        for cut in users[output]:
            first, end = (int(numpy_helper.to_array(tensors[n])[0]) for n in cut.input[1:3])
            norms += [(norm, factor[first:end]) for norm in users[cut.output[0]]]
        if not {norm.op_type for norm, _ in norms} <= set(_SCALED_PARAMETERS):
            continue
        _multiply_input(network, convolution, 1, factor)
        for norm, part in norms:
            for position, power in _SCALED_PARAMETERS[norm.op_type].items():
                _multiply_input(network, norm, position, part**power)


def _multiply_input(
    network: onnx.ModelProto, node: onnx.NodeProto, position: int, factor: NDArray[np.float32]
) -> None:
    """Multiply a constant input of a node along its first axis."""
    name = node.input[position]
    (values,) = (
        numpy_helper.to_array(each) for each in network.graph.initializer if each.name == name
    )
    scaled = values * factor.reshape(-1, *[1] * (values.ndim - 1))
    # A tensor of its own: other nodes may use the same constant.
    node.input[position] = f"{name}_of_{node.name}"
    network.graph.initializer.append(
        numpy_helper.from_array(scaled.astype(values.dtype), node.input[position])
    )


def _largest_values(
    network: onnx.ModelProto, tensor: str, planes: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Largest absolute values (C,) of the channels of a tensor (B, C, H, W) over the images."""
    extended = onnx.ModelProto()
    extended.CopyFrom(network)
    extended.graph.output.append(onnx.helper.make_empty_tensor_value_info(tensor))
    session = open_session(extended.SerializeToString())
    name = session.get_inputs()[0].name
    batches = np.array_split(planes, -(-len(planes) // 32))
    values = [np.abs(session.run([tensor], {name: each})[0]).max((0, 2, 3)) for each in batches]
    return np.asarray(np.max(values, axis=0))


class _Calibration(CalibrationDataReader):
    """Batches of calibration images for onnxruntime."""

    def __init__(self, name: str, planes: NDArray[np.float32]) -> None:
        self._batches = iter([{name: batch} for batch in np.array_split(planes, 8)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._batches, None)


def network_input(samples: Sequence[Sample], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return crops (N, 3, H, W), RGB in 0..255, as networks of `export_onnx` take them."""
    images, _, _ = load_images(samples, *size)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)


def embedder_input(path: Path) -> str:
    """Return the name of the input of a network."""
    return str(onnx.load(path, load_external_data=False).graph.input[0].name)


def cosine_between(one: Path, other: Path, samples: Sequence[Sample]) -> NDArray[np.float32]:
    """Return the cosine (N,) between the embeddings of two networks for each crop."""
    planes = network_input(samples, Embedder(one).input_size)
    rows = []
    for path in (one, other):
        session = open_session(path)
        batches = [session.run(None, {session.get_inputs()[0].name: b})[0]
                   for b in np.array_split(planes, 16)]  # fmt: skip
        rows.append(np.concatenate(batches))
    lengths = [np.linalg.norm(each, axis=1) for each in rows]
    return np.asarray((rows[0] * rows[1]).sum(1) / (lengths[0] * lengths[1]))


def open_session(model: Path | bytes) -> Any:
    """Open a network on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
