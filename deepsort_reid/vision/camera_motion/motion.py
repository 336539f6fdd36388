"""How the camera moved from frame to frame, as a similarity: rotation, zoom and shift.

An estimator is called once per frame, `motion = estimator(frame, xyxy)`, with the boxes of the
people in it, who are no background. It never raises because of a frame: what it cannot tell is
no motion of quality 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Warp = NDArray[np.float64]  # (2, 3)
Grey = NDArray[np.uint8]  # (h, w)

# Frames are looked at with so many rows: enough for a tenth of a pixel, and quick.
ROWS = 360
# Corners of the small picture that move less than this did not move: it is the noise of the flow.
STILL = 0.25
# After so many frames without motion the camera stands; then only every so many are looked at.
STANDS_AFTER, LOOK_EVERY = 5, 5
# What a camera does between two frames; more is a cut or a mistake.
MAX_SHIFT, MAX_ROTATION, MAX_ZOOM = 0.35, 0.35, 1.3  # share of the width, radians, factor
MIN_QUALITY = 0.35


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """Motion of the picture since the previous frame.

    warp: (2, 3) float64, maps pixels of the previous frame to this one: [x, y, 1] -> warp @ it.
    quality: 0 (nothing known: the warp is the identity) to 1.
    """

    warp: Warp
    quality: float

    @classmethod
    def none(cls, quality: float = 0.0) -> "CameraMotion":
        """The identity."""
        return cls(np.eye(2, 3), quality)

    @property
    def is_identity(self) -> bool:
        """Is this exactly no motion?"""
        return bool((self.warp == np.eye(2, 3)).all())


class _View:
    """A small grey picture and where its background is."""

    def __init__(self, grey: Grey, scale: float, xyxy: ArrayLike | None) -> None:
        self.grey = grey
        self.scale = scale  # small pixels per pixel
        self.background: Grey = np.full(grey.shape, 255, dtype=np.uint8)
        for left, top, right, bottom in _grown(xyxy, scale, grey.shape).tolist():
            self.background[top:bottom, left:right] = 0

    def is_background(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which points (P, 2) lie in the picture and on its background?"""
        height, width = self.grey.shape
        limit = np.array([width - 1, height - 1])
        inside = np.all((points >= 0) & (points <= limit), axis=1)
        x, y = np.clip(np.rint(points), 0, limit).astype(np.int64).T
        return np.asarray(inside & (self.background[y, x] > 0))


class _Watch:
    """Decides when to look, what is noise and what is motion; the same for every estimator.

    Frames are compared with a reference that moves on only when the camera did: slow drift adds
    up until it shows, and what happened between two looks is caught up with at the second.
    """

    def __init__(
        self, estimate: Callable[[_View, _View], tuple[Warp, float] | None], rows: int
    ) -> None:
        self._estimate = estimate
        self._rows = rows
        self._reference: _View | None = None
        self._shape: tuple[int, ...] | None = None
        self._still = 0  # frames in a row without motion
        self._quality = 0.0

    def __call__(self, frame: Any, xyxy: ArrayLike | None) -> CameraMotion:
        standing = self._still >= STANDS_AFTER
        same = isinstance(frame, np.ndarray) and frame.shape == self._shape
        if standing and same and self._still % LOOK_EVERY:
            self._still += 1
            return CameraMotion.none(self._quality)
        now = self._look(frame, xyxy)
        before, self._shape = self._reference, getattr(frame, "shape", None)
        if now is None or before is None or before.grey.shape != now.grey.shape:
            return self._start_over(now)
        try:
            found = self._estimate(before, now)
        except cv2.error:
            found = None
        if found is None or not _plausible(*found, now.grey.shape):
            return self._start_over(now)
        warp, self._quality = found
        if _corner_shift(warp, now.grey.shape) < STILL:
            self._still += 1
            if self._still % (6 * LOOK_EVERY) == 0:
                self._reference = now  # light changes, people uncover background
            return CameraMotion.none(self._quality)
        self._still = 0
        self._reference = now
        full = warp.copy()
        full[:, 2] /= now.scale
        # Pixel centres: pixel 0 of the small picture lies (1 / scale - 1) / 2 from the large one's.
        offset = (1 / now.scale - 1) / 2
        full[:, 2] += offset - full[:, :2] @ np.full(2, offset)
        return CameraMotion(full, self._quality)

    def _start_over(self, now: _View | None) -> CameraMotion:
        self._reference = now
        self._still = 0
        self._quality = 0.0
        return CameraMotion.none()

    def _look(self, frame: Any, xyxy: ArrayLike | None) -> _View | None:
        """A small grey view, or None of something that is no picture."""
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or not frame.size:
            return None
        if frame.ndim == 3 and frame.shape[2] == 3:
            frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        if frame.ndim != 2 or min(frame.shape) < 32:
            return None
        scale = min(1.0, self._rows / frame.shape[0])
        if scale < 1:
            size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        return _View(np.asarray(frame, dtype=np.uint8), scale, xyxy)


def _plausible(warp: Warp, quality: float, shape: tuple[int, ...]) -> bool:
    if not np.isfinite(warp).all() or quality < MIN_QUALITY:
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


def _corner_shift(warp: Warp, shape: tuple[int, ...]) -> float:
    """How far the corner of the picture moves that moves most, in its pixels."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
    moved = corners @ warp[:, :2].T + warp[:, 2]
    return float(np.linalg.norm(moved - corners, axis=1).max())


def _similarity(affine: ArrayLike, shape: tuple[int, ...]) -> Warp:
    """The similarity nearest to an affine warp (2, 3) that moves the centre alike."""
    warp = np.asarray(affine, dtype=np.float64)
    a, b = (warp[0, 0] + warp[1, 1]) / 2, (warp[1, 0] - warp[0, 1]) / 2
    turn = np.array([[a, -b], [b, a]])
    centre = np.array([shape[1] / 2, shape[0] / 2])
    shift = warp[:, :2] @ centre + warp[:, 2] - turn @ centre
    return np.column_stack([turn, shift])


def _grown(xyxy: ArrayLike | None, scale: float, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Boxes in small pixels, a tenth larger on each side, inside the picture; bad ones left out."""
    box = np.asarray([] if xyxy is None else xyxy, dtype=np.float64)
    if box.ndim != 2 or box.shape[1] != 4:
        return np.empty((0, 4), dtype=np.int64)
    box = box[np.isfinite(box).all(axis=1)] * scale
    margin = 0.1 * (box[:, 2:] - box[:, :2]) + 1
    limit = np.array([shape[1], shape[0]])
    first = np.clip(np.floor(box[:, :2] - margin), 0, limit)
    last = np.clip(np.ceil(box[:, 2:] + margin), 0, limit)
    return np.concatenate([first, last], axis=1).astype(np.int64)
