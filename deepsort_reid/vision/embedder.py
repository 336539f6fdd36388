"""Appearance embedder: an image network in an ONNX file, run by onnxruntime on crops of boxes."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.crops import IMAGENET_MEAN, IMAGENET_STD, cut_crops, resize_crop
from deepsort_reid.vision.devices import CPU_PROVIDER, Provider, select_providers
from deepsort_reid.vision.onnx_session import OnnxSession, check_input_size

# Precision of weights and convolutions -> file.
SHIPPED_EMBEDDERS = {"float32": "weights/embedder.onnx", "int8": "weights/embedder_int8.onnx"}
# Processors for which onnxruntime has fast kernels of 8-bit integers. `platform.machine()` has one
# of these names, in capitals on Windows.
_INT8_MACHINES = frozenset({"x86_64", "amd64", "aarch64", "arm64"})


class Embedder:
    """Computes one embedding of unit length per box: `embedder(frame, xyxy)`.

    Args:
        model: path of an ONNX file with one image input (batch, 3, height, width) and an
            embedding as its first output; None for the embedder that ships with the package.
        batch_size: crops per run of the network; ignored by a model of fixed batch size.
        threads: upper limit of CPU threads; None leaves the choice to onnxruntime.
        device: where the network runs: "cpu", "cuda", "cuda:1", "tensorrt", "openvino",
            "directml" or "coreml". All but "cpu" need another build of onnxruntime.
        providers: execution providers of onnxruntime in order of preference, each a name or a
            pair (name, {option: value}); instead of `device`.
        precision: of the shipped embedder: "float32", or "int8", which computes in 8-bit integers;
            None for int8 on the CPU and float32 elsewhere. The embeddings of the two differ
            little and can be compared.

    An embedder can be pickled and copied; the copy opens the file, or the shipped one, again.

    Metadata of the file that is used: `input_height` and `input_width` (required where the graph
    leaves them open), `channel_order` ("RGB", the default, or "BGR") and `normalisation`
    ("imagenet", the default: (x - mean) / std; or "in_graph": the network takes 0 to 255).

    Attributes:
        name: path of the model, for messages.
        identity: name and SHA-256 of the file: embeddings of equal identity can be compared.
        metadata: all metadata of the file.
        precision: "float32" or "int8" of the shipped embedder; None of another model.
        input_size: (height, width) of a resized crop.
        embedding_dim: length of an embedding.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the model has other inputs or outputs; there is no such precision, or one is
            given for a model of your own; or the installed onnxruntime does not have the device or
            provider, the message names those it has and what to install.
    """

    def __init__(
        self,
        model: Path | str | None = None,
        *,
        batch_size: int = 32,
        threads: int | None = None,
        device: str = "cpu",
        providers: Sequence[Provider] | None = None,
        precision: str | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        if model is None:
            precision = precision or default_precision(device, providers)
            source = partial(_existing_shipped_embedder, precision)
            self._session = OnnxSession(
                source,
                _shipped_name(precision),
                threads=threads,
                device=device,
                providers=providers,
            )
        elif precision is not None:
            raise ValueError(
                f"precision: expected None for {model}, which has one only, got {precision!r}"
            )
        else:
            self._session = OnnxSession(model, threads=threads, device=device, providers=providers)
        self.name: str = self._session.name
        self.identity: str = _identity(model)
        self.precision = precision
        self.metadata = self._session.metadata
        layout = _input_layout(self._session)
        self.input_size: tuple[int, int] = (layout.height, layout.width)
        self._fixed_batch = layout.batch
        self._batch_size = layout.batch or batch_size
        self._dtype = layout.dtype
        order = _metadata_choice(self.name, self.metadata, "channel_order", ("RGB", "BGR"))
        self._channels = (0, 1, 2) if order == "BGR" else (2, 1, 0)  # of a frame, which is BGR
        options = ("imagenet", "in_graph")
        normalisation = _metadata_choice(self.name, self.metadata, "normalisation", options)
        self._gain, self._offset = _gain_and_offset(normalisation)
        self._output_name: str = self._session.outputs[0].name
        # The declared output shape may be open or wrong: run the network once.
        black = np.zeros((1, layout.height, layout.width, 3), dtype=np.uint8)
        self.embedding_dim: int = self._run(black).shape[1]

    def __repr__(self) -> str:
        height, width = self.input_size
        return f"Embedder({self.name}, {self.embedding_dim}-d of {height}x{width})"

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers of onnxruntime that are used, in order of preference."""
        return self._session.providers

    def __call__(self, frame: Frame, xyxy: ArrayLike) -> NDArray[np.float32]:
        """Embed boxes (M, 4) in pixels of a BGR uint8 frame (H, W, 3).

        Returns float32 (M, embedding_dim) of unit length. Boxes are clipped to the frame; a box
        fully outside gets a zero row. Raises ValueError for another kind of frame or boxes.
        """
        crops, visible = cut_crops(frame, xyxy)
        embedding = np.zeros((len(visible), self.embedding_dim), dtype=np.float32)
        embedding[visible] = self.embed_crops(crops)
        return embedding

    def embed_crops(self, crops: Sequence[Frame]) -> NDArray[np.float32]:
        """Embed M BGR uint8 crops of any size; float32 (M, embedding_dim) of unit length."""
        embedding = np.zeros((len(crops), self.embedding_dim), dtype=np.float32)
        for start in range(0, len(crops), self._batch_size):
            chunk = crops[start : start + self._batch_size]
            batch = np.empty((len(chunk), *self.input_size, 3), dtype=np.uint8)
            for i, crop in enumerate(chunk):
                batch[i] = resize_crop(check_frame(crop, f"crop {start + i}"), self.input_size)
            embedding[start : start + len(chunk)] = self._run(batch)
        return _normalize_rows(embedding)

    def _run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Resized BGR crops (B, H, W, 3) -> output of the network (B, D), not normalised."""
        count = len(batch)
        if self._fixed_batch and count < self._fixed_batch:
            padding = np.zeros((self._fixed_batch - count, *batch.shape[1:]), dtype=np.uint8)
            batch = np.concatenate([batch, padding])
        planes = np.empty((len(batch), 3, *self.input_size), dtype=np.float32)
        # Plane by plane: much faster than array arithmetic on interleaved channels.
        for index, channel in enumerate(self._channels):
            plane = planes[:, index]
            np.multiply(batch[..., channel], self._gain[channel], out=plane)
            plane += self._offset[channel]
        planes = planes.astype(self._dtype, copy=False)
        output = np.asarray(self._session.run(planes, [self._output_name])[0], dtype=np.float32)
        if output.ndim < 2 or len(output) != len(batch) or output.size == 0:
            raise ValueError(
                f"{self.name}: expected one embedding per image, (batch, width), "
                f"got an output of shape {output.shape} for {len(batch)} images"
            )
        if output[0].size != max(output.shape[1:]):
            raise ValueError(
                f"{self.name}: expected one vector per image, got an output of shape "
                f"{output.shape}; is this a detector or a feature map?"
            )
        return output.reshape(len(batch), -1)[:count]


def shipped_embedder_path(precision: str = "float32") -> Path:
    """Path of the ONNX file that ships with the package; it may be missing.

    Raises ValueError for a precision in which it does not ship.
    """
    return Path(str(resources.files("deepsort_reid.vision").joinpath(_shipped_name(precision))))


def default_precision(device: str = "cpu", providers: Sequence[Provider] | None = None) -> str:
    """Precision of the shipped embedder on a device, where none is asked for.

    Raises ValueError as `Embedder` for an unknown device.
    """
    (provider, _), *_ = select_providers(device, providers)
    is_fast = platform.machine().lower() in _INT8_MACHINES
    return "int8" if provider == CPU_PROVIDER and is_fast else "float32"


class _InputLayout(NamedTuple):
    batch: int | None  # None: any
    height: int
    width: int
    dtype: type[np.float32] | type[np.float16]


def _shipped_name(precision: str) -> str:
    """File name in the package; ValueError for another precision."""
    if precision not in SHIPPED_EMBEDDERS:
        raise ValueError(
            f"precision: expected one of {', '.join(SHIPPED_EMBEDDERS)}, got {precision!r}"
        )
    return SHIPPED_EMBEDDERS[precision]


def _existing_shipped_embedder(precision: str) -> Path:
    """Path of the ONNX file that ships with the package; FileNotFoundError where it is missing."""
    path = shipped_embedder_path(precision)
    if not path.is_file():
        raise FileNotFoundError(
            f"this installation has no {_shipped_name(precision)}: "
            "pass an ONNX file, Embedder('model.onnx')"
        )
    return path


def _identity(model: Path | str | None) -> str:
    """Name and hash of a file; the embeddings of the shipped ones can be compared."""
    name = "shipped embedder" if model is None else Path(model).name
    path = shipped_embedder_path("float32") if model is None else Path(model)
    return f"{name} (sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]})"


def _input_layout(session: OnnxSession) -> _InputLayout:
    name, inputs, metadata = session.name, session.inputs, session.metadata
    got = ", ".join(f"{i.name} {i.shape} {i.type}" for i in inputs)
    expected = f"{name}: expected one image input (batch, 3, height, width)"
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        raise ValueError(f"{expected}, got {got}")
    types: dict[str, type[np.float32] | type[np.float16]] = {
        "tensor(float)": np.float32,
        "tensor(float16)": np.float16,
    }
    if inputs[0].type not in types:
        raise ValueError(f"{expected} of float32 or float16, got {got}")
    batch, channels, height, width = inputs[0].shape
    if isinstance(channels, int) and channels != 3:
        last = " (channels last)" if width == 3 else ""
        raise ValueError(f"{expected}, got {got}{last}")
    sides = []
    for side, key in ((height, "input_height"), (width, "input_width")):
        if isinstance(side, int) and side > 0:
            sides.append(side)
        elif _is_size(metadata.get(key, "")):
            sides.append(int(metadata[key]))
        else:
            raise ValueError(
                f"{expected} with a known height and width, got {got} "
                f"and no {key} in the model's metadata"
            )
    fixed = batch if isinstance(batch, int) and batch > 0 else None
    check_input_size(name, (fixed, 3, *sides))
    return _InputLayout(fixed, sides[0], sides[1], types[inputs[0].type])


def _is_size(text: str) -> bool:
    """Whether a metadata value is a number above 0; of 5,000 digits Python would make no number."""
    return text.isdecimal() and len(text) < 20 and int(text) > 0


def _metadata_choice(
    name: str, metadata: Mapping[str, str], key: str, allowed: tuple[str, ...]
) -> str:
    """Value of a metadata key; the first of `allowed` when the model has none."""
    value = metadata.get(key, allowed[0])
    if value not in allowed:
        raise ValueError(
            f"{name}: metadata {key}: expected one of {', '.join(allowed)}, got {value!r}"
        )
    return value


def _gain_and_offset(normalisation: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Per channel in BGR order, the gain and offset of x * gain + offset for pixels x."""
    if normalisation == "in_graph":
        return np.ones(3, np.float32), np.zeros(3, np.float32)
    mean = np.array(IMAGENET_MEAN[::-1], dtype=np.float32)
    std = np.array(IMAGENET_STD[::-1], dtype=np.float32)
    return np.asarray(1 / std, np.float32), np.asarray(-mean / std, np.float32)


def _normalize_rows(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to unit length; a row that is zero or not finite becomes zero."""
    norm = np.linalg.norm(embedding, axis=1, keepdims=True)
    usable = np.isfinite(norm) & (norm > 1e-12)
    return np.where(usable, embedding / np.where(usable, norm, 1), 0).astype(np.float32)
