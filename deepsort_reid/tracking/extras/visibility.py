"""Visibility of a person: truncation at the image border and occlusion by nearer boxes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.tracking.near_pairs import near_pairs

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_NEAR_PX = 2.0  # distance from the border within which a box may be truncated
_SAME_PX = 1.0  # boxes that end within this distance end at the same position
# A position is taken for the border after this many boxes ended there, if the narrowest of them
# has lost this share of the width of the widest.
_MIN_BOXES = 10
_MIN_NARROWING = 0.5


@dataclass
class _BorderEstimate:
    """The outermost position at which boxes end, and the widths of the boxes that end there."""

    position: float = -np.inf
    num_boxes: int = 0
    min_width: float = np.inf
    max_width: float = 0.0

    def update(self, ends: Array, width: Array) -> None:
        """Add one frame's boxes (M,), by where they end and how wide they are."""
        end = float(ends.max())
        if end < self.position - _SAME_PX:
            return  # in most frames, no box ends there
        if end > self.position + _SAME_PX:
            self.position, self.num_boxes = end, 0
            self.min_width, self.max_width = np.inf, 0.0
        here = width[ends >= self.position - _SAME_PX]
        self.num_boxes += len(here)
        self.min_width = min(self.min_width, here.min(initial=np.inf))
        self.max_width = max(self.max_width, here.max(initial=0))

    def border(self) -> float:
        """The position of the image border, `inf` while it is unknown."""
        # The box of a standing person also ends at one position for long, but it does not narrow.
        narrowed = self.min_width <= (1 - _MIN_NARROWING) * self.max_width
        return self.position if self.num_boxes >= _MIN_BOXES and narrowed else np.inf


class ImageBorder:
    """The left and right image border.

    Known from the shape of a frame. Without frames, the left border is at 0 or further right, and
    both are estimated: detectors clip boxes at the border, so that boxes end there again and again
    while they get narrower; a detector that does not clip gives no estimate. The lower border is
    not used: a person who approaches the camera is truncated there without leaving.
    """

    def __init__(self) -> None:
        self._width: int | None = None
        self._left, self._right = _BorderEstimate(), _BorderEstimate()

    def update(self, xyxy: Array, frame_shape: tuple[int, ...] | None) -> None:
        """Update with the boxes (M, 4) of one frame and its shape (H, W, 3), None if unknown."""
        self._width = None if frame_shape is None else frame_shape[1]
        if self._width is None and len(xyxy):
            width = xyxy[:, 2] - xyxy[:, 0]
            self._left.update(-xyxy[:, 0], width)
            self._right.update(xyxy[:, 2], width)

    def is_truncated(self, xyxy: Array) -> Flags:
        """Boxes (N, 4) that reach the left or right border: (N,)."""
        left, right = max(-self._left.border(), 0), self._right.border()
        if self._width is not None:
            left, right = 0, self._width
        return np.asarray((xyxy[:, 0] <= left + _NEAR_PX) | (xyxy[:, 2] >= right - _NEAR_PX))

    def is_outside(self, xyxy: Array) -> Flags:
        """Predicted boxes (N, 4) whose centre is beyond the image, or all boxes so far: (N,)."""
        center = (xyxy[:, 0] + xyxy[:, 2]) / 2
        if self._width is not None:
            return np.asarray((center < 0) | (center > self._width))
        return np.asarray((center < -self._left.position) | (center > self._right.position))


def occlusion_ratio(xyxy: Array) -> Array:
    """Share (M,) of each box (M, 4) that the one nearer box with the largest overlap covers.

    The nearer of two boxes is the one whose lower edge is lower in the image.
    """
    ratio = np.zeros(len(xyxy))
    area = np.maximum(boxes.area(xyxy), 1e-9)
    for row, column in near_pairs(xyxy, xyxy):
        nearer = xyxy[column, 3] > xyxy[row, 3]
        row, column = row[nearer], column[nearer]
        covered = boxes.intersection_of_pairs(xyxy[row], xyxy[column]) / area[row]
        np.maximum.at(ratio, row, covered)
    return ratio
