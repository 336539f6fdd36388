"""Linear assignment: pairs of tracks and detections with the lowest total cost.

Costs are those of N tracks and M detections. In a crowd nearly all pairs are forbidden, so only the
allowed ones are listed (`AllowedPairs`); a matrix (N, M) is converted by `allowed_pairs`.
"""

from collections.abc import Iterator
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
    def none(cls, shape: tuple[int, ...], max_cost: float) -> "AllowedPairs":
        """No pairs of N tracks and M detections: the beginning for `with_block`."""
        rows = np.empty(0, dtype=np.intp)
        return cls(rows, rows, np.empty(0), shape, max_cost)

    def with_block(self, cost: Array, rows: Rows, columns: Rows) -> "AllowedPairs":
        """Add those pairs of the tracks `rows` (n,) and detections `columns` (m,) that are allowed.

        `cost` (n, m) may hold `inf` but no NaN.
        """
        row, column = np.nonzero(cost <= self.max_cost)
        return self._replace(
            row=np.concatenate([self.row, rows[row]]),
            column=np.concatenate([self.column, columns[column]]),
            cost=np.concatenate([self.cost, cost[row, column]]),
        )

    def select(self, pairs: Flags) -> "AllowedPairs":
        """The pairs of a mask (K,)."""
        return self._replace(row=self.row[pairs], column=self.column[pairs], cost=self.cost[pairs])

    def without(self, matched: Rows) -> "AllowedPairs":
        """The pairs of tracks and detections that are not among the matched pairs (L, 2)."""
        if not len(matched):
            return self
        free_rows, free_columns = (np.ones(count, dtype=bool) for count in self.shape)
        free_rows[matched[:, 0]] = False
        free_columns[matched[:, 1]] = False
        return self.select(free_rows[self.row] & free_columns[self.column])


def allowed_pairs(cost: Array, max_cost: float) -> AllowedPairs:
    """The pairs of a cost matrix (N, M), `inf` but no NaN among them, that cost at most `max_cost`.

    `max_cost` is finite.
    """
    rows, columns = (np.arange(count) for count in cost.shape)
    return AllowedPairs.none(cost.shape, max_cost).with_block(cost, rows, columns)


def assign(allowed: AllowedPairs) -> Matching:
    """Match tracks and detections among the allowed pairs.

    Minimises the sum of (cost - max_cost) over the matched pairs: every pair below the maximum
    that can be added lowers it.
    """
    row, column = allowed.row, allowed.column
    # A track and a detection that allow only each other need no solver. In most frames these are
    # nearly all pairs.
    sole = (np.bincount(row)[row] == 1) & (np.bincount(column)[column] == 1)
    pairs = [np.column_stack([row[sole], column[sole]])]
    if not sole.all():
        pairs += [_solve(part) for part in _independent_parts(allowed.select(~sole))]
    return matching_from_pairs(np.concatenate(pairs), allowed.shape)


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
        pairs = np.concatenate([pairs, assign(left).pairs])
    return matching_from_pairs(pairs, allowed.shape)


def matching_from_pairs(pairs: Rows, shape: tuple[int, ...]) -> Matching:
    """The matching of these pairs (K, 2), sorted by track, of a matrix of `shape` (N, M)."""
    unmatched = []
    for axis in (0, 1):
        free = np.ones(shape[axis], dtype=bool)
        free[pairs[:, axis]] = False
        unmatched.append(np.flatnonzero(free))
    # In one order, however they were found: sums over the pairs are then equal to the last digit.
    return Matching(pairs[np.argsort(pairs[:, 0])], unmatched[0], unmatched[1])


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
