"""Motion of the camera between two frames: a similarity (rotation, zoom and translation)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Warp = NDArray[np.float64]  # (2, 3)

# Limits of the motion between two frames; more is a scene cut or a failed estimate.
MAX_SHIFT = 0.35  # fraction of the image width
MAX_ROTATION = 0.35  # radians
MAX_ZOOM = 1.3  # factor, or its inverse


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """Motion of the image content since the previous frame.

    warp: (2, 3) float64; maps a pixel of the previous frame to this frame: warp @ [x, y, 1].
    quality: 0 (unknown; the warp is the identity) to 1.
    """

    warp: Warp
    quality: float

    @classmethod
    def identity(cls, quality: float = 0.0) -> "CameraMotion":
        """Return no motion."""
        return cls(np.eye(2, 3), quality)

    @property
    def is_identity(self) -> bool:
        """Whether the warp is exactly the identity."""
        return bool((self.warp == np.eye(2, 3)).all())


def nearest_similarity(affine: ArrayLike, shape: tuple[int, ...]) -> Warp:
    """Return the similarity nearest to an affine warp (2, 3) that moves the image centre equally.

    shape: (height, width) of the image.
    """
    warp = np.asarray(affine, dtype=np.float64)
    a, b = (warp[0, 0] + warp[1, 1]) / 2, (warp[1, 0] - warp[0, 1]) / 2
    rotation = np.array([[a, -b], [b, a]])
    centre = np.array([shape[1] / 2, shape[0] / 2])
    shift = warp[:, :2] @ centre + warp[:, 2] - rotation @ centre
    return np.column_stack([rotation, shift])


def is_plausible(warp: Warp, shape: tuple[int, ...]) -> bool:
    """Whether a similarity (2, 3) is finite and within the limits of camera motion."""
    if not np.isfinite(warp).all():
        return False
    zoom = float(np.hypot(warp[0, 0], warp[1, 0]))
    rotation = float(np.arctan2(warp[1, 0], warp[0, 0]))
    centre = np.array([shape[1] / 2, shape[0] / 2, 1.0])
    shift = np.linalg.norm(warp @ centre - centre[:2])
    return bool(
        shift < MAX_SHIFT * shape[1]
        and abs(rotation) < MAX_ROTATION
        and 1 / MAX_ZOOM < zoom < MAX_ZOOM
    )


def max_corner_shift(warp: Warp, shape: tuple[int, ...]) -> float:
    """Return the largest displacement of the four image corners, in pixels."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
    moved = corners @ warp[:, :2].T + warp[:, 2]
    return float(np.linalg.norm(moved - corners, axis=1).max())
