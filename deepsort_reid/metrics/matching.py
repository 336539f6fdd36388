"""Maximum-weight one-to-one matching of box pairs, for all frames at once.

The answer is that of `scipy.optimize.linear_sum_assignment` on each frame's full matrix, ties
included. Most pairs need no solver: one that outweighs the best rival of its row and the best
rival of its column together is part of every best choice, because giving up both rivals for it
can only gain. Frames in which some pair match_history undecided go to the solver whole.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from deepsort_reid.metrics.comparison import Comparison

# A pair must win by more than the solver's own rounding, or the solver decides.
MARGIN = 1e-12


def max_weight_matching(
    comparison: Comparison, score: NDArray[np.float64], *, margin: float = MARGIN
) -> NDArray[np.bool_]:
    """Mask (K,) of the pairs chosen so that the sum of `score` (K,), >= 0, is largest per frame.

    Pairs that score 0 are never chosen.
    """
    row, column = comparison.pair_truth, comparison.pair_predicted
    chosen = np.zeros(len(score), dtype=np.bool_)
    free_row = np.ones(len(comparison.truth), dtype=np.bool_)
    free_column = np.ones(len(comparison.predicted), dtype=np.bool_)
    alive: NDArray[np.int64] | slice = slice(None)
    # The sum of all rivals is quicker to have than the best one, and nearly always small enough.
    rivals = _sum_of_others
    while True:
        weight, of_row, of_column = score[alive], row[alive], column[alive]
        rival = rivals(of_row, weight)
        rival += rivals(of_column, weight)
        won = np.flatnonzero(weight > rival + margin)
        if len(won) == 0 and rivals is _best_other:
            break
        free_row[of_row.take(won)] = False
        free_column[of_column.take(won)] = False
        numbers = np.arange(len(score)) if isinstance(alive, slice) else alive
        chosen[numbers[won]] = True
        free = free_row.take(of_row) & free_column.take(of_column) & (weight > 0)
        alive = numbers.take(np.flatnonzero(free))
        rivals = _best_other
    frame = comparison.bounds.of_truth[row[alive]]
    for number in np.unique(frame):
        ends = comparison.bounds.truth[number : number + 2]
        pairs = np.arange(*np.searchsorted(row, ends))
        chosen[pairs] = solve_frame(comparison, int(number), pairs, score[pairs])
    return chosen


def solve_frame(
    comparison: Comparison, frame: int, pairs: NDArray[np.int64], score: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Mask over `pairs` (K',), all those of one frame of `bounds`, chosen on its full matrix."""
    top, bottom = comparison.bounds.truth[frame : frame + 2]
    left, right = comparison.bounds.predicted[frame : frame + 2]
    matrix = np.zeros((bottom - top, right - left))
    row, column = comparison.pair_truth[pairs] - top, comparison.pair_predicted[pairs] - left
    matrix[row, column] = score
    partner = np.full(len(matrix), -1)
    rows, columns = linear_sum_assignment(-matrix)
    partner[rows] = columns
    taken: NDArray[np.bool_] = (partner[row] == column) & (score > 0)
    return taken


def _sum_of_others(group: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each pair the summed weight of the other pairs in its group."""
    total: NDArray[np.float64] = np.bincount(group, weights=weight).astype(np.float64, copy=False)
    others = total.take(group)
    others -= weight
    return others


def _best_other(group: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each pair the largest weight of another pair in its group, 0 where it is alone."""
    if len(group) == 0:
        return np.zeros(0)
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
