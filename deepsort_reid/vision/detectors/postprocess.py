"""Post-processing and argument checks shared by the detectors."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections


def clip_to_frame(
    xyxy: boxes.Boxes,
    score: NDArray[np.float64],
    class_id: NDArray[np.int64],
    size: tuple[int, ...],
) -> Detections:
    """Clip boxes (M, 4) to a frame of `size` (width, height); boxes without area are dropped."""
    xyxy = boxes.clip(xyxy, size[0], size[1])
    keep = boxes.area(xyxy) > 0
    return Detections(xyxy[keep], score[keep], class_id[keep])


def nms_per_class(
    xyxy: boxes.Boxes,
    score: NDArray[np.float64],
    class_id: NDArray[np.int64],
    max_iou: float,
) -> NDArray[np.intp]:
    """Non-maximum suppression within each class; indices of the kept boxes, best score first."""
    # Shifted far apart, boxes of different classes do not overlap.
    shift = class_id[:, None] * (2 * np.abs(xyxy).max(initial=0) + 1)
    return boxes.nms(xyxy + shift, score, max_iou)


def check_fraction(name: str, value: float) -> None:
    """Raise ValueError when the argument `name` is outside 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: expected a number from 0 to 1, got {value}")
