"""CLEAR: misses, false positives and identity switches, frame by frame.

Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT
metrics", 2008; mostly tracked and mostly lost after Li, Huang and Nevatia, 2009.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.comparison import EPS, Comparison
from deepsort_reid.metrics.matching import solve

THRESHOLD = 0.5  # IoU from which a predicted box may stand for a truth box

# What a pair weighs more when it was together in the frame before: more than any sum of overlaps,
# so that a switch is only made when nothing else is left.
TOGETHER_BEFORE = 1000.0

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
    order = np.lexsort((rows, truth.id[rows]))
    rows, pairs = rows[order], pairs[order]
    person = truth.id[rows]
    track = predicted.id[comparison.pair_predicted[pairs]]
    turn = both_sides_turn(comparison)[rows]
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


def both_sides_turn(comparison: Comparison) -> NDArray[np.int64]:
    """For each truth row (R,) the ordinal of its frame among those with boxes on both sides, or -1.

    A frame in which one side is empty neither ends a stay together nor fragments a track.
    """
    frames = np.intersect1d(comparison.truth.frame, comparison.predicted.frame)
    turn = np.searchsorted(frames, comparison.truth.frame)
    return np.where(np.isin(comparison.truth.frame, frames), turn, -1)


def clear_matches(comparison: Comparison, threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """Pairs (K',) that CLEAR matches, by their number in the comparison, ascending.

    In each frame: keep as many pairs of the previous frame as possible, then make the sum of the
    overlaps largest. Only frames where two pairs compete depend on the frame before; the rest is
    decided at once.
    """
    near = np.flatnonzero(comparison.similarity >= threshold - EPS)
    similarity = comparison.similarity[near]
    row, column = comparison.pair_truth[near], comparison.pair_predicted[near]
    track, frame = comparison.predicted.id[column], comparison.truth.frame[row]
    alone = (np.bincount(row)[row] == 1) & (np.bincount(column)[column] == 1)
    chosen = alone.copy()
    # The track matched to each truth row, -1 for none; the last entry is "no row before this".
    partner = np.full(len(comparison.truth) + 1, -1, dtype=np.int64)
    partner[row[alone]] = track[alone]
    before = _row_before(comparison)
    contested = np.flatnonzero(~alone)
    for group in np.split(contested, np.flatnonzero(np.diff(frame[contested])) + 1):
        score = TOGETHER_BEFORE * (track[group] == partner[before[row[group]]]) + similarity[group]
        won = _decide(row[group].tolist(), column[group].tolist(), score.tolist())
        if won is None:
            first, last = np.searchsorted(frame, [frame[group[0]], frame[group[0]] + 1])
            group = np.arange(first, last)
            together = track[group] == partner[before[row[group]]]
            score = TOGETHER_BEFORE * together + similarity[group]
            won = np.flatnonzero(solve(comparison, int(frame[first]), near[group], score)).tolist()
        pairs = group[won]
        chosen[pairs] = True
        partner[row[pairs]] = track[pairs]
    pairs_chosen: NDArray[np.int64] = near[chosen]
    return pairs_chosen


def _row_before(comparison: Comparison) -> NDArray[np.int64]:
    """For each truth row the row of the same person one turn earlier, len(truth) where none."""
    truth, turn = comparison.truth, both_sides_turn(comparison)
    order = np.lexsort((truth.frame, truth.id))
    order = order[turn[order] >= 0]
    person, turn = truth.id[order], turn[order]
    follows = (person[1:] == person[:-1]) & (turn[1:] == turn[:-1] + 1)
    before = np.full(len(truth), len(truth), dtype=np.int64)
    before[order[1:][follows]] = order[:-1][follows]
    return before


def _decide(rows: list[int], columns: list[int], score: list[float]) -> list[int] | None:
    """The heaviest choice among a handful of pairs, or None when only the solver can tell.

    The same rule as `matching.heaviest`, in plain Python: for three pairs an array costs more.
    """
    alive = list(range(len(score)))
    won = []
    while alive:
        sure = -1
        for pair in alive:
            rivals = (
                max((score[i] for i in alive if i != pair and same[i] == same[pair]), default=0.0)
                for same in (rows, columns)
            )
            if score[pair] > sum(rivals) + DECISIVE:
                sure = pair
                break
        if sure < 0:
            return None
        won.append(sure)
        alive = [i for i in alive if rows[i] != rows[sure] and columns[i] != columns[sure]]
    return sorted(won)
