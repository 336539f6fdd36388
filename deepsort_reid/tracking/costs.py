"""Costs between tracks and detections, of P pairs or as matrices (N, M); a lower one is better."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def forbid(cost: Array, pairs: NDArray[np.bool_]) -> Array:
    """The cost with `inf` at the marked pairs, which must not be matched; arrays of one shape."""
    return np.where(pairs, np.inf, cost)


def fuse(motion: Array, appearance: Array, weight: float) -> Array:
    """`weight * motion + (1 - weight) * appearance` (Wojke et al. 2017, eq. 5).

    A pair that is forbidden by either cost stays forbidden (eq. 6), also at weight 0 or 1.
    """
    forbidden = ~(np.isfinite(motion) & np.isfinite(appearance))
    with np.errstate(invalid="ignore"):  # 0 * inf, overwritten below
        fused = weight * motion + (1 - weight) * appearance
    return forbid(fused, forbidden)


def other_class(tracks: NDArray[np.int64], detections: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pairs (N, M) of tracks and detections whose class ids (N,) and (M,) differ."""
    return np.asarray(tracks[:, None] != detections)
