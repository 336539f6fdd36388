"""Camera motion by maximising the enhanced correlation coefficient (ECC)."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.vision.camera_motion.motion import (
    CameraMotion,
    Grey,
    Warp,
    _similarity,
    _View,
    _Watch,
)


class Ecc:
    """Camera motion by aligning whole pictures (Evangelidis and Psarakis 2008, OpenCV's ECC).

    Slower than SparseFlow and blind to jumps, but it works where there are no corners. The quality
    is the correlation of the aligned pictures.
    """

    def __init__(self, *, rows: int = 180, iterations: int = 40) -> None:
        self._criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, 1e-5)
        self._watch = _Watch(self._estimate, rows)

    def __call__(self, frame: Any, xyxy: ArrayLike | None = None) -> CameraMotion:
        """Motion since the last call; frame BGR uint8 (H, W, 3), xyxy (M, 4) in its pixels."""
        return self._watch(frame, xyxy)

    def _estimate(self, before: "_View", now: "_View") -> tuple[Warp, float] | None:
        if before.grey.std() < 2 or now.grey.std() < 2:
            return None
        one, two = before.grey.astype(np.float32), now.grey.astype(np.float32)
        mask = before.background & now.background
        window = cv2.createHanningWindow(one.shape[::-1], cv2.CV_32F)
        # On copies: OpenCV multiplies the window into the pictures it is given.
        shift, _ = cv2.phaseCorrelate(one.copy(), two.copy(), window)
        best: tuple[float, Any] | None = None
        # Where pictures repeat themselves phase correlation errs: also start from no motion.
        for dx, dy in ((0.0, 0.0), (shift[0], shift[1])):
            guess = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32)
            try:
                correlation, warp = cv2.findTransformECC(
                    one, two, guess, cv2.MOTION_AFFINE, self._criteria, mask, 5
                )
            except cv2.error:  # does not converge, or the pictures do not overlap
                continue
            if best is None or correlation > best[0]:
                best = (float(correlation), warp)
            if np.hypot(shift[0], shift[1]) < 0.5:
                break
        if best is None or best[0] < 0.85:
            return None  # pictures that are still so unlike were not aligned
        # Aligned pictures are much more alike than pictures of a camera that moved; where aligning
        # gains little, it was people who moved.
        unmoved = _correlation(one, two, mask)
        if 1 - unmoved < 2 * (1 - best[0]):
            return np.eye(2, 3), float(np.clip(unmoved, 0, 1))
        return _similarity(best[1], one.shape), float(np.clip(best[0], 0, 1))


def _correlation(one: NDArray[np.float32], two: NDArray[np.float32], mask: Grey) -> float:
    """Correlation of two pictures inside a mask, blurred as ECC blurs them."""
    a = cv2.GaussianBlur(one, (5, 5), 0)[mask > 0]
    b = cv2.GaussianBlur(two, (5, 5), 0)[mask > 0]
    if len(a) < 2:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))
