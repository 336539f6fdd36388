"""Who goes with whom: choose pairs of tracks and detections at least total cost.

A cost matrix has one row per track (N) and one column per detection (M).
`inf` marks a pair that may not match. Indices are always rows and columns of
the matrix the caller passed in.
"""

from typing import NamedTuple

import numpy as np
from lap import lapjv
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


class Matching(NamedTuple):
    """Pairs (K, 2) of track row and detection row, and the rows (N - K,), (M - K,) left over."""

    pairs: Rows
    unmatched_tracks: Rows
    unmatched_detections: Rows


def assign(cost: Array, max_cost: float) -> Matching:
    """Match tracks to detections; a pair dearer than `max_cost` stays apart.

    `cost` (N, M) may hold `inf` but no NaN, and `max_cost` is finite; neither is checked.

    Minimises the sum of (cost - max_cost) over the pairs: as many matches as pay for themselves.
    """
    allowed = cost <= max_cost
    # Where a track and a detection have only each other there is nothing to solve, and in most
    # frames that is nearly everybody.
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
    return matching_of(pairs, cost.shape)


def matching_cascade(cost: Array, priority: NDArray[np.int64], max_cost: float) -> Matching:
    """Match in rounds: tracks of the lowest `priority` (N,) choose first.

    With priority = frames since last match this is the matching cascade of
    DeepSORT (Wojke et al. 2017, listing 1): a track seen just now is surer of
    its place than one long hidden, whose gate has grown wide.
    """
    rounds = [np.empty((0, 2), dtype=np.intp)]
    free = np.arange(cost.shape[1])
    hopeful = np.flatnonzero((cost <= max_cost).any(axis=1))
    for level in np.unique(priority[hopeful]):
        rows = hopeful[priority[hopeful] == level]
        local = assign(cost[np.ix_(rows, free)], max_cost).pairs
        rounds.append(np.column_stack([rows[local[:, 0]], free[local[:, 1]]]))
        free = np.delete(free, local[:, 1])
    return matching_of(np.concatenate(rounds), cost.shape)


def matching_of(pairs: Rows, shape: tuple[int, ...]) -> Matching:
    """The pairs (K, 2) out of a matrix of `shape` (N, M), with the rows that are left over."""
    left = []
    for axis in (0, 1):
        free = np.ones(shape[axis], dtype=bool)
        free[pairs[:, axis]] = False
        left.append(np.flatnonzero(free))
    return Matching(pairs, left[0], left[1])


def _solve(cost: Array, max_cost: float) -> Rows:
    """Optimal pairs (K, 2) of a non-empty matrix, forbidden ones possibly among them."""
    # A price just above the limit: lapjv mishandles inf in non-square matrices (gatagat/lap#20),
    # and a huge constant would cost the small ones their digits.
    capped = np.minimum(cost, max_cost + 1e-5 * max(1.0, abs(max_cost)))
    _, column_of_row, _ = lapjv(capped, extend_cost=True)
    rows = np.flatnonzero(column_of_row >= 0)
    return np.column_stack([rows, column_of_row[rows]]).astype(np.intp)
