"""Two sets of boxes laid side by side: which truth box overlaps which predicted box, and how much.

Every metric reads the same sparse table of overlapping pairs. Pairs that do not overlap are never
stored: a hundred people in a frame make ten thousand pairs, of which a few hundred overlap.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.overlaps import Boxes, overlaps
from deepsort_reid.structures.mot_rows import MotRows


@dataclass(frozen=True, eq=False)
class Side:
    """The boxes of one side, ordered by frame and, within a frame, as they came."""

    row: NDArray[np.int64]  # (R,) row in the caller's MotRows
    frame: NDArray[np.int64]  # (R,) 1-based, never decreasing
    id: NDArray[np.int64]  # (R,) 0..len(ids) - 1
    ids: NDArray[np.int64]  # (I,) the caller's id of each of these

    def __len__(self) -> int:
        return len(self.row)

    def keep(self, mask: NDArray[np.bool_]) -> "Side":
        """The boxes where `mask` (R,) is true, ids numbered densely again."""
        used, number = densify(self.id[mask])
        return Side(self.row[mask], self.frame[mask], number, self.ids[used])


@dataclass(frozen=True, eq=False)
class FrameBounds:
    """Frames that have a box, and where their boxes begin: frame i has rows first[i]:first[i+1]."""

    frame: NDArray[np.int64]  # (F,) ascending
    truth: NDArray[np.int64]  # (F + 1,)
    predicted: NDArray[np.int64]  # (F + 1,)

    @cached_property
    def of_truth(self) -> NDArray[np.int64]:
        """For each truth row (R,) which of the F frames it is in."""
        return np.repeat(np.arange(len(self.frame)), np.diff(self.truth))

    @cached_property
    def of_predicted(self) -> NDArray[np.int64]:
        """For each predicted row (R,) which of the F frames it is in."""
        return np.repeat(np.arange(len(self.frame)), np.diff(self.predicted))


def _begins(ascending: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where a new value begins."""
    return np.flatnonzero(np.append(len(ascending) > 0, ascending[1:] != ascending[:-1]))


def frame_bounds(truth: Side, predicted: Side) -> FrameBounds:
    """Where each frame's boxes lie."""
    frame = np.union1d(*(side.frame[_begins(side.frame)] for side in (truth, predicted)))
    return FrameBounds(
        frame,
        np.append(np.searchsorted(truth.frame, frame), len(truth)),
        np.append(np.searchsorted(predicted.frame, frame), len(predicted)),
    )


@dataclass(frozen=True, eq=False)
class Comparison:
    """One sequence: truth, predicted, and their K overlapping pairs.

    Pairs are ordered by truth box; both numbers of a pair are rows of their `Side`.
    """

    truth: Side
    predicted: Side
    pair_truth: NDArray[np.int64]  # (K,) never decreasing
    pair_predicted: NDArray[np.int64]  # (K,)
    similarity: NDArray[np.float64]  # (K,) intersection over union, > 0
    frames: int  # length of the sequence

    @cached_property
    def bounds(self) -> "FrameBounds":
        """Where each frame's boxes lie."""
        return frame_bounds(self.truth, self.predicted)

    @property
    def one_side_empty(self) -> bool:
        return len(self.truth) == 0 or len(self.predicted) == 0

    def keep(self, truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> "Comparison":
        """The comparison of some boxes only: masks over the rows of both sides."""
        if truth.all() and predicted.all():
            return self
        kept = truth[self.pair_truth] & predicted[self.pair_predicted]
        return Comparison(
            self.truth.keep(truth),
            self.predicted.keep(predicted),
            (np.cumsum(truth) - 1)[self.pair_truth[kept]],
            (np.cumsum(predicted) - 1)[self.pair_predicted[kept]],
            self.similarity[kept],
            self.frames,
        )


def compare_boxes(truth: MotRows, predicted: MotRows, *, frames: int | None = None) -> Comparison:
    """Lay two sets of boxes side by side.

    `frames` is the length of the sequence; without it, the last frame that has a box.
    Raises ValueError for an id that is twice in one frame, a frame before 1 or after `frames`,
    and boxes that are not finite or have a negative size.
    """
    left, right = _side(truth, "truth"), _side(predicted, "predicted")
    last = int(max(left.frame.max(initial=0), right.frame.max(initial=0)))
    if frames is not None and last > frames:
        name = "truth" if left.frame.max(initial=0) > frames else "predicted"
        raise ValueError(
            f"{name} boxes lie in frame {last}, but the sequence has {frames} frames: "
            "do both belong to the same sequence?"
        )
    bounds = frame_bounds(left, right)
    found = overlaps(
        Boxes(truth.xyxy, left.row, bounds.truth),
        Boxes(predicted.xyxy, right.row, bounds.predicted),
    )
    return Comparison(left, right, *found, last if frames is None else frames)


def _side(rows: MotRows, name: str) -> Side:
    frame = np.asarray(rows.frame, dtype=np.int64)
    xyxy = np.asarray(rows.xyxy, dtype=np.float64).reshape(-1, 4)
    ids = np.asarray(rows.id, dtype=np.int64)
    if len(frame) and frame.min() < 1:
        raise ValueError(f"frames are counted from 1: {name} has frame {frame.min()}")
    fine = np.isfinite(xyxy[:, 2:]) & np.isfinite(xyxy[:, :2]) & (xyxy[:, 2:] >= xyxy[:, :2])
    if not fine.all():
        row = int(np.argwhere(~fine)[0, 0])
        raise ValueError(
            f"{name} row {row} (frame {frame[row]}, id {ids[row]}) has the box "
            f"{xyxy[row].tolist()}: expected finite x1, y1, x2, y2 with x1 <= x2 and y1 <= y2"
        )
    order = np.argsort(frame, kind="stable")
    distinct, number = densify(ids[order])
    side = Side(order.astype(np.int64), frame[order], number, distinct)
    _refuse_twins(side, name)
    return side


def _refuse_twins(side: Side, name: str) -> None:
    frames, frame = densify(side.frame)
    key = np.sort(frame * len(side.ids) + side.id)
    twins = key[1:][key[1:] == key[:-1]]
    if len(twins):
        at, who = divmod(int(twins[0]), len(side.ids))
        raise ValueError(
            f"an id may be in a frame once: {name} has id {side.ids[who]} "
            f"more than once in frame {frames[at]} ({len(twins)} such rows in all)"
        )


def densify(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct values (D,), ascending, and for each value (R,) which of them it is."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, -1)
    if high - low > 4 * len(values) + (1 << 20):  # too wide apart for a table
        distinct, number = np.unique(values, return_inverse=True)
        return distinct, number.astype(np.int64)
    used = np.zeros(high - low + 1, dtype=np.bool_)
    used[values - low] = True
    return np.flatnonzero(used) + low, (np.cumsum(used) - 1).take(values - low)
