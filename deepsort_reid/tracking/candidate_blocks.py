"""Candidate blocks: groups of boxes with the boxes near them, for crowds.

Scores of all pairs of 3,000 tracks and 3,000 detections would take 72 MB per matrix, and nearly all
pairs are far apart. The blocks hold every pair that can match, and few others.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# Up to so many pairs are one block: dividing them would take longer than scoring all.
_MAX_PAIRS = 2**16
_MAX_ROWS = 64  # of a block
EVERYWHERE = (-1e18, -1e18, 1e18, 1e18)  # a region that touches every box


def is_one_block(n: int, m: int) -> bool:
    """Whether `n` regions and `m` boxes are few enough for one block."""
    return n * m <= _MAX_PAIRS


def candidate_blocks(regions: Array, xyxy: Array) -> Iterator[tuple[Rows, Rows]]:
    """Divide N regions (N, 4) and M boxes (M, 4) into blocks of rows and columns.

    Every row is in exactly one block, together with the columns of all boxes that its region
    touches. There is one block with all rows and columns when there are few pairs, and none when
    there is no pair.
    """
    if not (len(regions) and len(xyxy)):
        return
    if is_one_block(len(regions), len(xyxy)):
        yield np.arange(len(regions)), np.arange(len(xyxy))
        return
    center = (regions[:, :2] + regions[:, 2:]) / 2
    for rows in _nearby_rows(center, np.arange(len(regions))):
        # First the boxes that touch the bounding box of the group, then those of a region.
        low, high = regions[rows, :2].min(axis=0), regions[rows, 2:].max(axis=0)
        columns = np.flatnonzero(((xyxy[:, :2] <= high) & (xyxy[:, 2:] >= low)).all(axis=1))
        yield rows, columns[_touching(regions[rows], xyxy[columns]).any(axis=0)]


def _nearby_rows(center: Array, rows: Rows) -> Iterator[Rows]:
    """Groups of rows whose centres (N, 2) are near each other: halves of halves."""
    if len(rows) <= _MAX_ROWS:
        yield np.sort(rows)
        return
    axis = np.ptp(center[rows], axis=0).argmax()
    half = len(rows) // 2
    order = rows[np.argpartition(center[rows, axis], half)]
    yield from _nearby_rows(center, order[:half])
    yield from _nearby_rows(center, order[half:])


def _touching(a: Array, b: Array) -> NDArray[np.bool_]:
    """Pairs (N, M) of boxes (N, 4) and (M, 4) that overlap or touch."""
    apart = (a[:, None, 0] > b[:, 2]) | (b[:, 0] > a[:, None, 2])
    apart |= (a[:, None, 1] > b[:, 3]) | (b[:, 1] > a[:, None, 3])
    return np.asarray(~apart)
