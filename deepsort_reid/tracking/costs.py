"""Costs between N tracks and M detections as matrices (N, M); a lower cost is a better match."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Array = NDArray[np.float64]


def forbid(cost: Array, pairs: NDArray[np.bool_]) -> Array:
    """The cost (N, M) with `inf` at the marked pairs (N, M), which must not be matched."""
    return np.where(pairs, np.inf, cost)


def iou_cost(tracks_xyxy: Array, detections_xyxy: Array) -> Array:
    """1 - IoU in [0, 1]: boxes (N, 4) and (M, 4) -> (N, M)."""
    iou = boxes.iou(tracks_xyxy, detections_xyxy)
    return np.subtract(1, iou, out=iou)


def fuse(motion: Array, appearance: Array, weight: float) -> Array:
    """`weight * motion + (1 - weight) * appearance` (Wojke et al. 2017, eq. 5), (N, M).

    A pair that is forbidden by either cost stays forbidden (eq. 6), also at weight 0 or 1.
    """
    forbidden = ~(np.isfinite(motion) & np.isfinite(appearance))
    with np.errstate(invalid="ignore"):  # 0 * inf, overwritten below
        fused = weight * motion + (1 - weight) * appearance
    return forbid(fused, forbidden)


def other_class(tracks: NDArray[np.int64], detections: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pairs (N, M) of tracks and detections whose class ids (N,) and (M,) differ."""
    return np.asarray(tracks[:, None] != detections)
