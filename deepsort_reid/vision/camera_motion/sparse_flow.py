"""Camera motion by sparse optical flow."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.vision.camera_motion.motion import CameraMotion, Warp
from deepsort_reid.vision.camera_motion.reference_frame import (
    DEFAULT_HEIGHT,
    MIN_CORNER_SHIFT,
    MIN_QUALITY,
    DownscaledFrame,
    Grey,
    ReferenceFrameEstimator,
)

MIN_POINTS = 8
# Estimated motion must explain this much more of the image than no motion does.
MIN_GAIN = 0.25
# The image is divided into cells of a grid; a smaller number of cells with points counts as this.
GRID_ROWS, GRID_COLUMNS, MIN_CELLS = 4, 6, 6

Points = NDArray[np.float32]  # (P, 2)


class SparseFlow:
    """Camera motion from corners of the background, tracked from frame to frame.

    Shi-Tomasi corners outside the boxes, pyramidal Lucas-Kanade flow with a forward-backward
    check, and a similarity by RANSAC (`cv2.estimateAffinePartial2D`). The quality is the fraction
    of the image that agrees with the similarity. After a few frames without motion, only frames in
    which point samples have changed are compared, and one of thirty.

    Args:
        max_corners: upper limit of corners.
        height: frames with more rows are downscaled to this many.
        every_frame: compare every frame, also while the camera is static.
    """

    def __init__(
        self,
        *,
        max_corners: int = 200,
        height: int = DEFAULT_HEIGHT,
        every_frame: bool = False,
    ) -> None:
        self._max_corners = max_corners
        self._estimator = ReferenceFrameEstimator(self._estimate, height, every_frame=every_frame)
        self._corners: tuple[Grey, Points] | None = None  # of the reference frame

    def __call__(self, frame: Any, xyxy: ArrayLike | None = None) -> CameraMotion:
        """Motion since the last call; frame BGR uint8 (H, W, 3), boxes (M, 4) in its pixels."""
        return self._estimator(frame, xyxy)

    def state_dict(self) -> dict[str, Any]:
        """The state after the last frame: plain data for `load_state_dict`."""
        return self._estimator.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after the frame at which `state_dict` was called."""
        self._estimator.load_state_dict(state)

    def _estimate(
        self, previous: DownscaledFrame, current: DownscaledFrame
    ) -> tuple[Warp, float] | None:
        shape = current.grey.shape
        start = self._find_corners(previous)
        if len(start) < MIN_POINTS:
            return None
        end, valid = _optical_flow(previous.grey, current.grey, start)
        valid &= current.is_background(end)
        static = _static_fraction(start[valid], end[valid], shape)
        if static > MIN_QUALITY:
            # A large part of the image is static: people move, and not the camera.
            return np.eye(2, 3), static
        # Forward-backward check: flow back from the end must return to the start.
        back, returned = _optical_flow(current.grey, previous.grey, end)
        valid &= returned & (np.linalg.norm(back - start, axis=1) < 0.5)
        start, end = start[valid], end[valid]
        if len(start) < MIN_POINTS:
            return None
        static = _static_fraction(start, end, shape)
        if static > MIN_QUALITY:
            return np.eye(2, 3), static
        warp, inlier = cv2.estimateAffinePartial2D(
            start, end, method=cv2.RANSAC, ransacReprojThreshold=1.0, confidence=0.995
        )
        if warp is None:
            return None
        agreement = _agreeing_fraction(start, np.asarray(inlier)[:, 0] == 1, shape)
        if agreement < static + MIN_GAIN:
            return np.eye(2, 3), static
        return np.asarray(warp, dtype=np.float64), agreement

    def _find_corners(self, frame: DownscaledFrame) -> Points:
        """Corners (P, 2) of the background; cached while the reference frame stays the same."""
        if self._corners is None or self._corners[0] is not frame.grey:
            min_distance = max(len(frame.grey) // 30, 3)
            found = cv2.goodFeaturesToTrack(
                frame.grey, self._max_corners, 0.01, min_distance, mask=frame.background
            )
            points = np.empty((0, 2)) if found is None else np.asarray(found)
            self._corners = (frame.grey, points.reshape(-1, 2).astype(np.float32))
        return self._corners[1]


def _optical_flow(
    previous: Grey, current: Grey, points: Points
) -> tuple[Points, NDArray[np.bool_]]:
    """Positions of points (P, 2) in the current frame, and which were found (P,)."""
    flow: Any = cv2.calcOpticalFlowPyrLK  # its stub requires an initial guess
    end, found, _ = flow(previous, current, points[:, None], None)
    return end[:, 0], found[:, 0] == 1


def _static_fraction(start: Points, end: Points, shape: tuple[int, ...]) -> float:
    """Fraction of the image without motion."""
    return _agreeing_fraction(
        start, np.linalg.norm(end - start, axis=1) < 2 * MIN_CORNER_SHIFT, shape
    )


def _agreeing_fraction(points: Points, agrees: NDArray[np.bool_], shape: tuple[int, ...]) -> float:
    """Fraction of the image whose points (P, 2) agree, averaged over the cells of a grid.

    Cells give each part of the scene the same weight, however many corners it has.
    """
    if not len(points):
        return 0.0
    rows = np.clip(points[:, 1] * GRID_ROWS / shape[0], 0, GRID_ROWS - 1).astype(np.int64)
    columns = np.clip(points[:, 0] * GRID_COLUMNS / shape[1], 0, GRID_COLUMNS - 1).astype(np.int64)
    cell = rows * GRID_COLUMNS + columns
    count = np.bincount(cell, minlength=GRID_ROWS * GRID_COLUMNS)
    agreeing = np.bincount(cell, weights=agrees, minlength=GRID_ROWS * GRID_COLUMNS)
    fraction = agreeing[count > 0] / count[count > 0]
    return float(fraction.sum() / max(len(fraction), MIN_CELLS))
