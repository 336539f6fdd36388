"""Detectors: callables that take a frame (BGR uint8) and return its `Detections`.

Any function `frame -> Detections` is one; these are the ones that come with the package.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid import boxes
from deepsort_reid.background import BackgroundSubtraction
from deepsort_reid.detections import Detections
from deepsort_reid.frames import Frame, check_frame
from deepsort_reid.mot import MotRows, detections_of, read_detections
from deepsort_reid.onnx_model import open_onnx

__all__ = [
    "BackgroundSubtraction",
    "Detector",
    "MadeBefore",
    "MotDetections",
    "TorchvisionDetector",
    "YoloxDetector",
    "detector_from",
    "unit_scores",
]

Detector = Callable[[Frame], Detections]

# Torchvision ran these with batch norms whose epsilon was 0 when their weights were trained, and
# sets it so when it loads the weights itself.
_WITHOUT_EPSILON = frozenset(
    f"{kind}_resnet50_fpn" for kind in ("fasterrcnn", "maskrcnn", "keypointrcnn", "retinanet")
)


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


class TorchvisionDetector:
    """A COCO detector of torchvision by its name, such as "fasterrcnn_resnet50_fpn_v2".

    weights: a file of weights for machines without network; None lets torchvision download its
        own once. classes: as YOLOX counts COCO's 80 classes (0 is a person), None for all.
    device: "cpu" or "cuda".

    Raises ValueError for an unknown name, OSError when the weights cannot be had.
    """

    def __init__(
        self,
        name: str = "fasterrcnn_mobilenet_v3_large_fpn",
        *,
        weights: Path | str | None = None,
        min_score: float = 0.1,
        classes: Sequence[int] | None = (0,),
        device: str = "cpu",
    ) -> None:
        _check_share("min_score", min_score)
        self._min_score = min_score
        self._device = device
        self._model, categories = _torchvision_model(name, weights)
        self._model.eval().to(device)
        # Torchvision numbers COCO's categories with gaps; the gaps are called "N/A".
        real = [
            i for i, c in enumerate(categories) if c not in ("__background__", "N/A", "no person")
        ]
        self._class_of = np.full(len(categories), -1, dtype=np.int64)
        self._class_of[real] = np.arange(len(real))
        self._classes = _checked_classes(classes, len(real))

    def __call__(self, frame: Frame) -> Detections:
        """Detect in one BGR uint8 frame (H, W, 3)."""
        import torch

        frame = check_frame(frame)
        image = torch.from_numpy(np.ascontiguousarray(frame[:, :, ::-1].transpose(2, 0, 1)))
        with torch.inference_mode():
            found = self._model([image.to(self._device).float() / 255])[0]
        xyxy = found["boxes"].cpu().numpy().astype(np.float64)
        score = found["scores"].cpu().numpy().astype(np.float64)
        class_id = self._class_of[found["labels"].cpu().numpy()]
        keep = (score >= self._min_score) & np.isin(class_id, self._classes)
        return _inside(xyxy[keep], score[keep], class_id[keep], frame.shape[1::-1])


class MadeBefore:
    """A detector that knows what was found: called frame by frame it answers for frames `start`,
    `start + every`, ...; `at(number)` answers for any frame of the video, counted from 1.

    `known` gives all detections of such a frame; those below `min_score` are left out.
    """

    def __init__(
        self, known: Callable[[int], Detections], *, min_score: float, start: int, every: int
    ) -> None:
        self._known = known
        self._min_score = min_score
        self._next = start
        self._every = every

    def __call__(self, frame: Frame | None = None) -> Detections:
        """The detections of the next frame; the picture itself is not looked at."""
        number = self._next
        self._next += self._every
        return self.at(number)

    def at(self, number: int) -> Detections:
        """The detections of frame `number`, counted from 1."""
        found = self._known(number)
        return found[found.score >= self._min_score]


class MotDetections(MadeBefore):
    """Detections that somebody made before: rows of a det.txt, or the file itself.

    Raw scores are mapped by `unit_scores`.
    """

    def __init__(
        self,
        rows: MotRows | Path | str,
        *,
        min_score: float = 0.0,
        start: int = 1,
        every: int = 1,
    ) -> None:
        rows = rows if isinstance(rows, MotRows) else read_detections(rows)
        score = unit_scores(rows.score)
        self._rows = MotRows(rows.frame, rows.id, rows.xyxy, score, rows.class_id, rows.visibility)
        self._rows = self._rows[np.argsort(self._rows.frame, kind="stable")]
        super().__init__(self._of, min_score=min_score, start=start, every=every)

    def _of(self, number: int) -> Detections:
        first, last = np.searchsorted(self._rows.frame, [number, number + 1])
        return detections_of(self._rows[slice(first, last)], number)


def detector_from(
    source: str | Path | Detector, *, min_score: float | None = None, threads: int | None = None
) -> Detector:
    """The detector that a word or a file name stands for; a callable is returned as it is.

    "background"; a YOLOX model NAME.onnx; a MOT detection file NAME.txt; else the name of a
    torchvision COCO model. min_score: instead of the detector's own limit.
    """
    if callable(source):
        return source
    limit = 0.1 if min_score is None else min_score
    word = str(source)
    if word == "background":
        return BackgroundSubtraction(min_score=limit)
    suffix = Path(word).suffix.lower()
    if suffix == ".onnx":
        return YoloxDetector(word, min_score=limit, threads=threads)
    if suffix == ".txt":
        return MotDetections(word, min_score=min_score or 0.0)
    if suffix or Path(word).exists() or "/" in word:
        raise ValueError(
            f"detector: expected 'background', a .onnx or .txt file or the name of a torchvision "
            f"model, got {word!r}"
        )
    return TorchvisionDetector(word, min_score=limit)


def unit_scores(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map raw detector scores (N,) of one file to [0, 1]; scores inside [0, 1] stay as they are.

    The public detections of MOTChallenge come raw in two kinds: margins of DPM around 0 (MOT16,
    MOT17) and ACF's up to about 140 (MOT15). Both become the chance that a box is a person by a
    logistic curve; its two constants are those of a logistic regression on boxes that meet the
    ground truth at IoU 0.5 (the four MOT17-DPM and the three MOT15 sequences of the tests).
    """
    if not len(score) or (score.min() >= 0 and score.max() <= 1):
        return score
    centre, slope = (30.0, 1 / 16) if score.max() > 10 else (0.0, 2.4)
    return np.asarray(1 / (1 + np.exp(-slope * (score - centre))))


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


