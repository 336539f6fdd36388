"""Two sets of boxes laid side by side: which truth box overlaps which predicted box, and how much.

Every metric reads the same sparse table of overlapping pairs. Pairs that do not overlap are never
stored: a hundred people in a frame make ten thousand pairs, of which a few hundred overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.mot import MotRows

# Boxes and unions smaller than this have no overlap with anything (TrackEval's rule).
EPS = float(np.finfo(np.float64).eps)

# Candidate pairs looked at in one go: bounds the memory, some 5 MB, whatever the scene.
CANDIDATES_AT_ONCE = 1 << 16


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
class Bounds:
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
    def bounds(self) -> "Bounds":
        """Where each frame's boxes lie."""
        frame = np.union1d(self.truth.frame, self.predicted.frame)
        return Bounds(
            frame,
            np.append(np.searchsorted(self.truth.frame, frame), len(self.truth)),
            np.append(np.searchsorted(self.predicted.frame, frame), len(self.predicted)),
        )

    @property
    def one_side_empty(self) -> bool:
        return len(self.truth) == 0 or len(self.predicted) == 0

    def keep(self, truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> "Comparison":
        """The comparison of some boxes only: masks over the rows of both sides."""
        if truth.all() and predicted.all():
            return self
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
    length = last if frames is None else frames
    return Comparison(left, right, pair_truth, pair_predicted, similarity, length)


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
    return np.flatnonzero(used) + low, (np.cumsum(used) - 1)[values - low]


def _overlaps(
    truth: Side, predicted: Side, a: NDArray[np.float64], b: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Yield (truth row, predicted row, IoU) of overlapping boxes by truth row, in bounded pieces.

    Frames are laid out one after another along x, so that one sorted array and two searches find
    for every truth box the predicted boxes of its frame whose left edge is near enough.
    """
    none = np.empty(0, dtype=np.int64)
    yield none, none, np.empty(0)
    if len(truth) == 0 or len(predicted) == 0:
        return
    low = min(a[:, 0].min(), b[:, 0].min())
    extent = max(a[:, 2].max(), b[:, 2].max()) - low
    span = extent * 1.0001 + 1.0  # room between frames for what the layout rounds away
    frame, number = densify(np.concatenate([truth.frame, predicted.frame]))
    base_a, base_b = number[: len(truth)] * span - low, number[len(truth) :] * span - low
    slack = 8 * EPS * len(frame) * span
    order = np.argsort(b[:, 0] + base_b, kind="stable")
    left = (b[:, 0] + base_b)[order]
    widest = np.zeros(len(frame))
    np.maximum.at(widest, number[len(truth) :], b[:, 2] - b[:, 0])
    reach = a[:, 0] - widest[number[: len(truth)]]
    first = np.searchsorted(left, np.maximum(reach, low) + base_a - slack)
    count = np.searchsorted(left, a[:, 2] + base_a + slack, side="right") - first
    a, b = a.T.copy(), b[order].T.copy()  # (4, R): one array per edge
    area_a, area_b = _area(a), _area(b)
    ends = np.cumsum(count)
    begin = 0
    while begin < len(truth):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + CANDIDATES_AT_ONCE)))
        many = count[begin:end]
        row = np.repeat(np.arange(begin, end), many)
        place = np.arange(len(row)) + np.repeat(first[begin:end] - np.cumsum(many) + many, many)
        for low_edge, high_edge in ((0, 2), (1, 3)):
            near = (b[high_edge][place] > a[low_edge][row]) & (
                b[low_edge][place] < a[high_edge][row]
            )
            row, place = row[near], place[near]
        similarity = _paired_iou(a[:, row], b[:, place], area_a[row], area_b[place])
        overlap = similarity > 0
        yield row[overlap], order[place[overlap]], similarity[overlap]
        begin = end


def _area(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas of boxes given by their edges x1, y1, x2, y2: (4, R) -> (R,)."""
    area: NDArray[np.float64] = (edges[2] - edges[0]) * (edges[3] - edges[1])
    return area


def _paired_iou(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    area_a: NDArray[np.float64],
    area_b: NDArray[np.float64],
) -> NDArray[np.float64]:
    """IoU of boxes a[:, i] and b[:, i], (4, K) each, that overlap: (K,).

    Operation for operation that of TrackEval, so that equal overlaps stay exactly equal.
    """
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    intersection = width * height
    union = area_a + area_b - intersection
    valid = (area_a > EPS) & (area_b > EPS) & (union > EPS)
    iou = np.zeros(len(union))
    np.divide(intersection, union, out=iou, where=valid)
    return iou
