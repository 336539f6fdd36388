"""Sequences of a static camera, seen through a window that moves over their images.

The window pans, zooms and shakes along a known path, so that the camera motion, the detections and
the ground truth of the moving view are known exactly.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

WINDOW = 0.6  # width and height of the window as fractions of the image
MIN_INSIDE = 0.5  # share of a box inside the window, below which it is dropped
SHAKE_SECONDS = 0.04  # time within which the hand that holds a camera does not move on its own


@dataclass(frozen=True, eq=False)
class StaticView:
    """A sequence of a static camera; `frames` iterates over its images, BGR uint8."""

    name: str
    size: tuple[int, int]  # width, height in pixels
    frame_rate: float
    frames: Callable[[], Iterator[Image]]
    detections: tuple[Detections, ...]  # of each frame, with embeddings
    truth: MotRows
    protocol: str  # of the evaluation, "plain" or "mot16"

    @property
    def length(self) -> int:
        """Number of frames."""
        return len(self.detections)


@dataclass(frozen=True, eq=False)
class MovingView:
    """A sequence seen through a moving window.

    to_window: (length, 3, 3), similarities from pixels of the sequence to pixels of the window.
    """

    size: tuple[int, int]  # of the window
    to_window: Array
    detections: tuple[Detections, ...]
    truth: MotRows

    def render(self, frame: Image, number: int) -> Image:
        """Return the image of the window in frame `number`, from 1."""
        matrix = self.to_window[number - 1, :2]
        seen = cv2.warpAffine(frame, matrix, self.size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(seen, dtype=np.uint8)

    @property
    def warps(self) -> Array:
        """True camera motion (length, 2, 3) from the frame before; the identity first."""
        before = np.concatenate([self.to_window[:1], self.to_window[:-1]])
        return (self.to_window @ np.linalg.inv(before))[:, :2]


def _pan(seconds: Array, rng: np.random.Generator) -> Array:
    turn = 2 * np.pi * seconds
    return _poses(len(seconds), x=0.18 * np.sin(turn / 10), y=0.1 * np.sin(turn / 7))


def _zoom(seconds: Array, rng: np.random.Generator) -> Array:
    return _poses(len(seconds), zoom=0.3 * np.sin(2 * np.pi * seconds / 6))


def _shake(seconds: Array, rng: np.random.Generator) -> Array:
    smoothing = SHAKE_SECONDS / max(seconds[1] - seconds[0], 1e-9)
    offsets = np.arange(-np.ceil(3 * smoothing), np.ceil(3 * smoothing) + 1)
    kernel = np.exp(-(offsets**2) / (2 * smoothing**2))
    noise = rng.standard_normal((3, len(seconds) + len(kernel) - 1))
    x, y, turn = (np.convolve(row, kernel / np.linalg.norm(kernel), "valid") for row in noise)
    return _poses(len(seconds), x=0.008 * x, y=0.008 * y, turn=np.deg2rad(0.5) * turn)


def _all(seconds: Array, rng: np.random.Generator) -> Array:
    pan = np.asarray(_pan(seconds, rng) * (0.4, 0.4, 1, 1))  # the zoom shows more of the image
    return pan + _zoom(seconds, rng) + _shake(seconds, rng)


def _poses(length: int, **columns: Array) -> Array:
    """Poses (length, 4): shift of the centre in image sizes, logarithm of the zoom, and turn."""
    names = ("x", "y", "zoom", "turn")
    return np.column_stack([columns.get(name, np.zeros(length)) for name in names])


PATHS: dict[str, Callable[[Array, np.random.Generator], Array]] = {
    "pan": _pan,
    "zoom": _zoom,
    "shake": _shake,
    "pan, zoom, shake": _all,
}


def moving_view(view: StaticView, path: str, seed: int = 0) -> MovingView:
    """Return the sequence seen through a window that moves along a path of `PATHS`."""
    seconds = np.arange(view.length) / view.frame_rate
    poses = PATHS[path](seconds, np.random.default_rng([seed, 1]))
    image = np.array(view.size, dtype=float)
    width, height = (round(WINDOW * length) for length in view.size)
    to_window = np.tile(np.eye(3), (view.length, 1, 1))
    for matrix, (x, y, zoom, turn) in zip(to_window, poses, strict=True):
        cos, sin = np.exp(zoom) * np.array([np.cos(turn), np.sin(turn)])
        matrix[:2, :2] = [[cos, -sin], [sin, cos]]
        centre = image * (0.5 + x, 0.5 + y)
        matrix[:2, 2] = np.array([width, height]) / 2 - matrix[:2, :2] @ centre
    detections = []
    for found, matrix in zip(view.detections, to_window, strict=True):
        xyxy, is_inside = _seen(found.xyxy, matrix[None], (width, height))
        kept = found[is_inside]
        detections.append(replace(kept, xyxy=xyxy[is_inside]))
    truth = view.truth
    xyxy, is_inside = _seen(truth.xyxy, to_window[truth.frame - 1], (width, height))
    seen = replace(truth[is_inside], xyxy=xyxy[is_inside])
    return MovingView((width, height), to_window, tuple(detections), seen)


def _seen(xyxy: Array, to_window: Array, size: tuple[int, int]) -> tuple[Array, NDArray[np.bool_]]:
    """Boxes (R, 4) in the window, clipped to it, and which of them are inside (R,).

    to_window: (R, 3, 3), or (1, 3, 3) for all. The sides of a box stay parallel to the image.
    """
    xywh = boxes.xyxy_to_xywh(xyxy)
    centre = np.einsum("rij,rj->ri", to_window[:, :2, :2], xywh[:, :2]) + to_window[:, :2, 2]
    zoom = np.hypot(to_window[:, 0, 0], to_window[:, 1, 0])[:, None]
    moved = boxes.xywh_to_xyxy(np.column_stack([centre, xywh[:, 2:] * zoom]))
    clipped = boxes.clip(moved, *size)
    return clipped, boxes.area(clipped) >= MIN_INSIDE * boxes.area(moved)
