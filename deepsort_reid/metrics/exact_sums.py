"""Sums of the IoU of each box with all boxes of the other side, rounded as NumPy rounds them.

HOTA divides by these sums. Scores that are exactly equal in TrackEval, which sums full matrices,
must be exactly equal here, or the matching would resolve a tie differently.
"""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.comparison import Comparison

Array = NDArray[np.float64]

# Matrix cells that are filled at a time: 2 MB.
CELL_CHUNK = 1 << 18


def similarity_sums(comparison: Comparison) -> tuple[Array, Array]:
    """Sum of the similarities of each ground-truth row (R,) and of each predicted row (P,).

    The result equals `sum(axis=1)` and `sum(axis=0)` of each frame's full matrix to the last bit.
    NumPy adds the values of a column one by one, but those of a row of eight or more values in a
    tree whose shape depends on the width of the matrix. Such rows are therefore filled with zeros
    to their full width before they are summed.
    """
    row, column = comparison.pair_truth, comparison.pair_predicted
    similarity, bounds = comparison.similarity, comparison.bounds
    n_truth, n_predicted = len(comparison.truth), len(comparison.predicted)
    row_sum: Array = np.bincount(row, similarity, n_truth).astype(np.float64, copy=False)
    column_sum: Array = np.bincount(column, similarity, n_predicted).astype(np.float64, copy=False)
    # The sum of two values does not depend on the order; rows of three or more are filled.
    several = np.flatnonzero(np.bincount(row, minlength=n_truth) >= 3)
    width = np.diff(bounds.predicted)[bounds.frame_of_truth[several]]
    ends = np.cumsum(width)
    begin = 0
    while begin < len(several):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + CELL_CHUNK)))
        rows = several[begin:end]
        pairs = slice(*np.searchsorted(row, [rows[0], rows[-1] + 1]))
        position = column[pairs] - bounds.predicted.take(bounds.frame_of_truth.take(row[pairs]))
        row_sum[rows] = _row_sums(rows, width[begin:end], row[pairs], position, similarity[pairs])
        begin = end
    # A matrix of one column is contiguous in memory: NumPy sums it like a row.
    height = np.diff(bounds.truth)
    for frame in np.flatnonzero((np.diff(bounds.predicted) == 1) & (height >= 8)):
        top, bottom = bounds.truth[frame : frame + 2]
        pairs = slice(*np.searchsorted(row, [top, bottom]))
        full = np.zeros(bottom - top)
        full[row[pairs] - top] = similarity[pairs]
        column_sum[bounds.predicted[frame]] = full.sum()
    return row_sum, column_sum


def _row_sums(
    rows: NDArray[np.int64],
    width: NDArray[np.int64],
    row: NDArray[np.int64],
    position: NDArray[np.int64],
    value: Array,
) -> Array:
    """Sums (N,) of the matrix rows `rows` (N,), each filled with zeros to its `width` (N,).

    `value` (K,) stands at `position` (K,) of row `row` (K,); values of other rows are ignored.
    """
    order = np.argsort(width, kind="stable")
    sizes = width[order]
    offset = np.cumsum(sizes) - sizes
    start = np.full(rows[-1] - rows[0] + 1, -1)
    start[rows[order] - rows[0]] = offset
    start_of_value = start.take(row - rows[0])
    used = np.flatnonzero(start_of_value >= 0)
    cells = np.zeros(int(sizes.sum()))
    cells[start_of_value.take(used) + position.take(used)] = value.take(used)
    sums = np.empty(len(rows))
    first = 0
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        block = cells[offset[first] :][: size * count].reshape(count, size)
        sums[order[first : first + count]] = block.sum(axis=1)
        first += count
    return sums
