"""What it would cost to match: matrices (N, M) of tracks against detections, lower is better."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Array = NDArray[np.float64]


def forbid(cost: Array, pairs: NDArray[np.bool_]) -> Array:
    """The cost (N, M) with the marked pairs (N, M) made impossible (`inf`)."""
    return np.where(pairs, np.inf, cost)


def iou_cost(tracks_xyxy: Array, detections_xyxy: Array) -> Array:
    """1 - IoU in [0, 1]: (N, 4), (M, 4) -> (N, M)."""
    overlap = boxes.iou(tracks_xyxy, detections_xyxy)
    return np.subtract(1, overlap, out=overlap)


def fuse(motion: Array, appearance: Array, weight: float) -> Array:
    """`weight * motion + (1 - weight) * appearance` (Wojke et al. 2017, eq. 5), (N, M).

    A pair that either side forbids stays forbidden (eq. 6), also at weight 0 or 1.
    """
    forbidden = ~(np.isfinite(motion) & np.isfinite(appearance))
    with np.errstate(invalid="ignore"):  # 0 * inf, overwritten below
        fused = weight * motion + (1 - weight) * appearance
    return forbid(fused, forbidden)


def other_class(tracks: NDArray[np.int64], detections: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pairs (N, M) whose classes (N,), (M,) differ."""
    return np.asarray(tracks[:, None] != detections)
