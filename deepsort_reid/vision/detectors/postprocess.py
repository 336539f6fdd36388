"""Post-processing shared by the detectors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections


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
