"""Which boxes of two sides overlap, and how much, without looking at every pair.

Here and in `matching` and `hota`, `take` stands where brackets would read better: on arrays of
hundreds of thousands of pairs it is up to four times as fast.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Boxes smaller than this overlap with nothing (TrackEval's rule).
EPS = float(np.finfo(np.float64).eps)

# Boxes and candidate pairs looked at in one go: they bound the memory, some 5 MB, and are few
# enough to stay in a processor's cache.
BOXES_AT_ONCE = 1 << 13
CANDIDATES_AT_ONCE = 1 << 16


class Overlaps(NamedTuple):
    """K pairs of boxes that overlap, ordered by the first."""

    first: Ints  # (K,) row of one side
    second: Ints  # (K,) row of the other
    iou: Floats  # (K,) > 0


class Boxes(NamedTuple):
    """Boxes by frame: frame f has those that stand at order[begins[f]:begins[f + 1]] of xyxy."""

    xyxy: Floats  # (N, 4)
    order: Ints  # (N,)
    begins: Ints  # (F + 1,)

    def of(self, frames: slice) -> Floats:
        """Edges (4, n) of the boxes of some frames, one array per edge."""
        rows = self.order[self.begins[frames.start] : self.begins[frames.stop]]
        return self.xyxy.take(rows, axis=0).T.copy()


def overlaps(a: Boxes, b: Boxes) -> Overlaps:
    """All pairs of boxes that overlap in one of the F frames, as places in `order`."""
    n_frames = len(a.begins) - 1
    # Room to start with: in a crowd a box overlaps some three others. What is never written to
    # costs nothing.
    found = Overlaps(
        *(np.empty(4 * len(a.order) + 1, kind) for kind in (np.int64, np.int64, float))
    )
    size = start = 0
    while start < n_frames:
        after = np.searchsorted(a.begins, a.begins[start] + BOXES_AT_ONCE, side="right") - 1
        stop = max(start + 1, int(after))
        for part in _of_frames(a, b, slice(start, stop)):
            end = size + len(part.iou)
            if end > len(found.iou):
                _resize(found, 2 * end)
            for whole, more in zip(found, part, strict=True):
                whole[size:end] = more
            size = end
        start = stop
    _resize(found, size)
    return found


def _resize(found: Overlaps, size: int) -> None:
    """Change the length in place: a second copy of all pairs would be the peak of the memory."""
    for column in found:
        column.resize(size, refcheck=False)


def _of_frames(boxes_a: Boxes, boxes_b: Boxes, frames: slice) -> Iterator[Overlaps]:
    """The overlaps in some frames on end, in bounded pieces.

    Frames are laid out one after another along x, so that one sorted array and two searches find
    for every box those of the other side whose left edge is near enough.
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
    span = extent * 1.0001 + 1.0  # room between frames for what the layout rounds away
    slack = 8 * EPS * len(numbers) * span
    left = b[0] + (frame_b * span - low)
    order = np.argsort(left, kind="stable")
    left, b = left.take(order), b.take(order, axis=1)
    widest = np.zeros(len(numbers))
    np.maximum.at(widest, frame_b[order], b[2] - b[0])
    base = frame_a * span - low
    begins = np.searchsorted(left, np.maximum(a[0] - widest[frame_a], low) + base - slack)
    many = np.searchsorted(left, a[2] + base + slack, side="right") - begins
    for part in _among(a, b, begins, many):
        yield Overlaps(part.first + begins_a[0], order.take(part.second) + begins_b[0], part.iou)


def _among(a: Floats, b: Floats, begins: Ints, many: Ints) -> Iterator[Overlaps]:
    """The overlapping ones of these candidates: for box i of a, b[begins[i]:begins[i] + many[i]].

    Boxes come as edges (4, N), (4, M): one array per edge.
    """
    area_a, area_b = _area(a), _area(b)
    ends = np.cumsum(many)
    start = 0
    while start < len(many):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + CANDIDATES_AT_ONCE)))
        here, times = slice(start, stop), many[start:stop]
        place = np.repeat(begins[here] - (ends[here] - times - done), times)
        place += np.arange(len(place))
        near = b[3].take(place) > np.repeat(a[1, here], times)
        near &= b[1].take(place) < np.repeat(a[3, here], times)
        kept = np.flatnonzero(near)
        row, place = np.repeat(np.arange(start, stop), times).take(kept), place.take(kept)
        kept = np.flatnonzero(b[2].take(place) > a[0].take(row))
        row, place = row.take(kept), place.take(kept)
        corners = a.take(row, axis=1), b.take(place, axis=1)
        iou = _iou(*corners, area_a.take(row), area_b.take(place))
        kept = np.flatnonzero(iou > 0)
        yield Overlaps(row.take(kept), place.take(kept), iou.take(kept))
        start = stop


def _area(edges: Floats) -> Floats:
    """Areas of boxes given by their edges x1, y1, x2, y2: (4, R) -> (R,)."""
    area: Floats = (edges[2] - edges[0]) * (edges[3] - edges[1])
    return area


def _iou(a: Floats, b: Floats, area_a: Floats, area_b: Floats) -> Floats:
    """IoU of boxes a[:, i] and b[:, i], (4, K) each, whose edges cross along y: (K,).

    Operation for operation that of TrackEval, so that equal overlaps stay exactly equal.
    """
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    intersection = sides[0] * sides[1]
    intersection[np.minimum(area_a, area_b) <= EPS] = 0
    iou: Floats = intersection / (area_a + area_b - intersection)
    return iou
