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

from deepsort_reid.vision.camera_motion.background import background_mask
from deepsort_reid.vision.camera_motion.motion import (
    CameraMotion,
    Warp,
    is_plausible,
    max_corner_shift,
)
from deepsort_reid.vision.camera_motion.view_samples import (
    CELLS,
    CellDifferences,
    ViewSamples,
    cell_differences,
    has_changed,
    sample_view,
)

Grey = NDArray[np.uint8]  # (h, w)

# Frames are downscaled to this many rows: accurate to a tenth of a pixel, and fast.
DEFAULT_HEIGHT = 360
# Corner shifts below this, in pixels of the downscaled frame, are noise of the optical flow.
MIN_CORNER_SHIFT = 0.25
# A camera without motion for this many frames is static; then only frames whose point samples have
# changed are compared.
STATIC_AFTER = 5
# The reference frame of a static camera is compared and renewed after this many frames: light
# changes, people uncover background, and a slow drift may not show in the samples.
REFERENCE_LIFETIME = 30
# At each renewal the largest differences of samples so far are multiplied by this: they may be
# those of a person without a box who was near the camera.
DIFFERENCES_DECAY = 0.9
MIN_QUALITY = 0.35


class DownscaledFrame:
    """A downscaled grey frame with a mask of its background, and point samples of the frame."""

    def __init__(
        self, grey: Grey, scale: float, xyxy: ArrayLike | None, samples: ViewSamples
    ) -> None:
        self.grey = grey
        self.samples = samples
        self.scale = scale  # size relative to the frame
        self.background = background_mask(xyxy, scale, grey.shape)

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

    A slow drift adds up until it exceeds the noise. While the camera is static, point samples show
    whether the view has changed, and only then the motion is estimated.

    Args:
        estimate_pair: estimates the motion between two downscaled frames.
        height: frames with more rows are downscaled to this many.
        every_frame: estimate the motion in every frame, also while the camera is static.
    """

    def __init__(
        self, estimate_pair: EstimatePair, height: int, *, every_frame: bool = False
    ) -> None:
        self._estimate_pair = estimate_pair
        self._height = height
        self._every_frame = every_frame
        self._reference: DownscaledFrame | None = None
        self._shape: tuple[int, ...] | None = None
        # Differences of samples between frames that are known to show the same view.
        self._static_differences: CellDifferences = np.zeros(CELLS, dtype=np.float32)
        self._static_frames = 0  # successive frames without motion
        self._quality = 0.0

    def __call__(self, frame: Any, xyxy: ArrayLike | None) -> CameraMotion:
        """Return the motion since the previous call."""
        if self._is_same_view(frame, xyxy):
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
            differences = cell_differences(reference.samples, current.samples)
            self._static_differences = np.maximum(self._static_differences, differences)
            if self._static_frames % REFERENCE_LIFETIME == 0:
                self._reference = current
                self._static_differences = self._static_differences * DIFFERENCES_DECAY
            return CameraMotion.identity(quality)
        self._restart(current)
        self._quality = quality
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
                "samples": reference.samples._asdict(),
            },
            "static_differences": self._static_differences,
            "shape": None if self._shape is None else list(self._shape),
            "static_frames": self._static_frames,
            "quality": self._quality,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after the frame at which `state_dict` was called."""
        reference = state["reference"]
        self._reference = None
        if reference is not None:
            samples = ViewSamples(**reference["samples"])
            self._reference = DownscaledFrame(reference["grey"], reference["scale"], None, samples)
            self._reference.background = reference["background"]
        self._static_differences = state["static_differences"]
        self._shape = None if state["shape"] is None else tuple(state["shape"])
        self._static_frames, self._quality = state["static_frames"], state["quality"]

    def _is_same_view(self, frame: Any, xyxy: ArrayLike | None) -> bool:
        """Whether the camera is static, and point samples of the frame show no change."""
        # `_static_frames` counts this frame as well after it: the reference is due to be renewed.
        is_due = (self._static_frames + 1) % REFERENCE_LIFETIME == 0
        if self._every_frame or is_due or self._static_frames < STATIC_AFTER:
            return False
        if self._reference is None or not _is_image(frame) or frame.shape != self._shape:
            return False
        differences = cell_differences(self._reference.samples, sample_view(frame, xyxy))
        return not has_changed(differences, self._static_differences)

    def _restart(self, current: DownscaledFrame | None) -> CameraMotion:
        self._reference = current
        self._static_differences = np.zeros(CELLS, dtype=np.float32)
        self._static_frames = 0
        self._quality = 0.0
        return CameraMotion.identity()

    def _downscale(self, frame: Any, xyxy: ArrayLike | None) -> DownscaledFrame | None:
        """Convert a frame, BGR or grey; None for anything that is not an image."""
        if not _is_image(frame):
            return None
        samples = sample_view(frame, xyxy)
        if frame.ndim == 3:
            frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        scale = min(1.0, self._height / frame.shape[0])
        if scale < 1:
            size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        return DownscaledFrame(np.asarray(frame, dtype=np.uint8), scale, xyxy, samples)


def _is_image(frame: Any) -> bool:
    """Whether it is a uint8 image, BGR or grey, large enough for an estimate."""
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or not frame.size:
        return False
    is_grey = frame.ndim == 2
    is_bgr = frame.ndim == 3 and frame.shape[2] == 3
    return (is_grey or is_bgr) and min(frame.shape[:2]) >= 32


def _to_full_size(warp: Warp, scale: float) -> Warp:
    """Convert a warp (2, 3) from downscaled pixels to pixels of the frame."""
    full = warp.copy()
    full[:, 2] /= scale
    # Coordinates are pixel centres: pixel 0 of the downscaled frame has its centre at
    # (1 / scale - 1) / 2 in the frame.
    offset = (1 / scale - 1) / 2
    full[:, 2] += offset - full[:, :2] @ np.full(2, offset)
    return full
