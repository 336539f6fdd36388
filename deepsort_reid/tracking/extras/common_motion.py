"""Common motion compensation: camera motion estimated from the motion that all tracks share."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.numbers import median
from deepsort_reid.tracking.near_pairs import near_pairs

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

_MIN_PAIRS = 4
_MIN_IOU = 0.3  # of a prediction and the detection that is taken as its own
_SHRINKAGE = 4.0  # weight of the squared standard error, by which the estimate shrinks


def estimate_common_motion(predicted_xyxy: Array, detections_xyxy: Array) -> Array:
    """Translation (2,) in pixels from predictions (N, 4) to detections (M, 4), shared by all.

    The median offset of the pairs in which prediction and detection are each other's best match by
    IoU. It is shrunk by its standard error, so that next to nothing remains with a static camera.
    Zero when there are fewer than 4 such pairs.
    """
    nothing = np.zeros(2)
    if min(len(predicted_xyxy), len(detections_xyxy)) < _MIN_PAIRS:
        return nothing
    tracks, detections = _mutually_best(predicted_xyxy, detections_xyxy)
    if len(tracks) < _MIN_PAIRS:
        return nothing
    between = detections_xyxy.take(detections, axis=0) - predicted_xyxy.take(tracks, axis=0)
    offset = (between[:, :2] + between[:, 2:]) / 2  # of the centres
    shift = median(offset)
    # Standard error of a median, with the standard deviation from the median absolute deviation.
    std = 1.4826 * median(np.abs(offset - shift))
    error = 1.25 * std / np.sqrt(len(offset))
    return np.asarray(shift * shift**2 / (shift**2 + _SHRINKAGE * error**2 + 1e-9))


def _mutually_best(a: Array, b: Array) -> tuple[Rows, Rows]:
    """Rows (K,) of boxes (N, 4) and (M, 4) that are each other's best match, above `_MIN_IOU`."""
    parts = []
    for row, column in near_pairs(a, b):
        iou = boxes.iou_of_pairs(a.take(row, axis=0), b.take(column, axis=0))
        parts.append([each.compress(iou > _MIN_IOU) for each in (row, column, iou)])
    row, column, iou = (
        parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
    )
    if _all_differ(row) and _all_differ(column):  # in most frames
        return row, column
    best = _first_of_each(row, np.lexsort((column, -iou, row)))
    best &= _first_of_each(column, np.lexsort((row, -iou, column)))
    return row.compress(best), column.compress(best)


def _all_differ(rows: Rows) -> bool:
    return not len(rows) or int(np.bincount(rows).max()) == 1


def _first_of_each(rows: Rows, order: Rows) -> NDArray[np.bool_]:
    """The first pair of each row: a mask (P,) of pairs with `rows` (P,), in this order of them."""
    first = np.zeros(len(rows), dtype=bool)
    first[order] = np.diff(rows[order], prepend=-1) != 0
    return first
