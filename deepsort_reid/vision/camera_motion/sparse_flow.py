"""Camera motion by sparse optical flow."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.vision.camera_motion.motion import (
    MIN_QUALITY,
    ROWS,
    STILL,
    CameraMotion,
    Grey,
    Warp,
    _View,
    _Watch,
)


class SparseFlow:
    """Camera motion from corners of the background, followed from frame to frame.

    Shi-Tomasi corners outside the boxes, pyramidal Lucas-Kanade flow there and back, and a
    similarity by RANSAC (`cv2.estimateAffinePartial2D`). The quality is the share of the picture
    that agrees with the answer. A camera that stands still is left alone after a few frames and
    looked at now and then only.

    corners: at most so many are followed. rows: frames are shrunk to so many rows.
    """

    def __init__(self, *, corners: int = 200, rows: int = ROWS) -> None:
        self._corners = corners
        self._watch = _Watch(self._estimate, rows)
        self._points: tuple[Grey, NDArray[np.float32]] | None = None

    def __call__(self, frame: Any, xyxy: ArrayLike | None = None) -> CameraMotion:
        """Motion since the last call; frame BGR uint8 (H, W, 3), xyxy (M, 4) in its pixels."""
        return self._watch(frame, xyxy)

    def _estimate(self, before: "_View", now: "_View") -> tuple[Warp, float] | None:
        start = self._corners_of(before)
        if len(start) < 8:
            return None
        end, kept = _followed(before.grey, now.grey, start)
        kept &= now.is_background(end)
        standing = _standing(start[kept], end[kept], now.grey.shape)
        if standing > MIN_QUALITY:
            # A good part of the picture stands still: then people move, not the camera.
            return np.eye(2, 3), standing
        # Flow that does not find its way back went astray.
        back, returned = _followed(now.grey, before.grey, end)
        kept &= returned & (np.linalg.norm(back - start, axis=1) < 0.5)
        start, end = start[kept], end[kept]
        if len(start) < 8:
            return None
        standing = _standing(start, end, now.grey.shape)
        if standing > MIN_QUALITY:
            return np.eye(2, 3), standing
        warp, inlier = cv2.estimateAffinePartial2D(
            start, end, method=cv2.RANSAC, ransacReprojThreshold=1.0, confidence=0.995
        )
        if warp is None:
            return None
        agrees = _agreement(start, np.asarray(inlier)[:, 0] == 1, now.grey.shape)
        if agrees < standing + 0.25:  # hardly better than no motion: that is what it was
            return np.eye(2, 3), standing
        return np.asarray(warp, dtype=np.float64), agrees

    def _corners_of(self, view: "_View") -> NDArray[np.float32]:
        """Corners (P, 2) of the background; kept as long as the same view is asked about."""
        if self._points is None or self._points[0] is not view.grey:
            found = cv2.goodFeaturesToTrack(
                view.grey, self._corners, 0.01, max(len(view.grey) // 30, 3), mask=view.background
            )
            points = np.empty((0, 2)) if found is None else np.asarray(found)
            self._points = (view.grey, points.reshape(-1, 2).astype(np.float32))
        return self._points[1]


def _followed(
    before: Grey, now: Grey, points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where points (P, 2) went, and which were found (P,)."""
    follow: Any = cv2.calcOpticalFlowPyrLK  # the stubs know no flow without a first guess
    end, found, _ = follow(before, now, points[:, None], None)
    return end[:, 0], found[:, 0] == 1


def _standing(
    start: NDArray[np.float32], end: NDArray[np.float32], shape: tuple[int, ...]
) -> float:
    """Share of the picture that stays where it is."""
    return _agreement(start, np.linalg.norm(end - start, axis=1) < 2 * STILL, shape)


def _agreement(
    points: NDArray[np.float32], agrees: NDArray[np.bool_], shape: tuple[int, ...]
) -> float:
    """Share of the picture, in 4 x 6 cells, whose points (P, 2) agree.

    By cells, so that one richly textured thing has no more say than the rest of the scene.
    """
    rows = np.clip(points[:, 1] * 4 / shape[0], 0, 3).astype(np.int64)
    columns = np.clip(points[:, 0] * 6 / shape[1], 0, 5).astype(np.int64)
    cell = rows * 6 + columns
    if not len(points):
        return 0.0
    count = np.bincount(cell, minlength=24)
    share = np.bincount(cell, weights=agrees, minlength=24)[count > 0] / count[count > 0]
    # Fewer than six cells with corners are too few to speak for the picture.
    return float(share.sum() / max(len(share), 6))
