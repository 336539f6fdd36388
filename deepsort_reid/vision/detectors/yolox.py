"""YOLOX detector (Ge et al. 2021) on ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.vision.detectors.postprocess import _check_share, _checked_classes, _inside
from deepsort_reid.vision.onnx_session import open_onnx


class YoloxDetector:
    """A YOLOX network (Ge et al. 2021) in an ONNX file, as its exporters write it.

    model: ONNX file with one input (1, 3, height, width) and one output (1, anchors, 5 + classes).
    min_score: boxes below are left out; low ones are worth keeping for a tracker that continues
        tracks with them. max_iou: of two boxes that overlap by more the lower one falls.
    classes: numbers of the classes to keep (COCO: 0 is a person), None for all.
    threads: upper limit of CPU threads.

    Boxes come clipped to the frame. Raises FileNotFoundError, and ValueError for a model of
    another layout or a frame that is not BGR uint8.
    """

    def __init__(
        self,
        model: Path | str,
        *,
        min_score: float = 0.1,
        max_iou: float = 0.65,
        classes: Sequence[int] | None = (0,),
        threads: int | None = None,
    ) -> None:
        _check_share("min_score", min_score)
        _check_share("max_iou", max_iou)
        self._session = open_onnx(model, threads=threads)
        self._min_score = min_score
        self._max_iou = max_iou
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        got = ", ".join(f"{i.name} {i.shape}" for i in (*inputs, *outputs))
        expected = f"{model}: expected a YOLOX model, images (1, 3, H, W) -> (1, anchors, 5 + C)"
        shape = inputs[0].shape
        if len(inputs) != 1 or len(outputs) != 1 or len(shape) != 4 or shape[1] != 3:
            raise ValueError(f"{expected}, got {got}")
        if not all(isinstance(side, int) and side % 32 == 0 for side in shape[2:]):
            raise ValueError(f"{expected} with H and W multiples of 32, got {got}")
        self.input_size: tuple[int, int] = (shape[2], shape[3])
        self._input_name: str = inputs[0].name
        self._origin, self._stride = _anchors(*self.input_size)
        answer = self._run(np.zeros((1, 3, *self.input_size), dtype=np.float32))
        if answer.ndim != 3 or answer.shape[1] != len(self._stride) or answer.shape[2] < 6:
            raise ValueError(f"{expected}, {len(self._stride)} anchors, got {answer.shape}")
        # Some exporters decode inside the network. Sizes tell: as logarithms they would be beyond
        # any picture.
        self._in_pixels = bool(answer[..., 2:4].max() > np.log(max(self.input_size)) + 4)
        self._classes = _checked_classes(classes, answer.shape[2] - 5)

    def __call__(self, frame: Frame) -> Detections:
        """Detect in one BGR uint8 frame (H, W, 3); class_id is the model's class number."""
        frame = check_frame(frame)
        image, scale = letterbox(frame, self.input_size)
        answer = self._run(image.transpose(2, 0, 1)[None].astype(np.float32))[0]
        per_class = answer[:, 4:5] * answer[:, 5:][:, self._classes]  # (A, C)
        best = per_class.argmax(axis=1)
        score = np.take_along_axis(per_class, best[:, None], axis=1)[:, 0].astype(np.float64)
        sure = np.flatnonzero(score >= self._min_score)
        xyxy = self._decode(answer[sure, :4], sure) / scale
        return _suppressed(
            xyxy, score[sure], self._classes[best[sure]], self._max_iou, frame.shape[1::-1]
        )

    def _run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._session.run(None, {self._input_name: images})[0], dtype=np.float32)

    def _decode(self, answer: NDArray[np.float32], anchor: NDArray[np.intp]) -> boxes.Boxes:
        """Offsets from grid cells and logarithms of sizes (A, 4) -> xyxy in network pixels."""
        raw = answer.astype(np.float64)
        if self._in_pixels:
            return boxes.xywh_to_xyxy(raw)
        stride = self._stride[anchor, None]
        centre = (raw[:, :2] + self._origin[anchor]) * stride
        return boxes.xywh_to_xyxy(np.concatenate([centre, np.exp(raw[:, 2:]) * stride], axis=1))


def letterbox(frame: Frame, size: tuple[int, int]) -> tuple[Frame, float]:
    """Fit a frame into `size` = (height, width) at the top left, grey around; and the scale."""
    scale = min(size[0] / frame.shape[0], size[1] / frame.shape[1])
    height = max(int(frame.shape[0] * scale), 1)
    width = max(int(frame.shape[1] * scale), 1)
    image = np.full((*size, 3), 114, dtype=np.uint8)
    image[:height, :width] = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
    return image, scale


def _anchors(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grid cell (A, 2) and stride (A,) of every anchor, in the order of the output rows."""
    origins, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[: height // stride, : width // stride]
        origins.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        strides.append(np.full(x.size, stride))
    return (
        np.concatenate(origins).astype(np.float64),
        np.concatenate(strides).astype(np.float64),
    )


def _suppressed(
    xyxy: boxes.Boxes,
    score: NDArray[np.float64],
    class_id: NDArray[np.int64],
    max_iou: float,
    size: tuple[int, ...],
) -> Detections:
    """Non-maximum suppression class by class, best score first."""
    # Far apart, boxes of different classes cannot suppress each other.
    shift = class_id[:, None] * (2 * np.abs(xyxy).max(initial=0) + 1)
    kept = boxes.nms(xyxy + shift, score, max_iou)
    return _inside(xyxy[kept], score[kept], class_id[kept], size)
