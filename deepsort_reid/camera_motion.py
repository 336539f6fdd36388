"""How the camera moved from frame to frame, as a similarity: rotation, zoom and shift.

An estimator is called once per frame, `motion = estimator(frame, xyxy)`, with the boxes of the
people in it, who are no background. It never raises because of a frame: what it cannot tell is
no motion of quality 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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


class FromFile:
    """Camera motion that was estimated before, one line per frame.

    A line is a number and the six values of the warp (2, 3), row by row, separated by blanks or
    commas. The first line belongs to frame 1 and is the identity, the next maps frame 1 to 2.
    Called frame by frame it answers for frames start, start + every, ...; `at` for any frame.

    Raises ValueError with file and line for a line that is not so.
    """

    def __init__(self, path: Path | str, *, start: int = 1, every: int = 1) -> None:
        self._warps = _read_warps(Path(path))
        self._next = start
        self._every = every
        self._last: int | None = None

    def __call__(self, frame: Any = None, xyxy: ArrayLike | None = None) -> CameraMotion:
        """Motion from the frame of the last call to the next; the picture is not looked at."""
        number, last = self._next, self._last
        self._next += self._every
        self._last = number
        if last is None:
            return CameraMotion.none()
        warp, quality = np.eye(3), 1.0
        for k in range(last + 1, number + 1):
            motion = self.at(k)
            warp = np.vstack([motion.warp, [0, 0, 1]]) @ warp
            quality = min(quality, motion.quality)
        return CameraMotion(warp[:2], quality)

    def at(self, number: int) -> CameraMotion:
        """Motion from frame number - 1 to `number`; none, of quality 0, outside the file."""
        if not 1 <= number <= len(self._warps):
            return CameraMotion.none()
        return CameraMotion(self._warps[number - 1].copy(), 1.0)


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


def _correlation(one: NDArray[np.float32], two: NDArray[np.float32], mask: Grey) -> float:
    """Correlation of two pictures inside a mask, blurred as ECC blurs them."""
    a = cv2.GaussianBlur(one, (5, 5), 0)[mask > 0]
    b = cv2.GaussianBlur(two, (5, 5), 0)[mask > 0]
    if len(a) < 2:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))


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


def _read_warps(path: Path) -> NDArray[np.float64]:
    """Warps (N, 2, 3) of a file, one per line."""
    warps: list[list[float]] = []
    for line, text in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not text.strip():
            continue
        try:
            values = [float(word) for word in text.replace(",", " ").split()]
        except ValueError:
            values = []
        if len(values) != 7 or not np.isfinite(values).all():
            raise ValueError(
                f"{path}:{line}: expected a number and the 6 values of a warp, got {text.strip()!r}"
            )
        warps.append(values[1:])
    if not warps:
        raise ValueError(f"{path}: expected one warp per line, got an empty file")
    return np.array(warps).reshape(-1, 2, 3)
