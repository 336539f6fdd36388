"""The frames that a fixed lag buffers, and the smoothed boxes of the one that is emitted next."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.tracking.frame_input import checked_camera
from deepsort_reid.tracking.refinement.two_filter_smoother import (
    InformationState,
    filter_backwards,
    measurement_information,
)

Array = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(eq=False, slots=True)
class BufferedFrame:
    """The matched tracks of one frame (T,), tentative ones included, in the order of their keys."""

    number: int  # of the update, from 1
    time: float  # sum of dt since the start, in frames
    clock: int  # the same in whole frames, as `Tracks.age` counts them
    given_time: float  # as in `Event`
    to_first: Array  # (3, 3), maps coordinates of this frame to those of the first frame
    key: Int  # (T,) of the track histories, ascending
    xywh: Array  # (T, 4) measured centre and size, in coordinates of the first frame
    score: Array  # (T,)
    detection: Int  # (T,) row of the input detection
    data: Mapping[str, NDArray[Any]]  # columns (M, ...) of the input detections

    def sort_by_key(self) -> None:
        """Bring the rows into the order of their keys."""
        order = np.argsort(self.key)
        self.key, self.xywh = self.key[order], self.xywh[order]
        self.score, self.detection = self.score[order], self.detection[order]

    def with_key_replaced(self, old: int, new: int) -> "BufferedFrame":
        """This frame, or a copy in which the track with key `old` has the key `new`."""
        if old not in self.key:
            return self
        replaced = replace(self, key=np.where(self.key == old, new, self.key))
        replaced.sort_by_key()
        return replaced

    def rows_of(self, key: Int) -> NDArray[np.intp]:
        """The row of each key (N,), -1 where that track was not matched in this frame."""
        return _rows_of(self.key, key)

    def xywh_of(self, key: Int) -> Array:
        """Centre and size (N, 4) of the tracks `key` (N,), NaN where not matched."""
        rows = self.rows_of(key)
        matched = rows >= 0
        xywh = np.full((len(key), 4), np.nan)
        xywh[matched] = self.xywh[rows[matched]]
        return xywh


class LagSmoother:
    """Smooths the boxes of the oldest buffered frame by its past and by the buffered future."""

    def __init__(self) -> None:
        self._key = np.empty(0, dtype=np.int64)
        self._past, self._time = InformationState.new_tracks(0), 0.0

    def smooth(self, buffer: deque[BufferedFrame], key: Int, min_size: Array) -> Array:
        """Smoothed boxes (N, 4) of the tracks `key` (N,), ascending, in the oldest frame.

        Call it exactly once per frame: the frame then becomes part of the past. Boxes are in
        coordinates of the first frame, and no smaller than `min_size` (N, 2).
        """
        frames = list(buffer)
        future = filter_backwards(_information(frames[1:], key), [frame.time for frame in frames])
        xywh = self._update_past(frames[0], key).fuse(future).position()
        xywh[:, 2:] = np.maximum(xywh[:, 2:], min_size)
        return boxes.xywh_to_xyxy(xywh)

    def _update_past(self, frame: BufferedFrame, key: Int) -> InformationState:
        """The states of the tracks `key` (N,) given the frames up to and including `frame`."""
        rows = _rows_of(self._key, key)
        known = rows >= 0
        past = InformationState.new_tracks(len(key))
        propagated = self._past.propagate(frame.time - self._time)
        past.rows[:, :, known] = propagated.rows[:, :, rows[known]]
        past = past.add_measurement(frame.xywh_of(key))
        self._key, self._past, self._time = key, past, frame.time
        return past


def _information(frames: list[BufferedFrame], key: Int) -> Array:
    """What F frames tell about the tracks `key` (N,), for `filter_backwards`: (F, 6, N)."""
    added = np.zeros((len(frames), 6, len(key)))
    if frames:
        number = np.repeat(np.arange(len(frames)), [len(frame.key) for frame in frames])
        rows = _rows_of(key, np.concatenate([frame.key for frame in frames]))
        known = rows >= 0
        measured = np.concatenate([frame.xywh for frame in frames])
        added[number[known], :, rows[known]] = measurement_information(measured[known])
    return added


def _rows_of(known: Int, key: Int) -> NDArray[np.intp]:
    """The row of each key (N,) in the ascending keys `known` (K,), -1 where it is missing."""
    if not len(known):
        return np.full(len(key), -1, dtype=np.intp)
    rows = np.minimum(np.searchsorted(known, key), len(known) - 1)
    return np.where(known[rows] == key, rows, -1)


def warp_boxes(xyxy: Array, warp: Array) -> Array:
    """Boxes (N, 4) after a camera motion (3, 3): centres by the warp, sizes by its zoom alone."""
    (a, b, _), (c, d, _), _ = warp.tolist()
    zoom = math.sqrt(abs(a * d - b * c))
    center = (xyxy[:, :2] + xyxy[:, 2:]) / 2 @ warp[:2, :2].T + warp[:2, 2]
    half = (xyxy[:, 2:] - xyxy[:, :2]) / 2 * zoom
    return np.concatenate([center - half, center + half], axis=1)


def inverse_camera_motion(camera: Array | None) -> Array:
    """The matrix (3, 3) that maps this frame to the previous one; the identity for None.

    Raises ValueError when `camera` is no finite affine matrix (2, 3), or cannot be inverted.
    """
    warp, checked = np.eye(3), checked_camera(camera)
    if checked is None:
        return warp
    warp[:2] = checked
    if abs(np.linalg.det(warp)) < 1e-9:
        raise ValueError(f"camera must be an invertible affine matrix, got {warp[:2].tolist()}")
    return inverse_affine(warp)


def inverse_affine(warp: Array) -> Array:
    """The inverse (3, 3) of a matrix (3, 3) whose last row is 0, 0, 1."""
    (a, b, x), (c, d, y), _ = warp.tolist()
    det = a * d - b * c
    return np.array(
        [
            [d / det, -b / det, (b * y - d * x) / det],
            [-c / det, a / det, (c * x - a * y) / det],
            [0.0, 0.0, 1.0],
        ]
    )