def _inside(
    xyxy: boxes.Boxes,
    score: NDArray[np.float64],
    class_id: NDArray[np.int64],
    size: tuple[int, ...],
) -> Detections:
    """Clip to the frame of `size` (width, height); what has no extent left is dropped."""
    xyxy = boxes.clip(xyxy, size[0], size[1])
    keep = boxes.area(xyxy) > 0
    return Detections(xyxy[keep], score[keep], class_id[keep])


def _checked_classes(classes: Sequence[int] | None, count: int) -> NDArray[np.int64]:
    chosen = np.arange(count) if classes is None else np.unique(np.asarray(classes, np.int64))
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(f"classes: expected numbers from 0 to {count - 1}, got {classes}")
    return chosen.astype(np.int64)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: expected a number from 0 to 1, got {value}")


def _torchvision_model(name: str, weights: Path | str | None) -> tuple[Any, list[str]]:
    """The network with its weights, and the names of its classes."""
    import torch
    from torchvision.models import detection, get_model, get_model_weights, list_models

    known = list_models(module=detection)
    if name not in known:
        others = "'background', a .onnx or .txt file or " if weights is None else ""
        raise ValueError(f"detector: expected {others}one of {', '.join(known)}, got {name!r}")
    pretrained = get_model_weights(name).DEFAULT
    categories: list[str] = pretrained.meta["categories"]
    if weights is None:
        try:
            return get_model(name, weights=pretrained), categories
        except OSError as error:
            raise OSError(
                f"detector {name}: its weights could not be downloaded ({error}); fetch "
                f"{pretrained.url} where there is a network and pass the file as weights "
                "(--detector-weights)"
            ) from error
    if not Path(weights).is_file():
        raise FileNotFoundError(f"detector {name}: no such file of weights: {weights}")
    model = get_model(name, weights=None, weights_backbone=None, num_classes=len(categories))
    if name in _WITHOUT_EPSILON:
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eps = 0.0
    try:
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # pickle, zip and torch each raise their own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "unreadable"
        raise ValueError(f"{weights}: expected weights of {name}: {reason}") from error
    return model, categories
