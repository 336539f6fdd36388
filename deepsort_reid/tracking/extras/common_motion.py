"""Common motion compensation: camera motion estimated from the motion that all tracks share."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.numbers import median
from deepsort_reid.tracking.candidate_blocks import candidate_blocks

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
    detected = boxes.xyxy_to_xywh(detections_xyxy[detections])[:, :2]
    offset = detected - boxes.xyxy_to_xywh(predicted_xyxy[tracks])[:, :2]
    shift = median(offset)
    # Standard error of a median, with the standard deviation from the median absolute deviation.
    std = 1.4826 * median(np.abs(offset - shift))
    error = 1.25 * std / np.sqrt(len(offset))
    return np.asarray(shift * shift**2 / (shift**2 + _SHRINKAGE * error**2 + 1e-9))


def _mutually_best(a: Array, b: Array) -> tuple[Rows, Rows]:
    """Rows (K,) of boxes (N, 4) and (M, 4) that are each other's best match, above `_MIN_IOU`."""
    best, best_iou = np.full(len(a), -1), np.zeros(len(a))  # of each row of a
    owner, owner_iou = np.full(len(b), -1), np.zeros(len(b))  # of each row of b
    for rows, columns in candidate_blocks(a, b):
        if not len(columns):
            continue
        iou = boxes.iou(a[rows], b[columns])
        column, row = iou.argmax(axis=1), iou.argmax(axis=0)
        best[rows], best_iou[rows] = columns[column], iou.max(axis=1)
        better = iou.max(axis=0) > owner_iou[columns]
        owner[columns[better]] = rows[row[better]]
        owner_iou[columns] = np.maximum(owner_iou[columns], iou.max(axis=0))
    paired = np.flatnonzero((best_iou > _MIN_IOU) & (owner[best] == np.arange(len(a))))
    return paired, best[paired]
