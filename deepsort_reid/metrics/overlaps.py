"""IoU of all overlapping pairs of boxes, found by sorting instead of testing every pair.

This module, `matching` and `hota` index with `take` instead of brackets because it is up to four
times as fast on arrays of hundreds of thousands of pairs.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Boxes with a smaller area overlap with nothing, as in TrackEval.
EPS = float(np.finfo(np.float64).eps)

# Boxes and candidate pairs that are processed at a time. They bound the memory to about 5 MB,
# which fits in the cache of a processor.
BOX_CHUNK = 1 << 13
CANDIDATE_CHUNK = 1 << 16


class OverlappingPairs(NamedTuple):
    """K pairs of overlapping boxes, ordered by `first`."""

    first: Ints  # (K,) row of the box of the first set
    second: Ints  # (K,) row of the box of the second set
    iou: Floats  # (K,) > 0


class BoxesByFrame(NamedTuple):
    """N boxes of F frames: frame f has the boxes xyxy[order[begins[f]:begins[f + 1]]]."""

    xyxy: Floats  # (N, 4)
    order: Ints  # (N,)
    begins: Ints  # (F + 1,)

    def of(self, frames: slice) -> Floats:
        """Edges x1, y1, x2, y2 (4, n) of the boxes of a range of frames."""
        rows = self.order[self.begins[frames.start] : self.begins[frames.stop]]
        return self.xyxy.take(rows, axis=0).T.copy()


def overlaps(a: BoxesByFrame, b: BoxesByFrame) -> OverlappingPairs:
    """All pairs of boxes of the same frame that overlap. Rows are indices into `order`."""
    n_frames = len(a.begins) - 1
    # Initial capacity: in a crowd a box overlaps about three others. Memory that is never written
    # to costs nothing.
    found = OverlappingPairs(
        *(np.empty(4 * len(a.order) + 1, kind) for kind in (np.int64, np.int64, float))
    )
    size = start = 0
    while start < n_frames:
        after = np.searchsorted(a.begins, a.begins[start] + BOX_CHUNK, side="right") - 1
        stop = max(start + 1, int(after))
        for part in _overlaps_in_frames(a, b, slice(start, stop)):
            end = size + len(part.iou)
            if end > len(found.iou):
                _resize(found, 2 * end)
            for whole, more in zip(found, part, strict=True):
                whole[size:end] = more
            size = end
        start = stop
    _resize(found, size)
    return found


def _resize(found: OverlappingPairs, size: int) -> None:
    """Change the length in place: a second copy of all pairs would double the memory."""
    for column in found:
        column.resize(size, refcheck=False)


def _overlaps_in_frames(
    boxes_a: BoxesByFrame, boxes_b: BoxesByFrame, frames: slice
) -> Iterator[OverlappingPairs]:
    """The overlapping pairs of consecutive frames, in pieces of bounded size.

    The frames are placed side by side along x. One sorted array of left edges and two binary
    searches then find, for every box, the boxes of the other set that can overlap it along x.
    """
    a, b = boxes_a.of(frames), boxes_b.of(frames)
    if a.size == 0 or b.size == 0:
        return
    begins_a, begins_b = (
        each.begins[frames.start : frames.stop + 1] for each in (boxes_a, boxes_b)
    )
    numbers = np.arange(len(begins_a) - 1)
    frame_a, frame_b = np.repeat(numbers, np.diff(begins_a)), np.repeat(numbers, np.diff(begins_b))
    low = min(a[0].min(), b[0].min())
    extent = max(a[2].max(), b[2].max()) - low
    span = extent * 1.0001 + 1.0  # room between frames for rounding errors
    slack = 8 * EPS * len(numbers) * span
    left = b[0] + (frame_b * span - low)
    order = np.argsort(left, kind="stable")
    left, b = left.take(order), b.take(order, axis=1)
    widest = np.zeros(len(numbers))
    np.maximum.at(widest, frame_b[order], b[2] - b[0])
    base = frame_a * span - low
    begins = np.searchsorted(left, np.maximum(a[0] - widest[frame_a], low) + base - slack)
    count = np.searchsorted(left, a[2] + base + slack, side="right") - begins
    for part in _overlaps_of_candidates(a, b, begins, count):
        yield OverlappingPairs(
            part.first + begins_a[0], order.take(part.second) + begins_b[0], part.iou
        )


def _overlaps_of_candidates(
    a: Floats, b: Floats, begins: Ints, count: Ints
) -> Iterator[OverlappingPairs]:
    """The overlapping pairs among candidates: box i of a and b[begins[i]:begins[i] + count[i]].

    Boxes are given by their edges x1, y1, x2, y2: (4, N) and (4, M). `begins` and `count`: (N,).
    """
    area_a, area_b = _area(a), _area(b)
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + CANDIDATE_CHUNK)))
        rows, times = slice(start, stop), count[start:stop]
        candidate = np.repeat(begins[rows] - (ends[rows] - times - done), times)
        candidate += np.arange(len(candidate))
        near = b[3].take(candidate) > np.repeat(a[1, rows], times)
        near &= b[1].take(candidate) < np.repeat(a[3, rows], times)
        kept = np.flatnonzero(near)
        row, candidate = np.repeat(np.arange(start, stop), times).take(kept), candidate.take(kept)
        kept = np.flatnonzero(b[2].take(candidate) > a[0].take(row))
        row, candidate = row.take(kept), candidate.take(kept)
        corners = a.take(row, axis=1), b.take(candidate, axis=1)
        iou = _iou(*corners, area_a.take(row), area_b.take(candidate))
        kept = np.flatnonzero(iou > 0)
        yield OverlappingPairs(row.take(kept), candidate.take(kept), iou.take(kept))
        start = stop


def _area(edges: Floats) -> Floats:
    """Areas of boxes given by their edges: (4, R) -> (R,)."""
    area: Floats = (edges[2] - edges[0]) * (edges[3] - edges[1])
    return area


def _iou(a: Floats, b: Floats, area_a: Floats, area_b: Floats) -> Floats:
    """IoU (K,) of boxes a[:, i] and b[:, i], (4, K) each, which overlap along x and y.

    The operations and their order are those of TrackEval, so that ties are exact here where they
    are exact there.
    """
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    intersection = sides[0] * sides[1]
    intersection[np.minimum(area_a, area_b) <= EPS] = 0
    iou: Floats = intersection / (area_a + area_b - intersection)
    return iou
