"""Linear assignment: pairs of tracks and detections with the lowest total cost.

Costs are those of N tracks and M detections. In a crowd nearly all pairs are forbidden, so only the
allowed ones are listed (`AllowedPairs`); a matrix (N, M) is converted by `allowed_pairs`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from lap import lapjv
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]

# Rows of one matrix that is passed to the solver, unless they depend on each other: the solver's
# time grows with their cube, and small matrices are dominated by the time of a call.
_MAX_SOLVED_ROWS = 64


class Matching(NamedTuple):
    """Pairs (K, 2) of track row and detection row, and unmatched rows (N - K,) and (M - K,).

    All are sorted, pairs by track.
    """

    pairs: Rows
    unmatched_tracks: Rows
    unmatched_detections: Rows


class AllowedPairs(NamedTuple):
    """The K pairs of N tracks and M detections that cost at most `max_cost`.

    Attributes:
        row: track of each pair (K,).
        column: detection of each pair (K,).
        cost: cost of each pair (K,), finite.
        shape: (N, M).
        max_cost: the limit, finite.
    """

    row: Rows
    column: Rows
    cost: Array
    shape: tuple[int, ...]
    max_cost: float

    @classmethod
    def of(
        cls, row: Rows, column: Rows, cost: Array, shape: tuple[int, ...], max_cost: float
    ) -> "AllowedPairs":
        """Those of the pairs (P,), of costs without NaN, that are allowed."""
        return cls(row, column, cost, shape, max_cost).select(cost <= max_cost)

    def select(self, pairs: Flags) -> "AllowedPairs":
        """The pairs of a mask (K,)."""
        row, column, cost = (each.compress(pairs) for each in self[:3])
        return AllowedPairs(row, column, cost, self.shape, self.max_cost)

    def without(self, matched: Rows) -> "AllowedPairs":
        """The pairs of tracks and detections that are not among the matched pairs (L, 2)."""
        if not (len(matched) and len(self.row)):
            return self
        free_rows, free_columns = (np.ones(count, dtype=bool) for count in self.shape)
        free_rows[matched[:, 0]] = False
        free_columns[matched[:, 1]] = False
        return self.select(free_rows.take(self.row) & free_columns.take(self.column))


def joined(parts: Sequence[AllowedPairs]) -> AllowedPairs:
    """The pairs of all parts, at least one, of the same tracks and detections."""
    if len(parts) == 1:
        return parts[0]
    row, column, cost = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return AllowedPairs(row, column, cost, parts[0].shape, parts[0].max_cost)


def allowed_pairs(cost: Array, max_cost: float) -> AllowedPairs:
    """The pairs of a cost matrix (N, M), `inf` but no NaN among them, that cost at most `max_cost`.

    `max_cost` is finite.
    """
    row, column = (cost <= max_cost).nonzero()
    return AllowedPairs(row, column, cost[row, column], cost.shape, max_cost)


def assign(allowed: AllowedPairs) -> Matching:
    """Match tracks and detections among the allowed pairs, as `assigned_pairs` says."""
    return matching_from_pairs(assigned_pairs(allowed), allowed.shape)


def assigned_pairs(allowed: AllowedPairs) -> Rows:
    """The pairs (K, 2), in any order, that minimise the sum of (cost - max_cost).

    Every pair below the maximum that can be added lowers the sum.
    """
    row, column = allowed.row, allowed.column
    if not len(row):
        return np.empty((0, 2), dtype=np.intp)
    # A track and a detection that allow only each other need no solver. In most frames these are
    # nearly all pairs.
    sole = np.bincount(row).take(row) + np.bincount(column).take(column) == 2
    pairs = np.empty((len(row), 2), dtype=np.intp)
    pairs[:, 0], pairs[:, 1] = row, column
    if np.count_nonzero(sole) == len(row):
        return pairs
    solved = [_solve(part) for part in _independent_parts(allowed.select(~sole))]
    return np.concatenate([pairs.compress(sole, axis=0), *solved])


def exchange_margins(allowed: AllowedPairs, pairs: Rows) -> Array:
    """The least by which the sum that `assign` minimises rises without each of its pairs (K, 2).

    Without a pair, its track and its detection are matched to unmatched ones or stay unmatched, and
    at most one other pair is changed as well. Longer chains are left out.
    """
    if not len(pairs):
        return np.empty(0)
    count, order = allowed.shape[1], np.argsort(allowed.row * allowed.shape[1] + allowed.column)
    row, column = allowed.row[order], allowed.column[order]
    key, gain = row * count + column, (allowed.max_cost - allowed.cost)[order]

    def gain_of(wanted: Rows) -> Array:
        """Gain of pairs by key, 0 for pairs that are not allowed."""
        at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        return np.asarray(np.where(key[at] == wanted, gain[at], 0.0))

    partner, owner = np.full(allowed.shape[0], -1), np.full(count, -1)
    partner[pairs[:, 0]], owner[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    own = np.zeros(len(partner))
    own[pairs[:, 0]] = gain_of(pairs[:, 0] * count + pairs[:, 1])
    # The best that a track, or a detection, gains from an unmatched one.
    free_row, free_column = np.zeros(len(partner)), np.zeros(count)
    to_free, from_free = owner[column] < 0, partner[row] < 0
    np.maximum.at(free_row, row[to_free], gain[to_free])
    np.maximum.at(free_column, column[from_free], gain[from_free])
    margin = own - free_row - free_column[partner]

    # Track `row` takes the detection of `other`, which takes that of `row` or an unmatched one.
    changed = ~to_free & ~from_free & (partner[row] != column)
    row, column, gain_of_row = row[changed], column[changed], gain[changed]
    other, left = owner[column], partner[row]
    back = np.maximum(gain_of(other * count + left), free_row[other] + free_column[left])
    loss = own[row] + own[other] - gain_of_row - back
    np.minimum.at(margin, row, loss)
    np.minimum.at(margin, other, loss)
    return np.asarray(margin[pairs[:, 0]])


def matching_cascade(allowed: AllowedPairs, priority: NDArray[np.int64]) -> Matching:
    """Match in rounds: tracks of the lowest `priority` (N,) are matched first.

    With priority = frames since the last match this is the matching cascade of DeepSORT
    (Wojke et al. 2017, listing 1): recently matched tracks have precedence, because the gate of a
    track grows while it is not observed.
    """
    pairs = np.empty((0, 2), dtype=np.intp)
    level_of_pair = priority[allowed.row]
    for level in np.unique(level_of_pair):
        left = allowed.select(level_of_pair == level).without(pairs)
        pairs = np.concatenate([pairs, assigned_pairs(left)])
    return matching_from_pairs(pairs, allowed.shape)


def matching_from_pairs(pairs: Rows, shape: tuple[int, ...]) -> Matching:
    """The matching of these pairs (K, 2), sorted by track, of a matrix of `shape` (N, M)."""
    row, column = pairs[:, 0], pairs[:, 1]
    free_rows, free_columns = (np.ones(count, dtype=bool) for count in shape)
    free_rows[row] = False
    free_columns[column] = False
    # In one order, however they were found: sums over the pairs are then equal to the last digit.
    ordered = pairs.take(row.argsort(), axis=0)
    return Matching(ordered, free_rows.nonzero()[0], free_columns.nonzero()[0])


def _independent_parts(allowed: AllowedPairs) -> Iterator[AllowedPairs]:
    """Parts of the pairs that share neither a track nor a detection, at least one pair each.

    Connected components of the graph whose edges are the pairs; small ones are put together.
    """
    rows = np.unique(allowed.row)
    if len(rows) <= _MAX_SOLVED_ROWS:
        yield allowed
        return
    label = _connected_components(allowed)
    size = np.bincount(label[rows], minlength=allowed.shape[0])
    part = (np.cumsum(size) // _MAX_SOLVED_ROWS)[label[allowed.row]]
    for number in np.unique(part):
        yield allowed.select(part == number)


def _connected_components(allowed: AllowedPairs) -> Rows:
    """Lowest row (N,) of the component of each row; rows without a pair are on their own."""
    row, column = allowed.row, allowed.column
    label = np.arange(allowed.shape[0])
    while True:
        lowest = np.full(allowed.shape[1], allowed.shape[0])
        np.minimum.at(lowest, column, label[row])
        joined = label.copy()
        np.minimum.at(joined, row, lowest[column])
        joined = joined[joined]  # follows the chain of labels in fewer rounds
        if (joined == label).all():
            return label
        label = joined


def _solve(allowed: AllowedPairs) -> Rows:
    """Optimal pairs (K, 2) of at least one allowed pair."""
    rows, row = np.unique(allowed.row, return_inverse=True)
    columns, column = np.unique(allowed.column, return_inverse=True)
    # Forbidden pairs get a cost just above the maximum: lapjv mishandles inf in non-square matrices
    # (gatagat/lap#20), and a huge constant would lose the digits of the small costs.
    forbidden = allowed.max_cost + 1e-5 * max(1.0, abs(allowed.max_cost))
    cost = np.full((len(rows), len(columns)), forbidden)
    cost[row, column] = allowed.cost
    _, column_of_row, _ = lapjv(cost, extend_cost=True)
    matched = np.flatnonzero(column_of_row >= 0)
    matched = matched[cost[matched, column_of_row[matched]] <= allowed.max_cost]
    return np.column_stack([rows[matched], columns[column_of_row[matched]]])
