"""YOLOX detector (Ge et al. 2021) on ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.detectors.letterbox import letterbox
from deepsort_reid.vision.detectors.postprocess import (
    check_classes,
    check_fraction,
    clip_to_frame,
    nms_per_class,
)
from deepsort_reid.vision.devices import Provider
from deepsort_reid.vision.onnx_session import OnnxSession, as_session

STRIDES = (8, 16, 32)  # network pixels per grid cell of the three output levels


class YoloxDetector:
    """A YOLOX network (Ge et al. 2021) in an ONNX file as written by its exporters.

    Boxes are clipped to the frame; class_id is the class number of the model.

    Args:
        model: ONNX file with one input (1, 3, height, width) and one output
            (1, anchors, 5 + classes); or an open session of one.
        min_score: detections with a lower score are dropped. A tracker uses low scores to
            continue existing tracks.
        max_iou: of two boxes of one class that overlap by more, the lower score is dropped.
        classes: class numbers to keep (COCO: 0 is a person); None for all.
        threads: upper limit of CPU threads; None leaves the choice to onnxruntime.
        device: where the network runs, as for `Embedder`.
        providers: execution providers of onnxruntime, as for `Embedder`.

    A detector can be pickled and copied; the copy opens the file again.

    Attributes:
        input_size: (height, width) of a resized frame.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the model has other inputs or outputs, an argument is out of range, or the
            installed onnxruntime does not have the device or provider.
    """

    def __init__(
        self,
        model: Path | str | OnnxSession,
        *,
        min_score: float = 0.1,
        max_iou: float = 0.65,
        classes: Sequence[int] | None = (0,),
        threads: int | None = None,
        device: str = "cpu",
        providers: Sequence[Provider] | None = None,
    ) -> None:
        check_fraction("min_score", min_score)
        check_fraction("max_iou", max_iou)
        session = as_session(model, threads=threads, device=device, providers=providers)
        self._session = session
        self._min_score = min_score
        self._max_iou = max_iou
        expected = (
            f"{session.name}: expected a YOLOX model, images (1, 3, H, W) -> (1, anchors, 5 + C)"
        )
        got = session.describe()
        shape = session.inputs[0].shape
        if (
            len(session.inputs) != 1
            or len(session.outputs) != 1
            or len(shape) != 4
            or shape[1] != 3
        ):
            raise ValueError(f"{expected}, got {got}")
        if not all(isinstance(side, int) and side % STRIDES[-1] == 0 for side in shape[2:]):
            raise ValueError(f"{expected} with H and W multiples of {STRIDES[-1]}, got {got}")
        self.input_size: tuple[int, int] = (shape[2], shape[3])  # height, width
        self._cell, self._stride = anchor_grid(*self.input_size)
        output = self._run(np.zeros((1, 3, *self.input_size), dtype=np.float32))
        if output.ndim != 3 or output.shape[1] != len(self._stride) or output.shape[2] < 6:
            raise ValueError(f"{expected}, {len(self._stride)} anchors, got {output.shape}")
        # Some exporters decode boxes inside the network. Sizes that are too large for logarithms
        # of pixels are pixels.
        self._is_decoded = bool(output[..., 2:4].max() > np.log(max(self.input_size)) + 4)
        self._classes = check_classes(classes, output.shape[2] - 5)

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers of onnxruntime that are used, in order of preference."""
        return self._session.providers

    def __call__(self, frame: Frame) -> Detections:
        """Detect in one BGR uint8 frame (H, W, 3); ValueError for another kind of array."""
        frame = check_frame(frame)
        image, scale = letterbox(frame, self.input_size)
        output = self._run(image.transpose(2, 0, 1)[None].astype(np.float32))[0]
        per_class = output[:, 4:5] * output[:, 5:][:, self._classes]  # (A, C)
        best = per_class.argmax(axis=1)
        score = np.take_along_axis(per_class, best[:, None], axis=1)[:, 0].astype(np.float64)
        anchor = np.flatnonzero(score >= self._min_score)
        xyxy = self._decode(output[anchor, :4], anchor) / scale
        score, class_id = score[anchor], self._classes[best[anchor]]
        kept = nms_per_class(xyxy, score, class_id, self._max_iou)
        return clip_to_frame(xyxy[kept], score[kept], class_id[kept], frame.shape[1::-1])

    def _run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._session.run(images)[0], dtype=np.float32)

    def _decode(self, output: NDArray[np.float32], anchor: NDArray[np.intp]) -> boxes.Boxes:
        """Offsets from grid cells and logarithms of sizes (A, 4) -> xyxy in network pixels."""
        raw = output.astype(np.float64)
        if self._is_decoded:
            return boxes.xywh_to_xyxy(raw)
        stride = self._stride[anchor, None]
        centre = (raw[:, :2] + self._cell[anchor]) * stride
        return boxes.xywh_to_xyxy(np.concatenate([centre, np.exp(raw[:, 2:]) * stride], axis=1))


def anchor_grid(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grid cell (A, 2) and stride (A,) of each anchor, in the order of the output rows."""
    cells, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        strides.append(np.full(x.size, stride))
    return (
        np.concatenate(cells).astype(np.float64),
        np.concatenate(strides).astype(np.float64),
    )
