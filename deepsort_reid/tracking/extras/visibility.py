"""How much of a person is in sight: boxes cut by the edge of the picture or behind nearer ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_NEAR = 2.0  # px from the edge at which a box may be cut by it
_SAME = 1.0  # px within which boxes end at the same place
_OFTEN = 10  # boxes that end at a place before it is taken for the edge,
_SHRUNK = 0.5  # if the narrowest has lost this share of the widest


@dataclass
class _Line:
    """The place furthest out at which boxes end, and the boxes that end there."""

    place: float = -np.inf
    ended: int = 0
    narrowest: float = np.inf
    widest: float = 0.0

    def see(self, ends: Array, width: Array) -> None:
        if ends.max() > self.place + _SAME:
            self.place, self.ended = float(ends.max()), 0
            self.narrowest, self.widest = np.inf, 0.0
        here = width[ends >= self.place - _SAME]
        self.ended += len(here)
        self.narrowest = min(self.narrowest, here.min(initial=np.inf))
        self.widest = max(self.widest, here.max(initial=0))

    def edge(self) -> float:
        """The edge of the picture; infinitely far while it is not known."""
        # Who stands at one place for long ends there, too, but does not get narrower.
        known = self.ended >= _OFTEN and self.narrowest <= (1 - _SHRUNK) * self.widest
        return self.place if known else np.inf


class View:
    """Where the picture ends to the left and to the right.

    That is known from a frame. Without frames it is where boxes end again and again while they get
    narrower, because detectors clip them there; boxes that are not clipped say nothing. Feet below
    the picture mean nothing: who comes near loses them without leaving.
    """

    def __init__(self) -> None:
        self.width: int | None = None  # of the frames, when one was seen
        self._left, self._right = _Line(), _Line()

    def see(self, xyxy: Array) -> None:
        """Learn from one frame's boxes (M, 4)."""
        if self.width is None and len(xyxy):
            width = xyxy[:, 2] - xyxy[:, 0]
            self._left.see(-xyxy[:, 0], width)
            self._right.see(xyxy[:, 2], width)

    def cuts(self, xyxy: Array) -> Flags:
        """Which boxes (N, 4) reach the left or right edge of the picture: (N,)."""
        left, right = -self._left.edge(), self._right.edge()
        if self.width is not None:
            left, right = 0, self.width
        return np.asarray((xyxy[:, 0] <= left + _NEAR) | (xyxy[:, 2] >= right - _NEAR))


def hidden_share(xyxy: Array) -> Array:
    """Share of each box (M, 4) that lies behind the one nearer box that hides most of it: (M,).

    Nearer is who stands lower in the picture.
    """
    nearer = xyxy[:, 3] > xyxy[:, 3, None]
    covered = boxes.intersection(xyxy, xyxy) / np.maximum(boxes.area(xyxy), 1e-9)[:, None]
    return np.asarray(np.where(nearer, covered, 0).max(axis=1, initial=0))
