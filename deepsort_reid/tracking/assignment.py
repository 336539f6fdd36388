"""Linear assignment: pairs of tracks and detections with the lowest total cost.

A cost matrix has one row per track (N) and one column per detection (M). `inf` marks a pair that
must not be matched. Indices are always rows and columns of the matrix that was passed in.
"""

from typing import NamedTuple

import numpy as np
from lap import lapjv
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


class Matching(NamedTuple):
    """Pairs (K, 2) of track row and detection row, and unmatched rows (N - K,) and (M - K,)."""

    pairs: Rows
    unmatched_tracks: Rows
    unmatched_detections: Rows


def assign(cost: Array, max_cost: float) -> Matching:
    """Match tracks and detections; no pair that costs more than `max_cost` is matched.

    `cost` (N, M) may hold `inf` but no NaN, and `max_cost` is finite; neither is checked.

    Minimises the sum of (cost - max_cost) over the matched pairs: every pair below the maximum
    that can be added lowers it.
    """
    allowed = cost <= max_cost
    # A track and a detection that allow only each other need no solver. In most frames these are
    # nearly all pairs.
    sole = allowed & (allowed.sum(axis=1) == 1)[:, None] & (allowed.sum(axis=0) == 1)
    pairs = np.argwhere(sole)
    allowed[pairs[:, 0]] = False
    rows, columns = np.flatnonzero(allowed.any(axis=1)), np.flatnonzero(allowed.any(axis=0))
    if len(rows):
        contested = np.ix_(rows, columns)
        local = _solve(cost[contested], max_cost)
        accepted = allowed[contested][local[:, 0], local[:, 1]]
        local = local[accepted]
        pairs = np.concatenate([pairs, np.column_stack([rows[local[:, 0]], columns[local[:, 1]]])])
    return matching_from_pairs(pairs, cost.shape)


def matching_cascade(cost: Array, priority: NDArray[np.int64], max_cost: float) -> Matching:
    """Match in rounds: tracks of the lowest `priority` (N,) are matched first.

    With priority = frames since the last match this is the matching cascade of DeepSORT
    (Wojke et al. 2017, listing 1): recently matched tracks have precedence, because the gate of a
    track grows while it is not observed.
    """
    rounds = [np.empty((0, 2), dtype=np.intp)]
    free = np.arange(cost.shape[1])
    candidate_rows = np.flatnonzero((cost <= max_cost).any(axis=1))
    for level in np.unique(priority[candidate_rows]):
        rows = candidate_rows[priority[candidate_rows] == level]
        local = assign(cost[np.ix_(rows, free)], max_cost).pairs
        rounds.append(np.column_stack([rows[local[:, 0]], free[local[:, 1]]]))
        free = np.delete(free, local[:, 1])
    return matching_from_pairs(np.concatenate(rounds), cost.shape)


def matching_from_pairs(pairs: Rows, shape: tuple[int, ...]) -> Matching:
    """The matching of these pairs (K, 2) of a matrix of `shape` (N, M)."""
    unmatched = []
    for axis in (0, 1):
        free = np.ones(shape[axis], dtype=bool)
        free[pairs[:, axis]] = False
        unmatched.append(np.flatnonzero(free))
    return Matching(pairs, unmatched[0], unmatched[1])


def _solve(cost: Array, max_cost: float) -> Rows:
    """Optimal pairs (K, 2) of a non-empty matrix; forbidden pairs may be among them."""
    # Forbidden pairs get a cost just above the maximum: lapjv mishandles inf in non-square matrices
    # (gatagat/lap#20), and a huge constant would lose the digits of the small costs.
    capped = np.minimum(cost, max_cost + 1e-5 * max(1.0, abs(max_cost)))
    _, column_of_row, _ = lapjv(capped, extend_cost=True)
    rows = np.flatnonzero(column_of_row >= 0)
    return np.column_stack([rows, column_of_row[rows]]).astype(np.intp)
