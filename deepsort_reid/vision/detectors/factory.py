"""Detectors: callables that take a frame (BGR uint8) and return its `Detections`.

Any function `frame -> Detections` is one; these are the ones that come with the package.
"""

from collections.abc import Callable
from pathlib import Path

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.detectors.background import BackgroundSubtraction
from deepsort_reid.vision.detectors.precomputed import (
    MotDetections,
    PrecomputedDetections,
    normalize_scores,
)
from deepsort_reid.vision.detectors.torchvision_coco import TorchvisionDetector
from deepsort_reid.vision.detectors.yolox import YoloxDetector

__all__ = [
    "BackgroundSubtraction",
    "Detector",
    "MotDetections",
    "PrecomputedDetections",
    "TorchvisionDetector",
    "YoloxDetector",
    "load_detector",
    "normalize_scores",
]

Detector = Callable[[Frame], Detections]


def load_detector(
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
