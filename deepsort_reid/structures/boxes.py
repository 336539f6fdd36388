"""Conversion of box formats, overlap, clipping and non-maximum suppression.

The package uses `xyxy`: left, top, right, bottom in pixels, float64, one row per box. The other
formats occur in files and other libraries, and where a formula needs them: `tlwh` is left, top,
width, height; `xywh` is centre, width, height; `xyah` is centre, aspect ratio (width / height),
height, the measurement space of DeepSORT (Wojke et al. 2017, section 2.1).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures.numbers import as_numbers

Boxes = NDArray[np.float64]  # (N, 4)

_MIN_HEIGHT = 1e-9  # pixels: that of a box clipped to almost nothing
# The conversions of the tracker, of finite boxes, are products with a matrix: a fifth of the time
# of the same with slices, and the same digits, because all factors are 0, 1/2 and 1.
_XYWH_TO_XYXY = np.array([[1.0, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])
_XYXY_TO_XYWH = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])


def as_boxes(values: ArrayLike, name: str = "xyxy") -> Boxes:
    """Return `values` as a float64 array of shape (N, 4); an empty input becomes (0, 4).

    Raises ValueError when the shape is different, or a coordinate is not finite. Its message calls
    the argument `name`.
    """
    boxes = as_numbers(values, np.float64, f"{name} must be numbers of shape (N, 4)")
    if boxes.ndim in (1, 2) and not len(boxes):
        return np.empty((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{name} must have shape (N, 4), got shape {boxes.shape}")
    finite = np.isfinite(boxes)
    # Counting is the fastest way to ask whether all, or any, of a few entries are true.
    if np.count_nonzero(finite) < finite.size:
        row = int(np.flatnonzero(~finite.all(axis=1))[0])
        raise ValueError(f"{name} must be finite, got {boxes[row].tolist()} in row {row}")
    return boxes


def tlwh_to_xyxy(tlwh: Boxes) -> Boxes:
    """Left, top, width, height (N, 4) -> left, top, right, bottom (N, 4)."""
    return np.concatenate([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]], axis=1)


def xyxy_to_tlwh(xyxy: Boxes) -> Boxes:
    """Left, top, right, bottom (N, 4) -> left, top, width, height (N, 4)."""
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def xywh_to_xyxy(xywh: Boxes) -> Boxes:
    """Centre x, centre y, width, height (N, 4) -> left, top, right, bottom (N, 4)."""
    half = xywh[:, 2:] / 2
    return np.concatenate([xywh[:, :2] - half, xywh[:, :2] + half], axis=1)


def xyxy_to_xywh(xyxy: Boxes) -> Boxes:
    """Left, top, right, bottom (N, 4) -> centre x, centre y, width, height (N, 4)."""
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def xyxy_to_xyah(xyxy: Boxes) -> Boxes:
    """Left, top, right, bottom (N, 4) -> centre x, centre y, width / height, height (N, 4).

    Heights below 1e-9 count as 1e-9 in the ratio, which would overflow otherwise.
    """
    xyah = np.asarray(xyxy @ _XYXY_TO_XYWH)
    xyah[:, 2] /= np.maximum(xyah[:, 3], _MIN_HEIGHT)
    return xyah


def xyah_to_xyxy(xyah: Boxes) -> Boxes:
    """Centre x, centre y, width / height, height (N, 4) -> left, top, right, bottom (N, 4)."""
    return np.asarray(xyah_to_xywh(xyah) @ _XYWH_TO_XYXY)


def xyah_to_xywh(xyah: Boxes) -> Boxes:
    """Centre x, centre y, width / height, height (N, 4) -> centre x, centre y, width, height."""
    xywh = xyah.copy()
    xywh[:, 2] *= xyah[:, 3]
    return xywh


def area(xyxy: Boxes) -> NDArray[np.float64]:
    """Area in square pixels, (N, 4) -> (N,); 0 where right < left or bottom < top."""
    extent = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    return np.asarray(extent[:, 0] * extent[:, 1])


def intersection(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Area of the intersection in square pixels of each pair: (N, 4), (M, 4) -> (N, M)."""
    # Column by column: four (N, M) temporaries in cache beat one (N, M, 4).
    width = np.minimum(a[:, None, 2], b[:, 2]) - np.maximum(a[:, None, 0], b[:, 0])
    height = np.minimum(a[:, None, 3], b[:, 3]) - np.maximum(a[:, None, 1], b[:, 1])
    np.maximum(width, 0, out=width)
    np.maximum(height, 0, out=height)
    return np.asarray(np.multiply(width, height, out=width))


def iou(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each pair, in [0, 1]: (N, 4), (M, 4) -> (N, M).

    It is 0 for two boxes without area.
    """
    overlap = intersection(a, b)
    union = area(a)[:, None] + area(b) - overlap
    return np.divide(overlap, union, out=overlap, where=union > 0)


def iou_of_pairs(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each box (P, 4) and the box (P, 4) in the same row: (P,).

    It is 0 for two boxes without area.
    """
    overlap = intersection_of_pairs(a, b)
    union = area(a) + area(b) - overlap
    return np.divide(overlap, union, out=overlap, where=union > 0)


def intersection_of_pairs(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Area (P,) of the intersection of boxes (P, 4) and (P, 4) in square pixels, row by row."""
    extent = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    np.maximum(extent, 0, out=extent)
    return np.asarray(extent[:, 0] * extent[:, 1])


def clip(xyxy: Boxes, width: float, height: float) -> Boxes:
    """The part of each box (N, 4) inside a frame of `width` x `height` pixels.

    A box outside the frame becomes a box without area on the nearest border.
    """
    limit = np.array([width, height, width, height], dtype=np.float64)
    return np.clip(xyxy, 0, limit)


def nms(xyxy: Boxes, score: NDArray[np.floating[Any]], max_iou: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: rows (K,) to keep, in descending order of their scores.

    A box (N, 4) is removed when its IoU with a kept box of higher `score` (N,) is above `max_iou`.
    Of two boxes with equal scores, the earlier row counts as higher.
    """
    order = np.argsort(-score, kind="stable")
    overlaps = iou(xyxy[order], xyxy[order]) > max_iou
    kept = np.ones(len(order), dtype=bool)
    for rank in range(len(order)):
        if kept[rank]:
            kept[rank + 1 :] &= ~overlaps[rank, rank + 1 :]
    return np.asarray(order[kept])
