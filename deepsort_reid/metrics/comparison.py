"""Two sets of boxes laid side by side: which truth box overlaps which predicted box, and how much.

Every metric reads the same sparse table of overlapping pairs. Pairs that do not overlap are never
stored: a hundred people in a frame make ten thousand pairs, of which a few hundred overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.mot import MotRows

# Boxes and unions smaller than this have no overlap with anything (TrackEval's rule).
EPS = float(np.finfo(np.float64).eps)

# Candidate pairs looked at in one go: bounds the memory, some 20 MB, whatever the scene.
CANDIDATES_AT_ONCE = 1 << 18


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
        used, number = np.unique(self.id[mask], return_inverse=True)
        return Side(self.row[mask], self.frame[mask], number.astype(np.int64), self.ids[used])


@dataclass(frozen=True, eq=False)
class Comparison:
    """One sequence: truth, predicted, and their K overlapping pairs.

    Pairs are ordered by truth box, then by predicted box; both count rows of their `Side`.
    """

    truth: Side
    predicted: Side
    pair_truth: NDArray[np.int64]  # (K,)
    pair_predicted: NDArray[np.int64]  # (K,)
    similarity: NDArray[np.float64]  # (K,) intersection over union, > 0
    frames: int  # length of the sequence

    @property
    def one_side_empty(self) -> bool:
        return len(self.truth) == 0 or len(self.predicted) == 0

    def keep(self, truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> "Comparison":
        """The comparison of some boxes only: masks over the rows of both sides."""
        stays = truth[self.pair_truth] & predicted[self.pair_predicted]
        return Comparison(
            self.truth.keep(truth),
            self.predicted.keep(predicted),
            (np.cumsum(truth) - 1)[self.pair_truth[stays]],
            (np.cumsum(predicted) - 1)[self.pair_predicted[stays]],
            self.similarity[stays],
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
    parts = list(_overlaps(left, right, truth.xyxy[left.row], predicted.xyxy[right.row]))
    pair_truth, pair_predicted, similarity = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    order = np.lexsort((pair_predicted, pair_truth))
    return Comparison(
        left,
        right,
        pair_truth[order],
        pair_predicted[order],
        similarity[order],
        last if frames is None else frames,
    )


def _side(rows: MotRows, name: str) -> Side:
    frame = np.asarray(rows.frame, dtype=np.int64)
    xyxy = np.asarray(rows.xyxy, dtype=np.float64).reshape(-1, 4)
    ids = np.asarray(rows.id, dtype=np.int64)
    if len(frame) and frame.min() < 1:
        raise ValueError(f"frames are counted from 1: {name} has frame {frame.min()}")
    wrong = ~np.isfinite(xyxy).all(axis=1) | (xyxy[:, 2:] < xyxy[:, :2]).any(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{name} row {row} (frame {frame[row]}, id {ids[row]}) has the box "
            f"{xyxy[row].tolist()}: expected finite x1, y1, x2, y2 with x1 <= x2 and y1 <= y2"
        )
    order = np.argsort(frame, kind="stable")
    distinct, number = np.unique(ids[order], return_inverse=True)
    side = Side(order.astype(np.int64), frame[order], number.astype(np.int64), distinct)
    _refuse_twins(side, name)
    return side


def _refuse_twins(side: Side, name: str) -> None:
    order = np.lexsort((side.id, side.frame))
    frame, number = side.frame[order], side.id[order]
    twin = np.flatnonzero((frame[1:] == frame[:-1]) & (number[1:] == number[:-1]))
    if len(twin):
        raise ValueError(
            f"an id may be in a frame once: {name} has id {side.ids[number[twin[0]]]} "
            f"more than once in frame {frame[twin[0]]} ({len(twin)} such rows in all)"
        )


def _overlaps(
    truth: Side, predicted: Side, a: NDArray[np.float64], b: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Yield (truth row, predicted row, IoU) of overlapping boxes, unordered, in bounded pieces.

    Frames are laid out one after another along x, so that one sorted array and two searches find
    for every truth box the predicted boxes of its frame whose left edge is near enough.
    """
    none = np.empty(0, dtype=np.int64)
    yield none, none, np.empty(0)
    if len(truth) == 0 or len(predicted) == 0:
        return
    low = min(a[:, 0].min(), b[:, 0].min())
    span = max(a[:, 2].max(), b[:, 2].max()) - low + 1.0
    left = (b[:, 0] - low) + predicted.frame * span
    order = np.argsort(left, kind="stable")
    left = left[order]
    # The layout loses some digits of x; look a little further than that.
    slack = 8 * EPS * float(left[-1]) + span * 1e-12
    widest = np.zeros(int(predicted.frame[-1]) + 2)
    np.maximum.at(widest, predicted.frame, b[:, 2] - b[:, 0])
    reach = widest[np.minimum(truth.frame, len(widest) - 1)]
    base = truth.frame * span - low
    first = np.searchsorted(left, np.maximum(a[:, 0] - reach, low) + base - slack)
    count = np.searchsorted(left, a[:, 2] + base + slack, side="right") - first
    ends = np.cumsum(count)
    begin = 0
    while begin < len(truth):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + CANDIDATES_AT_ONCE)))
        number = count[begin:end]
        row = np.repeat(np.arange(begin, end), number)
        within = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
        column = order[first[row] + within]
        # A neighbouring frame may reach in by the slack.
        near = (
            (truth.frame[row] == predicted.frame[column])
            & (b[column, 2] > a[row, 0])
            & (b[column, 0] < a[row, 2])
        )
        row, column = row[near], column[near]
        similarity = _paired_iou(a[row], b[column])
        overlap = similarity > 0
        yield row[overlap], column[overlap], similarity[overlap]
        begin = end


def _paired_iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of a[i] with b[i]: (K, 4), (K, 4) -> (K,); the rounding of TrackEval, bit by bit."""
    high = np.minimum(a[:, 2:], b[:, 2:])
    low = np.maximum(a[:, :2], b[:, :2])
    width, height = np.maximum(high - low, 0).T
    intersection = width * height
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    union = area_a + area_b - intersection
    valid = (area_a > EPS) & (area_b > EPS) & (union > EPS)
    iou = np.zeros_like(union)
    np.divide(intersection, union, out=iou, where=valid)
    return iou
