"""Near pairs: which boxes touch which regions, as a list of pairs.

Of 400 tracks and 400 detections, one pair in a hundred can be matched. Scores are computed for
these alone: matrices of all pairs would take most of the time, and 72 MB each for 3,000 tracks.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# Up to so many pairs, all are tested at once; beyond it, those that overlap in x.
_MAX_TESTED = 2**12
_MAX_PAIRS = 2**17  # of one part, unless a single region has more: limits memory
EVERYWHERE = (-1e18, -1e18, 1e18, 1e18)  # a region that touches every box


def near_pairs(regions: Array, xyxy: Array) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of N regions (N, 4) and M boxes (M, 4) that overlap or touch.

    Yields row and column (P,) of the pairs in one or several parts, sorted by row; at least one
    part, which may be empty.
    """
    if len(regions) * len(xyxy) <= _MAX_TESTED:
        row, column = _touching(regions[:, None], xyxy).nonzero()
        yield row, column
        return
    # Boxes by their left edge: those that overlap a region in x begin before its right edge, and at
    # most the largest width before its left edge.
    order = xyxy[:, 0].argsort()
    left = xyxy[order, 0]
    largest_width = (xyxy[:, 2] - xyxy[:, 0]).max()
    first = left.searchsorted(regions[:, 0] - largest_width)
    number = np.maximum(left.searchsorted(regions[:, 2], side="right") - first, 0)
    for rows in _parts(number):
        count = number[rows]
        row = np.arange(rows.start, rows.stop).repeat(count)
        begin = first[rows] - (count.cumsum() - count)
        column = order[np.arange(len(row)) + begin.repeat(count)]
        # One side after the other: each leaves fewer pairs for the next one.
        for low, high in ((1, 3), (3, 1), (0, 2)):
            region, box = regions[:, low].take(row), xyxy[:, high].take(column)
            touching = region <= box if low < high else region >= box
            row, column = row.compress(touching), column.compress(touching)
        yield row, column


def all_pairs(n: int, m: int) -> tuple[Rows, Rows]:
    """Row and column (n * m,) of all pairs, by row, then by column."""
    return np.arange(n).repeat(m), np.tile(np.arange(m), n)


def _parts(number: Rows) -> Iterator[slice]:
    """Consecutive rows (N,) with at most `_MAX_PAIRS` pairs together, at least one row each."""
    start, end = 0, number.cumsum()
    while start < len(number):
        before = end[start] - number[start]
        stop = max(start + 1, int(end.searchsorted(before + _MAX_PAIRS, side="right")))
        yield slice(start, stop)
        start = stop


def _touching(a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether boxes (..., 4) overlap or touch; the shapes are broadcast."""
    touching = (a[..., 0] <= b[..., 2]) & (a[..., 2] >= b[..., 0])
    touching &= (a[..., 1] <= b[..., 3]) & (a[..., 3] >= b[..., 1])
    return np.asarray(touching)
