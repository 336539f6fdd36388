"""Exact summation over the detection pairs of a sequence."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.comparison import Comparison

Array = NDArray[np.float64]

# Cells of full lines laid out in one go, 2 MB.
CELLS_AT_ONCE = 1 << 18


def similarity_sums(comparison: Comparison) -> tuple[Array, Array]:
    """Sum of the similarities of each truth row and of each predicted row.

    Rounded as NumPy rounds the sums over each frame's full matrix, so that exact ties between
    scores stay exact ties: it adds down a column one by one, but along a line of eight or more
    in a tree, whose shape depends on the width of the matrix.
    """
    row, column = comparison.pair_truth, comparison.pair_predicted
    similarity, bounds = comparison.similarity, comparison.bounds
    n_truth, n_predicted = len(comparison.truth), len(comparison.predicted)
    by_row: Array = np.bincount(row, similarity, n_truth).astype(np.float64, copy=False)
    by_column: Array = np.bincount(column, similarity, n_predicted).astype(np.float64, copy=False)
    # Two addends give one sum in any order; from three on the line is laid out in full.
    several = np.flatnonzero(np.bincount(row, minlength=n_truth) >= 3)
    width = np.diff(bounds.predicted)[bounds.of_truth[several]]
    ends = np.cumsum(width)
    begin = 0
    while begin < len(several):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + CELLS_AT_ONCE)))
        lines = several[begin:end]
        pairs = slice(*np.searchsorted(row, [lines[0], lines[-1] + 1]))
        position = column[pairs] - bounds.predicted.take(bounds.of_truth.take(row[pairs]))
        by_row[lines] = _line_sums(lines, width[begin:end], row[pairs], position, similarity[pairs])
        begin = end
    # A matrix of one column lies in memory as one line.
    height = np.diff(bounds.truth)
    for frame in np.flatnonzero((np.diff(bounds.predicted) == 1) & (height >= 8)):
        top, bottom = bounds.truth[frame : frame + 2]
        pairs = slice(*np.searchsorted(row, [top, bottom]))
        full = np.zeros(bottom - top)
        full[row[pairs] - top] = similarity[pairs]
        by_column[bounds.predicted[frame]] = full.sum()
    return by_row, by_column


def _line_sums(
    lines: NDArray[np.int64],
    width: NDArray[np.int64],
    row: NDArray[np.int64],
    position: NDArray[np.int64],
    value: Array,
) -> Array:
    """Sums of some rows, `lines` (L,), laid out with zeros to `width` (L,).

    Where `row` (K,) is one of them, `value` (K,) stands at `position` (K,).
    """
    order = np.argsort(width, kind="stable")
    sizes = width[order]
    offset = np.cumsum(sizes) - sizes
    start = np.full(lines[-1] - lines[0] + 1, -1)
    start[lines[order] - lines[0]] = offset
    at = start.take(row - lines[0])
    known = np.flatnonzero(at >= 0)
    cells = np.zeros(int(sizes.sum()))
    cells[at.take(known) + position.take(known)] = value.take(known)
    sums = np.empty(len(lines))
    first = 0
    for size, many in zip(*np.unique(sizes, return_counts=True), strict=True):
        block = cells[offset[first] :][: size * many].reshape(many, size)
        sums[order[first : first + many]] = block.sum(axis=1)
        first += many
    return sums
