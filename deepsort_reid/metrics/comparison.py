"""The overlapping pairs of ground-truth and predicted boxes of a sequence: input of all metrics.

Pairs that do not overlap are not stored: 100 persons in a frame make 10 000 pairs, of which a few
hundred overlap.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.overlaps import BoxesByFrame, overlaps
from deepsort_reid.structures.mot_rows import MotRows


@dataclass(frozen=True, eq=False)
class Side:
    """R boxes, ground truth or predicted, ordered by frame and, within a frame, by input row."""

    row: NDArray[np.int64]  # (R,) row in the caller's MotRows
    frame: NDArray[np.int64]  # (R,) from 1, never decreasing
    id: NDArray[np.int64]  # (R,) 0..I - 1, an index into `ids`
    ids: NDArray[np.int64]  # (I,) ids of the input, ascending

    def __len__(self) -> int:
        return len(self.row)

    def keep(self, mask: NDArray[np.bool_]) -> "Side":
        """The boxes where `mask` (R,) is true, with ids renumbered to 0..I' - 1."""
        used, dense_id = densify(self.id[mask])
        return Side(self.row[mask], self.frame[mask], dense_id, self.ids[used])


@dataclass(frozen=True, eq=False)
class FrameBounds:
    """The F frames that have a box, and the rows of their boxes.

    Frame i has the ground-truth rows truth[i]:truth[i + 1], and likewise for predicted rows.
    """

    frame: NDArray[np.int64]  # (F,) frame numbers, ascending
    truth: NDArray[np.int64]  # (F + 1,)
    predicted: NDArray[np.int64]  # (F + 1,)

    @cached_property
    def frame_of_truth(self) -> NDArray[np.int64]:
        """Index of the frame, 0..F - 1, of each ground-truth row (R,)."""
        return np.repeat(np.arange(len(self.frame)), np.diff(self.truth))


def _first_indices(ascending: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the first occurrence of each distinct value."""
    return np.flatnonzero(np.append(len(ascending) > 0, ascending[1:] != ascending[:-1]))


def frame_bounds(truth: Side, predicted: Side) -> FrameBounds:
    """The frames of two sides and the rows of their boxes."""
    frame = np.union1d(*(side.frame[_first_indices(side.frame)] for side in (truth, predicted)))
    return FrameBounds(
        frame,
        np.append(np.searchsorted(truth.frame, frame), len(truth)),
        np.append(np.searchsorted(predicted.frame, frame), len(predicted)),
    )


@dataclass(frozen=True, eq=False)
class Comparison:
    """Ground truth and predictions of one sequence, and their K overlapping pairs of boxes.

    Pairs are ordered by ground-truth row. `pair_truth` and `pair_predicted` are rows of a `Side`.
    """

    truth: Side
    predicted: Side
    pair_truth: NDArray[np.int64]  # (K,) never decreasing
    pair_predicted: NDArray[np.int64]  # (K,)
    similarity: NDArray[np.float64]  # (K,) intersection over union, > 0
    frames: int  # length of the sequence in frames

    @cached_property
    def bounds(self) -> "FrameBounds":
        """The rows of each frame's boxes."""
        return frame_bounds(self.truth, self.predicted)

    @property
    def one_side_empty(self) -> bool:
        """Whether there is no ground truth or no prediction."""
        return len(self.truth) == 0 or len(self.predicted) == 0

    def keep(self, truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> "Comparison":
        """The comparison of the boxes where masks `truth` (R,) and `predicted` (P,) are true."""
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
    """Find the overlapping pairs of boxes of one sequence.

    Args:
        truth: ground truth.
        predicted: predictions.
        frames: length of the sequence; by default the last frame that has a box.

    Raises:
        ValueError: an id occurs twice in a frame, a frame number is below 1 or above `frames`, or
            a box is not finite or has a negative width or height.
    """
    truth_side, predicted_side = _side(truth, "truth"), _side(predicted, "predicted")
    last_truth, last_predicted = (
        int(side.frame.max(initial=0)) for side in (truth_side, predicted_side)
    )
    last = max(last_truth, last_predicted)
    if frames is not None and last > frames:
        name = "truth" if last_truth > frames else "predicted"
        raise ValueError(
            f"{name} boxes in frame {last}, but the sequence has {frames} frames: "
            "do ground truth and predictions belong to the same sequence?"
        )
    bounds = frame_bounds(truth_side, predicted_side)
    pairs = overlaps(
        BoxesByFrame(truth.xyxy, truth_side.row, bounds.truth),
        BoxesByFrame(predicted.xyxy, predicted_side.row, bounds.predicted),
    )
    return Comparison(truth_side, predicted_side, *pairs, last if frames is None else frames)


def _side(rows: MotRows, name: str) -> Side:
    """The boxes ordered by frame, after a check of their values. `name` is used in messages."""
    frame = np.asarray(rows.frame, dtype=np.int64)
    xyxy = np.asarray(rows.xyxy, dtype=np.float64).reshape(-1, 4)
    ids = np.asarray(rows.id, dtype=np.int64)
    if len(frame) and frame.min() < 1:
        raise ValueError(f"{name}: expected frame numbers from 1, got {frame.min()}")
    is_valid = np.isfinite(xyxy[:, 2:]) & np.isfinite(xyxy[:, :2]) & (xyxy[:, 2:] >= xyxy[:, :2])
    if not is_valid.all():
        row = int(np.argwhere(~is_valid)[0, 0])
        raise ValueError(
            f"{name} row {row} (frame {frame[row]}, id {ids[row]}): expected finite x1, y1, x2, y2 "
            f"with x1 <= x2 and y1 <= y2, got {xyxy[row].tolist()}"
        )
    order = np.argsort(frame, kind="stable")
    distinct, dense_id = densify(ids[order])
    side = Side(order.astype(np.int64), frame[order], dense_id, distinct)
    _check_unique_ids(side, name)
    return side


def _check_unique_ids(side: Side, name: str) -> None:
    frames, frame = densify(side.frame)
    key = np.sort(frame * len(side.ids) + side.id)
    repeated = key[1:][key[1:] == key[:-1]]
    if len(repeated):
        frame_index, id_index = divmod(int(repeated[0]), len(side.ids))
        raise ValueError(
            f"{name}: expected each id at most once per frame, got id {side.ids[id_index]} more "
            f"than once in frame {frames[frame_index]} ({len(repeated)} repeated rows in total)"
        )


def densify(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct values, ascending (D,), and the index of each value among them (R,)."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, -1)
    if high - low > 4 * len(values) + (1 << 20):  # a lookup table would be too large
        distinct, index = np.unique(values, return_inverse=True)
        return distinct, index.astype(np.int64)
    used = np.zeros(high - low + 1, dtype=np.bool_)
    used[values - low] = True
    return np.flatnonzero(used) + low, (np.cumsum(used) - 1).take(values - low)
