"""Maximum-weight one-to-one matching of scored box pairs, in all frames at once.

The result equals `scipy.optimize.linear_sum_assignment` on the full matrix of each frame, ties
included. Most pairs need no solver: a pair whose score exceeds the sum of the best competing score
in its row and the best in its column belongs to every optimal matching. Frames in which a pair
remains undecided are solved as a whole.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from deepsort_reid.metrics.comparison import Comparison

# A pair is accepted without the solver only if it wins by more than the solver's rounding error.
MARGIN = 1e-12


def max_weight_matching(
    comparison: Comparison, score: NDArray[np.float64], *, margin: float = MARGIN
) -> NDArray[np.bool_]:
    """The matching with the largest sum of `score` (K,), >= 0, in each frame, as a mask (K,).

    Pairs with score 0 are never matched.
    """
    row, column = comparison.pair_truth, comparison.pair_predicted
    matched = np.zeros(len(score), dtype=np.bool_)
    row_is_free = np.ones(len(comparison.truth), dtype=np.bool_)
    column_is_free = np.ones(len(comparison.predicted), dtype=np.bool_)
    remaining: NDArray[np.int64] | slice = slice(None)
    # The sum of all competitors is cheaper to compute than the best one, and usually small enough.
    competing = _sum_of_others
    while True:
        weight, rows, columns = score[remaining], row[remaining], column[remaining]
        bound = competing(rows, weight)
        bound += competing(columns, weight)
        won = np.flatnonzero(weight > bound + margin)
        if len(won) == 0 and competing is _best_other:
            break
        row_is_free[rows.take(won)] = False
        column_is_free[columns.take(won)] = False
        pairs = np.arange(len(score)) if isinstance(remaining, slice) else remaining
        matched[pairs[won]] = True
        free = row_is_free.take(rows) & column_is_free.take(columns) & (weight > 0)
        remaining = pairs.take(np.flatnonzero(free))
        competing = _best_other
    for frame in np.unique(comparison.bounds.frame_of_truth[row[remaining]]).tolist():
        pairs = np.arange(*np.searchsorted(row, comparison.bounds.truth[frame : frame + 2]))
        matched[pairs] = solve_frame(comparison, frame, pairs, score[pairs])
    return matched


def solve_frame(
    comparison: Comparison, frame: int, pairs: NDArray[np.int64], score: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """The optimal matching of one frame by the solver, as a mask (N,).

    Args:
        comparison: the sequence.
        frame: index of the frame in `comparison.bounds`.
        pairs: all candidate pairs (N,) of that frame.
        score: their scores (N,), >= 0; a pair with score 0 is never matched.
    """
    top, bottom = comparison.bounds.truth[frame : frame + 2]
    left, right = comparison.bounds.predicted[frame : frame + 2]
    matrix = np.zeros((bottom - top, right - left))
    row, column = comparison.pair_truth[pairs] - top, comparison.pair_predicted[pairs] - left
    matrix[row, column] = score
    matched_column = np.full(len(matrix), -1)
    rows, columns = linear_sum_assignment(-matrix)
    matched_column[rows] = columns
    matched: NDArray[np.bool_] = (matched_column[row] == column) & (score > 0)
    return matched


def _sum_of_others(group: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each pair the summed weight of the other pairs of its group: (K,), (K,) -> (K,)."""
    total: NDArray[np.float64] = np.bincount(group, weights=weight).astype(np.float64, copy=False)
    others = total.take(group)
    others -= weight
    return others


def _best_other(group: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each pair the largest weight of another pair of its group, 0 if there is none."""
    if len(group) == 0:
        return np.zeros(0)
    order = np.argsort(group, kind="stable")
    weight, group = weight[order], group[order]
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    size = np.diff(np.append(starts, len(group)))
    best = np.repeat(np.maximum.reduceat(weight, starts), size)
    # The first pair of a group that has the best weight competes with the second best,
    # all the others compete with the best.
    first_best = np.flatnonzero(weight == best)
    group_index = np.repeat(np.arange(len(starts)), size)[first_best]
    is_first = np.concatenate([[True], group_index[1:] != group_index[:-1]])
    first_best = first_best[is_first]
    without_best = weight.copy()
    without_best[first_best] = 0.0
    result = best
    result[first_best] = np.maximum.reduceat(without_best, starts)
    in_input_order = np.empty_like(result)
    in_input_order[order] = result
    return in_input_order
