"""Common motion compensation: camera motion estimated from the motion that all tracks share."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Array = NDArray[np.float64]

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
    iou = boxes.iou(predicted_xyxy, detections_xyxy)
    best = iou.argmax(axis=1)
    mutual = iou.argmax(axis=0)[best] == np.arange(len(best))
    paired = mutual & (iou.max(axis=1) > _MIN_IOU)
    if paired.sum() < _MIN_PAIRS:
        return nothing
    detected = boxes.xyxy_to_xywh(detections_xyxy[best[paired]])[:, :2]
    offset = detected - boxes.xyxy_to_xywh(predicted_xyxy[paired])[:, :2]
    shift = np.median(offset, axis=0)
    # Standard error of a median, with the standard deviation from the median absolute deviation.
    std = 1.4826 * np.median(np.abs(offset - shift), axis=0)
    error = 1.25 * std / np.sqrt(len(offset))
    return np.asarray(shift * shift**2 / (shift**2 + _SHRINKAGE * error**2 + 1e-9))
