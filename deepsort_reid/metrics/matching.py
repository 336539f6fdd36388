"""Who is whom: the heaviest one-to-one choice among scored pairs, for all frames at once.

The answer is that of `scipy.optimize.linear_sum_assignment` on each frame's full matrix, ties
included. Most pairs need no solver: one that outweighs the best rival of its row and the best
rival of its column together is part of every best choice, because giving up both rivals for it
can only gain. Frames in which some pair stays undecided go to the solver whole.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from deepsort_reid.metrics.comparison import Comparison

# A pair must win by more than the solver's own rounding, or the solver decides.
MARGIN = 1e-12


def heaviest(
    comparison: Comparison, score: NDArray[np.float64], *, margin: float = MARGIN
) -> NDArray[np.bool_]:
    """Mask (K,) of the pairs chosen so that the sum of `score` (K,), >= 0, is largest per frame.

    Pairs that score 0 are never chosen.
    """
    chosen = np.zeros(len(score), dtype=np.bool_)
    alive = np.flatnonzero(score > 0)
    row, column = comparison.pair_truth, comparison.pair_predicted
    while len(alive):
        weight = score[alive]
        rival = _best_other(row[alive], weight) + _best_other(column[alive], weight)
        sure = alive[weight > rival + margin]
        if len(sure) == 0:
            break
        chosen[sure] = True
        taken_row = np.zeros(len(comparison.truth), dtype=np.bool_)
        taken_column = np.zeros(len(comparison.predicted), dtype=np.bool_)
        taken_row[row[sure]] = True
        taken_column[column[sure]] = True
        alive = alive[~(taken_row[row[alive]] | taken_column[column[alive]])]
    if len(alive):
        frame = comparison.truth.frame[row]
        for number in np.unique(frame[alive]):
            pairs = np.arange(*np.searchsorted(frame, [number, number + 1]))
            chosen[pairs] = solve(comparison, int(number), pairs, score[pairs])
    return chosen


def solve(
    comparison: Comparison, frame: int, pairs: NDArray[np.int64], score: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Mask over `pairs` (K',), all in `frame`, chosen by the solver on the frame's full matrix."""
    first, last = np.searchsorted(comparison.truth.frame, [frame, frame + 1])
    left, right = np.searchsorted(comparison.predicted.frame, [frame, frame + 1])
    matrix = np.zeros((last - first, right - left))
    row, column = comparison.pair_truth[pairs] - first, comparison.pair_predicted[pairs] - left
    matrix[row, column] = score
    partner = np.full(last - first, -1)
    rows, columns = linear_sum_assignment(-matrix)
    partner[rows] = columns
    taken: NDArray[np.bool_] = (partner[row] == column) & (score > 0)
    return taken


def _best_other(group: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each pair the largest weight of another pair in its group, 0 where it is alone."""
    order = np.argsort(group, kind="stable")
    weight, group = weight[order], group[order]
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    size = np.diff(np.append(starts, len(group)))
    best = np.repeat(np.maximum.reduceat(weight, starts), size)
    # The first of each group that reaches the best is the winner; everybody else's rival.
    winner = np.flatnonzero(weight == best)
    number = np.repeat(np.arange(len(starts)), size)[winner]
    winner = winner[np.concatenate([[True], number[1:] != number[:-1]])]
    without = weight.copy()
    without[winner] = 0.0
    result = best
    result[winner] = np.maximum.reduceat(without, starts)
    original = np.empty_like(result)
    original[order] = result
    return original
