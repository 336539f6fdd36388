"""The frames that a fixed lag holds back, and where the tracks in them were."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.tracking.refinement import two_filter_smoother
from deepsort_reid.tracking.refinement.two_filter_smoother import Belief
from deepsort_reid.tracking.tracker import checked_camera

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(eq=False, slots=True)
class HeldFrame:
    """What was seen in one frame: the rows of matched tracks, tentative ones included."""

    number: int
    time: float  # in frames
    clock: int  # the tracker's
    to_start: Array  # (3, 3), coordinates of this frame -> those of the first
    key: Whole = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # (T,), rising
    xywh: Array = field(default_factory=lambda: np.empty((0, 4)))  # in coordinates of the first
    score: Array = field(default_factory=lambda: np.empty(0))
    detection: Whole = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def fill(self, key: Whole, xyxy: Array, score: Array, detection: Whole) -> None:
        """Tracks (T,) in any order; boxes in coordinates of the first frame."""
        order = np.argsort(key)
        self.key, self.xywh = key[order], boxes.xyxy_to_xywh(xyxy[order])
        self.score, self.detection = score[order], detection[order]

    def rename(self, later: int, earlier: int) -> None:
        """The track `later` is `earlier`."""
        self.key[self.key == later] = earlier
        order = np.argsort(self.key)
        self.key, self.xywh = self.key[order], self.xywh[order]
        self.score, self.detection = self.score[order], self.detection[order]

    def rows_of(self, key: Whole) -> NDArray[np.intp]:
        """The row of each of the tracks (N,), -1 where it was not seen."""
        return _rows_of(self.key, key)

    def xywh_of(self, key: Whole) -> Array:
        """Centre and size (N, 4) of tracks (N,), NaN where one was not seen."""
        rows = self.rows_of(key)
        seen = rows >= 0
        found = np.full((len(key), 4), np.nan)
        found[seen] = self.xywh[rows[seen]]
        return found


class Smoother:
    """Boxes of the frame that leaves, by the past that left and the future that is held."""

    def __init__(self) -> None:
        self._key = np.empty(0, dtype=np.int64)
        self._past, self._time = two_filter_smoother.new(0), 0.0

    def boxes(self, held: deque[HeldFrame], key: Whole, smallest: Array) -> Array:
        """Boxes (N, 4) in the oldest frame held of tracks `key` (N,), rising, none smaller than
        `smallest` (N, 2); in coordinates of the first frame.

        To be called once for each frame: it is then a part of the past.
        """
        leaving, future, time = held[0], two_filter_smoother.unknown(len(key)), held[-1].time
        for frame in list(held)[:0:-1]:
            future = two_filter_smoother.passed(future, frame.time - time)
            future = two_filter_smoother.seen(future, frame.xywh_of(key))
            time = frame.time
        future = two_filter_smoother.passed(future, leaving.time - time)
        xywh = (self._remembered(leaving, key) + future).place()
        xywh[:, 2:] = np.maximum(xywh[:, 2:], smallest)
        return boxes.xywh_to_xyxy(xywh)

    def _remembered(self, leaving: HeldFrame, key: Whole) -> Belief:
        """What the frames up to the leaving one tell about tracks (N,)."""
        rows = _rows_of(self._key, key)
        known = rows >= 0
        past = two_filter_smoother.new(len(key))
        for part, before in zip(
            past, two_filter_smoother.passed(self._past, leaving.time - self._time), strict=True
        ):
            part[known] = before[rows[known]]
        past = two_filter_smoother.seen(past, leaving.xywh_of(key))
        self._key, self._past, self._time = key, past, leaving.time
        return past


def _rows_of(known: Whole, key: Whole) -> NDArray[np.intp]:
    """The row of each key (N,) in `known` (K,), which rises; -1 where it is not there."""
    if not len(known):
        return np.full(len(key), -1, dtype=np.intp)
    rows = np.minimum(np.searchsorted(known, key), len(known) - 1)
    return np.where(known[rows] == key, rows, -1)


def moved(xyxy: Array, warp: Array) -> Array:
    """Boxes (N, 4) seen by another camera position: centres by `warp` (3, 3), sizes by its zoom."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 @ warp[:2, :2].T + warp[:2, 2]
    half = (xyxy[:, 2:] - xyxy[:, :2]) / 2 * np.sqrt(abs(np.linalg.det(warp[:2, :2])))
    return np.concatenate([centre - half, centre + half], axis=1)


def undone(camera: Array | None) -> Array:
    """The motion back (3, 3): this frame -> the one before.

    Raises ValueError when `camera` is no affine (2, 3), or maps the picture on a line.
    """
    warp, given = np.eye(3), checked_camera(camera)
    if given is not None:
        warp[:2] = given
    if abs(np.linalg.det(warp)) < 1e-9:
        raise ValueError(f"camera must not map the picture on a line, got {warp[:2].tolist()}")
    return np.asarray(np.linalg.inv(warp))
