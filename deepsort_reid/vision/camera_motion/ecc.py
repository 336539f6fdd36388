"""Camera motion by maximising the enhanced correlation coefficient (ECC)."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.vision.camera_motion.motion import CameraMotion, Warp, nearest_similarity
from deepsort_reid.vision.camera_motion.reference_frame import (
    DownscaledFrame,
    Grey,
    ReferenceFrameEstimator,
)

MIN_CORRELATION = 0.85  # of two aligned images; below, the alignment failed
MIN_CONTRAST = 2.0  # standard deviation of grey levels


class Ecc:
    """Camera motion by aligning whole images (Evangelidis and Psarakis 2008, OpenCV's ECC).

    Slower than `SparseFlow` and limited to smaller motions, but needs no corners. The quality is
    the correlation of the aligned images.

    Args:
        height: frames with more rows are downscaled to this many.
        iterations: upper limit of ECC iterations per start.
    """

    def __init__(self, *, height: int = 180, iterations: int = 40) -> None:
        self._criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, 1e-5)
        self._estimator = ReferenceFrameEstimator(self._estimate, height)

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
        if min(previous.grey.std(), current.grey.std()) < MIN_CONTRAST:
            return None
        first, second = previous.grey.astype(np.float32), current.grey.astype(np.float32)
        mask = previous.background & current.background
        best = self._align(first, second, mask)
        if best is None or best[0] < MIN_CORRELATION:
            return None
        correlation, warp = best
        # Alignment raises the correlation of a moved camera's images much. Where it gains little,
        # people moved and not the camera.
        unaligned = _masked_correlation(first, second, mask)
        if 1 - unaligned < 2 * (1 - correlation):
            return np.eye(2, 3), float(np.clip(unaligned, 0, 1))
        return nearest_similarity(warp, first.shape), float(np.clip(correlation, 0, 1))

    def _align(
        self, first: NDArray[np.float32], second: NDArray[np.float32], mask: Grey
    ) -> tuple[float, Any] | None:
        """Correlation and affine warp (2, 3) of the best ECC alignment; None if none converges."""
        window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
        # On copies: OpenCV multiplies the window into the images it is given.
        shift, _ = cv2.phaseCorrelate(first.copy(), second.copy(), window)
        best: tuple[float, Any] | None = None
        # Phase correlation fails on repetitive images: also start from no motion.
        for dx, dy in ((0.0, 0.0), (shift[0], shift[1])):
            start = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32)
            try:
                correlation, warp = cv2.findTransformECC(
                    first, second, start, cv2.MOTION_AFFINE, self._criteria, mask, 5
                )
            except cv2.error:  # no convergence, or the images do not overlap
                continue
            if best is None or correlation > best[0]:
                best = (float(correlation), warp)
            if np.hypot(shift[0], shift[1]) < 0.5:
                break
        return best


def _masked_correlation(
    first: NDArray[np.float32], second: NDArray[np.float32], mask: Grey
) -> float:
    """Correlation of two images inside a mask, after the blur that ECC applies."""
    a = cv2.GaussianBlur(first, (5, 5), 0)[mask > 0]
    b = cv2.GaussianBlur(second, (5, 5), 0)[mask > 0]
    if len(a) < 2:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))
