"""What the image-based estimators share: downscaled frames and comparison with a reference frame.

An estimator is called once per frame, `motion = estimator(frame, xyxy)`, with the boxes of the
people, which are excluded from the background. No frame makes it raise: where the motion cannot
be estimated, the result is the identity with quality 0.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.vision.camera_motion.motion import (
    CameraMotion,
    Warp,
    is_plausible,
    max_corner_shift,
)

Grey = NDArray[np.uint8]  # (h, w)

# Frames are downscaled to this many rows: accurate to a tenth of a pixel, and fast.
DEFAULT_HEIGHT = 360
# Corner shifts below this, in pixels of the downscaled frame, are noise of the optical flow.
MIN_CORNER_SHIFT = 0.25
# A camera without motion for this many frames is static; then only every n-th frame is compared.
STATIC_AFTER, STATIC_INTERVAL = 5, 5
# The reference frame of a static camera is renewed after this many frames: light changes, and
# people uncover background.
REFERENCE_LIFETIME = 6 * STATIC_INTERVAL
MIN_QUALITY = 0.35


class DownscaledFrame:
    """A downscaled grey frame with a mask of its background."""

    def __init__(self, grey: Grey, scale: float, xyxy: ArrayLike | None) -> None:
        self.grey = grey
        self.scale = scale  # size relative to the frame
        self.background: Grey = np.full(grey.shape, 255, dtype=np.uint8)  # 0 inside boxes
        for left, top, right, bottom in _scaled_boxes(xyxy, scale, grey.shape).tolist():
            self.background[top:bottom, left:right] = 0

    def is_background(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which points (P, 2) are inside the image and on its background: (P,)."""
        height, width = self.grey.shape
        limit = np.array([width - 1, height - 1])
        inside = np.all((points >= 0) & (points <= limit), axis=1)
        x, y = np.clip(np.rint(points), 0, limit).astype(np.int64).T
        return np.asarray(inside & (self.background[y, x] > 0))


# Motion from the first to the second frame in downscaled pixels, and its quality; None if unknown.
EstimatePair = Callable[[DownscaledFrame, DownscaledFrame], tuple[Warp, float] | None]


class ReferenceFrameEstimator:
    """Estimates motion against a reference frame, which is renewed when the camera moves.

    A slow drift adds up until it exceeds the noise, and motion between two compared frames of a
    static camera is found at the second.

    Args:
        estimate_pair: estimates the motion between two downscaled frames.
        height: frames with more rows are downscaled to this many.
    """

    def __init__(self, estimate_pair: EstimatePair, height: int) -> None:
        self._estimate_pair = estimate_pair
        self._height = height
        self._reference: DownscaledFrame | None = None
        self._shape: tuple[int, ...] | None = None
        self._static_frames = 0  # successive frames without motion
        self._quality = 0.0

    def __call__(self, frame: Any, xyxy: ArrayLike | None) -> CameraMotion:
        """Return the motion since the previous call."""
        is_static = self._static_frames >= STATIC_AFTER
        same_shape = isinstance(frame, np.ndarray) and frame.shape == self._shape
        if is_static and same_shape and self._static_frames % STATIC_INTERVAL:
            self._static_frames += 1
            return CameraMotion.identity(self._quality)
        current = self._downscale(frame, xyxy)
        reference, self._shape = self._reference, getattr(frame, "shape", None)
        if current is None or reference is None or reference.grey.shape != current.grey.shape:
            return self._restart(current)
        try:
            estimate = self._estimate_pair(reference, current)
        except cv2.error:
            estimate = None
        if estimate is None:
            return self._restart(current)
        warp, quality = estimate
        if quality < MIN_QUALITY or not is_plausible(warp, current.grey.shape):
            return self._restart(current)
        self._quality = quality
        if max_corner_shift(warp, current.grey.shape) < MIN_CORNER_SHIFT:
            self._static_frames += 1
            if self._static_frames % REFERENCE_LIFETIME == 0:
                self._reference = current
            return CameraMotion.identity(quality)
        self._static_frames = 0
        self._reference = current
        return CameraMotion(_to_full_size(warp, current.scale), quality)

    def state_dict(self) -> dict[str, Any]:
        """The state after the last frame: plain data for `load_state_dict`."""
        reference = self._reference
        return {
            "reference": None
            if reference is None
            else {
                "grey": reference.grey,
                "scale": reference.scale,
                "background": reference.background,
            },
            "shape": None if self._shape is None else list(self._shape),
            "static_frames": self._static_frames,
            "quality": self._quality,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after the frame at which `state_dict` was called."""
        reference = state["reference"]
        self._reference = None
        if reference is not None:
            self._reference = DownscaledFrame(reference["grey"], reference["scale"], None)
            self._reference.background = reference["background"]
        self._shape = None if state["shape"] is None else tuple(state["shape"])
        self._static_frames, self._quality = state["static_frames"], state["quality"]

    def _restart(self, current: DownscaledFrame | None) -> CameraMotion:
        self._reference = current
        self._static_frames = 0
        self._quality = 0.0
        return CameraMotion.identity()

    def _downscale(self, frame: Any, xyxy: ArrayLike | None) -> DownscaledFrame | None:
        """Convert a frame, BGR or grey; None for anything that is not an image."""
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or not frame.size:
            return None
        if frame.ndim == 3 and frame.shape[2] == 3:
            frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        if frame.ndim != 2 or min(frame.shape) < 32:
            return None
        scale = min(1.0, self._height / frame.shape[0])
        if scale < 1:
            size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        return DownscaledFrame(np.asarray(frame, dtype=np.uint8), scale, xyxy)


def _to_full_size(warp: Warp, scale: float) -> Warp:
    """Convert a warp (2, 3) from downscaled pixels to pixels of the frame."""
    full = warp.copy()
    full[:, 2] /= scale
    # Coordinates are pixel centres: pixel 0 of the downscaled frame has its centre at
    # (1 / scale - 1) / 2 in the frame.
    offset = (1 / scale - 1) / 2
    full[:, 2] += offset - full[:, :2] @ np.full(2, offset)
    return full


def _scaled_boxes(
    xyxy: ArrayLike | None, scale: float, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Boxes in downscaled pixels, enlarged by a tenth on each side and clipped to the image.

    Boxes that are not finite are left out; an array of another shape counts as no boxes.
    """
    box = np.asarray([] if xyxy is None else xyxy, dtype=np.float64)
    if box.ndim != 2 or box.shape[1] != 4:
        return np.empty((0, 4), dtype=np.int64)
    box = box[np.isfinite(box).all(axis=1)] * scale
    margin = 0.1 * (box[:, 2:] - box[:, :2]) + 1
    limit = np.array([shape[1], shape[0]])
    first = np.clip(np.floor(box[:, :2] - margin), 0, limit)
    last = np.clip(np.ceil(box[:, 2:] + margin), 0, limit)
    return np.concatenate([first, last], axis=1).astype(np.int64)
