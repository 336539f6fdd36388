"""CLEAR: misses, false positives and identity switches, frame by frame.

Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT
metrics", 2008; mostly tracked and mostly lost after Li, Huang and Nevatia, 2009.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.metrics.matching import solve_frame
from deepsort_reid.metrics.overlaps import EPS

THRESHOLD = 0.5  # IoU from which a predicted box may stand for a truth box

# What a pair weighs more when it was together in the frame before: more than any sum of overlaps,
# so that a switch is only made when nothing else is left.
CONTINUITY_BONUS = 1000.0

# A pair must win by more than the solver's rounding at that weight, or the solver decides.
DECISIVE = 1e-9


@dataclass(frozen=True)
class ClearCounts:
    """Counts of one sequence or, added up, of many; ratios are properties in [0, 1]."""

    matches: int = 0  # TP
    misses: int = 0  # FN
    false_positives: int = 0  # FP
    switches: int = 0  # IDSW
    fragments: int = 0  # Frag
    mostly_tracked: int = 0  # people matched in more than 80 % of their frames
    partly_tracked: int = 0
    mostly_lost: int = 0  # people matched in less than 20 % of their frames
    frames: int = 0
    overlap: float = 0.0  # sum of the IoU of all matches
    # A single sequence without truth, or without predictions, has no ratios: all are 0 and the
    # share of lost people is 1, and its frames do not count. A sum of sequences has ratios again.
    one_side_empty: bool = False

    def __add__(self, other: "ClearCounts") -> "ClearCounts":
        names = [field.name for field in fields(self) if field.name != "one_side_empty"]
        return ClearCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def truth_boxes(self) -> int:
        return self.matches + self.misses

    @property
    def people(self) -> int:
        return self.mostly_tracked + self.partly_tracked + self.mostly_lost

    def _share(self, part: float, whole: float) -> float:
        return 0.0 if self.one_side_empty else part / max(1.0, whole)

    @property
    def mota(self) -> float:
        gain = self.matches - self.false_positives - self.switches
        return self._share(gain, self.truth_boxes)

    @property
    def moda(self) -> float:
        """MOTA without the switches: detection alone."""
        return self._share(self.matches - self.false_positives, self.truth_boxes)

    @property
    def motal(self) -> float:
        """MOTA in which switches count by their logarithm."""
        weight = math.log10(self.switches) if self.switches > 0 else 0
        return self._share(self.matches - self.false_positives - weight, self.truth_boxes)

    @property
    def smota(self) -> float:
        """MOTA in which a match counts by its overlap."""
        gain = self.overlap - self.false_positives - self.switches
        return self._share(gain, self.truth_boxes)

    @property
    def motp(self) -> float:
        """Mean IoU of the matches."""
        return self._share(self.overlap, self.matches)

    @property
    def recall(self) -> float:
        return self._share(self.matches, self.truth_boxes)

    @property
    def precision(self) -> float:
        return self._share(self.matches, self.matches + self.false_positives)

    @property
    def f1(self) -> float:
        return self._share(
            self.matches, self.matches + 0.5 * self.misses + 0.5 * self.false_positives
        )

    @property
    def false_positives_per_frame(self) -> float:
        return self._share(self.false_positives, self.frames)

    @property
    def mostly_tracked_share(self) -> float:
        return self._share(self.mostly_tracked, self.people)

    @property
    def partly_tracked_share(self) -> float:
        return self._share(self.partly_tracked, self.people)

    @property
    def mostly_lost_share(self) -> float:
        return 1.0 if self.one_side_empty else self._share(self.mostly_lost, self.people)


def clear(comparison: Comparison) -> ClearCounts:
    """Count matches, misses, false positives, switches and fragments of one sequence."""
    truth, predicted = comparison.truth, comparison.predicted
    if comparison.one_side_empty:
        return ClearCounts(
            misses=len(truth),
            false_positives=len(predicted),
            mostly_lost=len(truth.ids) if len(predicted) == 0 else 0,
            one_side_empty=True,
        )
    pairs = clear_matches(comparison)
    rows = comparison.pair_truth[pairs]
    order = np.argsort(truth.id[rows], kind="stable")
    rows, pairs = rows[order], pairs[order]
    person = truth.id[rows]
    track = predicted.id[comparison.pair_predicted[pairs]]
    turn = shared_frame_index(comparison)[rows]
    same = person[1:] == person[:-1]
    switches = int(np.count_nonzero(same & (track[1:] != track[:-1])))
    fragments = int(np.count_nonzero(same & (turn[1:] != turn[:-1] + 1)))
    present = np.bincount(truth.id, minlength=len(truth.ids))
    tracked = np.bincount(person, minlength=len(truth.ids)) / present
    mostly = int(np.count_nonzero(tracked > 0.8))
    partly = int(np.count_nonzero(tracked >= 0.2)) - mostly
    return ClearCounts(
        matches=len(pairs),
        misses=len(truth) - len(pairs),
        false_positives=len(predicted) - len(pairs),
        switches=switches,
        fragments=fragments,
        mostly_tracked=mostly,
        partly_tracked=partly,
        mostly_lost=len(truth.ids) - mostly - partly,
        frames=comparison.frames,
        overlap=float(comparison.similarity[pairs].sum()),
    )


def clear_matches(comparison: Comparison, threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """Pairs (K',) that CLEAR matches, by their number in the comparison, ascending.

    In each frame: keep the pairs of the previous frame, then make the sum of the overlaps largest.
    Only where pairs compete does the frame before matter; all the others are decided at once.
    """
    before = _row_before(comparison)
    near = np.flatnonzero(comparison.similarity >= threshold - EPS)
    row, column = comparison.pair_truth.take(near), comparison.pair_predicted.take(near)
    alone = (np.bincount(row).take(row) == 1) & (np.bincount(column).take(column) == 1)
    # The track matched to each truth row, -1 for none; the last entry is "no such row".
    partner = np.full(len(comparison.truth) + 1, -1, dtype=np.int64)
    partner[row[alone]] = comparison.predicted.id[column[alone]]
    contested = near[~alone]
    won = _settle(comparison, contested, near, partner, before)
    return np.sort(np.concatenate([near[alone], contested[won]]))


def _settle(
    comparison: Comparison,
    contested: NDArray[np.int64],
    near: NDArray[np.int64],
    partner: NDArray[np.int64],
    before: NDArray[np.int64],
) -> list[int]:
    """Which of the contested pairs win, by their place among them, frame by frame."""
    rows, columns = comparison.pair_truth[contested], comparison.pair_predicted[contested]
    frame = comparison.bounds.of_truth[rows]
    row, column, earlier = rows.tolist(), columns.tolist(), before[rows].tolist()
    track, similarity = comparison.predicted.id[columns].tolist(), comparison.similarity[contested]
    overlap, known = similarity.tolist(), partner[before[rows]].tolist()
    settled: dict[int, int] = {}  # truth row -> track, of the contested ones won so far
    won: list[int] = []
    begin = 0
    for end in np.append(np.flatnonzero(np.diff(frame)) + 1, len(frame)).tolist():
        # No two pairs that compete were both together before, and one that was outweighs all that
        # its rivals could win: pairs that continue are settled first.
        stay = [i for i in range(begin, end) if settled.get(earlier[i], known[i]) == track[i]]
        rows_gone, columns_gone = {row[i] for i in stay}, {column[i] for i in stay}
        free = [
            i
            for i in range(begin, end)
            if row[i] not in rows_gone and column[i] not in columns_gone
        ]
        new = _decide(free, row, column, overlap)
        if new is None:
            here = _pairs_of_frame(comparison, near, int(frame[begin]))
            taken = _solve_frame(comparison, here, partner, before)
            stay, new = [], [i for i in range(begin, end) if contested[i] in taken]
        for i in stay + new:
            partner[row[i]] = settled[row[i]] = track[i]
        won += stay + new
        begin = end
    return won


def _decide(
    pairs: list[int], row: list[int], column: list[int], weight: list[float]
) -> list[int] | None:
    """The matching of largest weight among a few pairs, or None if the solver must decide.

    The rule of `matching.max_weight_matching` in plain Python: for three pairs an array costs more.
    """
    won = []
    while pairs:
        for pair in pairs:
            beside = [weight[i] for i in pairs if row[i] == row[pair] and i != pair]
            above = [weight[i] for i in pairs if column[i] == column[pair] and i != pair]
            if weight[pair] > max(beside, default=0.0) + max(above, default=0.0) + DECISIVE:
                break
        else:
            return None
        won.append(pair)
        pairs = [i for i in pairs if row[i] != row[pair] and column[i] != column[pair]]
    return won


def _solve_frame(
    comparison: Comparison,
    pairs: NDArray[np.int64],
    partner: NDArray[np.int64],
    before: NDArray[np.int64],
) -> set[int]:
    """The pairs that the solver chooses among `pairs`, all that may match in one frame."""
    rows = comparison.pair_truth[pairs]
    track = comparison.predicted.id[comparison.pair_predicted[pairs]]
    together = track == partner[before[rows]]
    score = CONTINUITY_BONUS * together + comparison.similarity[pairs]
    frame = int(comparison.bounds.of_truth[rows[0]])
    return set(pairs[solve_frame(comparison, frame, pairs, score)].tolist())


def _pairs_of_frame(
    comparison: Comparison, near: NDArray[np.int64], frame: int
) -> NDArray[np.int64]:
    first, last = np.searchsorted(comparison.pair_truth, comparison.bounds.truth[frame : frame + 2])
    return near[np.searchsorted(near, first) : np.searchsorted(near, last)]


def _row_before(comparison: Comparison) -> NDArray[np.int64]:
    """For each truth row the row of the same person one turn earlier, len(truth) where none."""
    truth, turn = comparison.truth, shared_frame_index(comparison)
    order = np.argsort(truth.id, kind="stable")
    order = order[turn[order] >= 0]
    person, turn = truth.id[order], turn[order]
    follows = (person[1:] == person[:-1]) & (turn[1:] == turn[:-1] + 1)
    before = np.full(len(truth), len(truth), dtype=np.int64)
    before[order[1:][follows]] = order[:-1][follows]
    return before


def shared_frame_index(comparison: Comparison) -> NDArray[np.int64]:
    """For each truth row (R,) the ordinal of its frame among those with boxes on both sides, or -1.

    A frame in which one side is empty neither ends a stay together nor fragments a track.
    """
    bounds = comparison.bounds
    both = (np.diff(bounds.truth) > 0) & (np.diff(bounds.predicted) > 0)
    turn: NDArray[np.int64] = np.where(both, np.cumsum(both) - 1, -1)[bounds.of_truth]
    return turn
