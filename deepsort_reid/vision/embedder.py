"""Crops in, unit embeddings out: any image network in an ONNX file, run by onnxruntime."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.crops import crop_corners, resize_crop
from deepsort_reid.vision.onnx_session import open_onnx

SHIPPED_EMBEDDER = "weights/embedder.onnx"
# Mean and standard deviation of ImageNet in RGB, on the scale 0..255.
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32) * 255
IMAGENET_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32) * 255


class Embedder:
    """Appearance of boxes in a frame: `embedder(frame, xyxy)` gives one unit row per box.

    model: path of an ONNX file with one image input (batch, 3, height, width) and an embedding
        as its first output; None takes the embedder that ships with the package.
    batch_size: crops per run of the network; a model of fixed batch size keeps its own.
    threads: upper limit of CPU threads; None leaves the choice to onnxruntime.

    What the file says in its metadata is followed: `input_height`, `input_width` (needed where
    the graph leaves them open), `channel_order` ("RGB" or "BGR"), `normalisation` ("imagenet",
    the default: (x - mean) / std; "in_graph": the network takes 0..255 and does it itself) and
    `embedding_width`.

    Raises FileNotFoundError for a missing file and ValueError for a model of another layout.
    """

    def __init__(
        self,
        model: Path | str | None = None,
        *,
        batch_size: int = 32,
        threads: int | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        self.name, self._session = _open_model(model, threads)
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        layout = _input_layout(self.name, self._session, self.metadata)
        self.input_size: tuple[int, int] = (layout.height, layout.width)
        self._fixed_batch = layout.batch
        self._batch_size = layout.batch or batch_size
        self._input_name = layout.name
        self._dtype = layout.dtype
        self._bgr = _choice(self.name, self.metadata, "channel_order", ("RGB", "BGR")) == "BGR"
        asked = _choice(self.name, self.metadata, "normalisation", ("imagenet", "in_graph"))
        plain = asked == "in_graph"
        # Per channel in the order of frames, blue first: x * gain + offset.
        self._gain = np.ones(3, np.float32) if plain else 1 / IMAGENET_STD[::-1]
        self._offset = np.zeros(3, np.float32) if plain else -(IMAGENET_MEAN / IMAGENET_STD)[::-1]
        self._output_name: str = self._session.get_outputs()[0].name
        # One run on a black crop says the width for certain, whatever the graph declares.
        black = np.zeros((1, layout.height, layout.width, 3), dtype=np.uint8)
        self.embedding_dim: int = self._run(black).shape[1]

    def __call__(self, frame: Frame, xyxy: ArrayLike) -> NDArray[np.float32]:
        """Embed boxes (M, 4) in pixels of a BGR uint8 frame (H, W, 3) -> (M, width) unit rows.

        Boxes are clipped to the frame; a box that lies fully outside gets a zero row.
        """
        frame = check_frame(frame)
        corners, visible = crop_corners(xyxy, frame.shape[1], frame.shape[0])
        embedding = np.zeros((len(visible), self.embedding_dim), dtype=np.float32)
        crops = [frame[y1:y2, x1:x2] for x1, y1, x2, y2 in corners[visible].tolist()]
        embedding[visible] = self.embed_crops(crops)
        return embedding

    def embed_crops(self, crops: Sequence[Frame]) -> NDArray[np.float32]:
        """Embed BGR uint8 crops of any sizes -> (M, width) unit rows float32."""
        embedding = np.zeros((len(crops), self.embedding_dim), dtype=np.float32)
        for start in range(0, len(crops), self._batch_size):
            some = crops[start : start + self._batch_size]
            batch = np.empty((len(some), *self.input_size, 3), dtype=np.uint8)
            for i, crop in enumerate(some):
                batch[i] = resize_crop(check_frame(crop, f"crop {start + i}"), self.input_size)
            embedding[start : start + len(some)] = self._run(batch)
        return _unit_rows(embedding)

    def _run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Resized BGR crops (B, H, W, 3) -> what the network answers (B, D), not yet unit."""
        count = len(batch)
        if self._fixed_batch and count < self._fixed_batch:
            padding = np.zeros((self._fixed_batch - count, *batch.shape[1:]), dtype=np.uint8)
            batch = np.concatenate([batch, padding])
        planes = np.empty((len(batch), 3, *self.input_size), dtype=np.float32)
        # Plane by plane: much quicker than array arithmetic on interleaved colours.
        for place, colour in enumerate((0, 1, 2) if self._bgr else (2, 1, 0)):
            plane = planes[:, place]
            np.multiply(batch[..., colour], self._gain[colour], out=plane)
            plane += self._offset[colour]
        planes = planes.astype(self._dtype, copy=False)
        output = self._session.run([self._output_name], {self._input_name: planes})[0]
        answer = np.asarray(output, dtype=np.float32)
        if answer.ndim < 2 or len(answer) != len(batch) or answer.size == 0:
            raise ValueError(
                f"{self.name}: expected one embedding per image, (batch, width), "
                f"got an output of shape {answer.shape} for {len(batch)} images"
            )
        if answer[0].size != max(answer.shape[1:]):
            raise ValueError(
                f"{self.name}: expected one vector per image, got an output of shape "
                f"{answer.shape}; is this a detector or a feature map?"
            )
        return answer.reshape(len(batch), -1)[:count]


class _InputLayout(NamedTuple):
    name: str
    batch: int | None  # None: any
    height: int
    width: int
    dtype: type[np.float32] | type[np.float16]


def _open_model(model: Path | str | None, threads: int | None) -> tuple[str, Any]:
    """The name for messages and the opened model."""
    if model is not None:
        return str(model), open_onnx(model, threads=threads)
    shipped = resources.files("deepsort_reid.vision").joinpath(SHIPPED_EMBEDDER)
    if not shipped.is_file():
        raise FileNotFoundError(
            f"this installation has no {SHIPPED_EMBEDDER}: "
            "pass an ONNX file, Embedder('model.onnx')"
        )
    return SHIPPED_EMBEDDER, open_onnx(shipped.read_bytes(), SHIPPED_EMBEDDER, threads=threads)


def _input_layout(name: str, session: Any, metadata: Mapping[str, str]) -> _InputLayout:
    inputs = session.get_inputs()
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
        elif metadata.get(key, "").isdecimal() and int(metadata[key]) > 0:
            sides.append(int(metadata[key]))
        else:
            raise ValueError(
                f"{expected} with a known height and width, got {got} "
                f"and no {key} in the model's metadata"
            )
    fixed = batch if isinstance(batch, int) and batch > 0 else None
    return _InputLayout(inputs[0].name, fixed, sides[0], sides[1], types[inputs[0].type])


def _choice(name: str, metadata: Mapping[str, str], key: str, allowed: tuple[str, ...]) -> str:
    """The value of a metadata key; the first of `allowed` where the model says nothing."""
    value = metadata.get(key, allowed[0])
    if value not in allowed:
        raise ValueError(
            f"{name}: metadata {key}: expected one of {', '.join(allowed)}, got {value!r}"
        )
    return value


def _unit_rows(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length one; a row that has no direction (zero, not finite) becomes zero."""
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    usable = np.isfinite(length) & (length > 1e-12)
    return np.where(usable, embedding / np.where(usable, length, 1), 0).astype(np.float32)
