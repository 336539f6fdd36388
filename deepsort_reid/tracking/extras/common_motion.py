"""What moved everybody alike was the camera: a shift of the view read off the people themselves."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Array = NDArray[np.float64]

_FEWEST = 4  # people who must agree
_MIN_IOU = 0.3  # of a prediction and the detection that is plainly its own
_DOUBT = 4.0  # how strongly disagreement shrinks the shift


def common_shift(predicted_xyxy: Array, detections_xyxy: Array) -> Array:
    """Shift (2,) in pixels by which detections (M, 4) lie off the predictions (N, 4), all alike.

    Only predictions and detections that are each other's best and overlap well are asked, and
    their median offset is believed as far as they agree: it shrinks by its standard error, so
    that with a camera that stands still next to nothing remains. Zero when too few can be asked.
    """
    nothing = np.zeros(2)
    if min(len(predicted_xyxy), len(detections_xyxy)) < _FEWEST:
        return nothing
    overlap = boxes.iou(predicted_xyxy, detections_xyxy)
    best = overlap.argmax(axis=1)
    mutual = overlap.argmax(axis=0)[best] == np.arange(len(best))
    plain = mutual & (overlap.max(axis=1) > _MIN_IOU)
    if plain.sum() < _FEWEST:
        return nothing
    seen = boxes.xyxy_to_xywh(detections_xyxy[best[plain]])[:, :2]
    offset = seen - boxes.xyxy_to_xywh(predicted_xyxy[plain])[:, :2]
    shift = np.median(offset, axis=0)
    # Standard error of a median, its spread taken from the median absolute deviation.
    spread = 1.4826 * np.median(np.abs(offset - shift), axis=0)
    error = 1.25 * spread / np.sqrt(len(offset))
    return np.asarray(shift * shift**2 / (shift**2 + _DOUBT * error**2 + 1e-9))
