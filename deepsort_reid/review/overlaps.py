"""Overlaps of boxes in one frame: which boxes hide each other, and which tracks cross."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.mot_rows import MotRows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Overlaps(NamedTuple):
    """Pairs of boxes that overlap in one frame.

    Attributes:
        first, second: rows (P,) of the two boxes.
        iou: intersection over union (P,).
        area: of the intersection (P,), in square pixels.
    """

    first: Ints
    second: Ints
    iou: Floats
    area: Floats


class Crossing(NamedTuple):
    """Two tracks that overlapped.

    Attributes:
        tracks: the lower id first.
        first_frame, last_frame: in which they overlapped.
        frame: of the largest overlap.
        iou: the largest overlap.
    """

    tracks: tuple[int, int]
    first_frame: int
    last_frame: int
    frame: int
    iou: float


def find_overlaps(rows: MotRows) -> Overlaps:
    """All pairs of boxes (R,) that overlap in one frame; takes time in proportion to R."""
    order = np.argsort(rows.frame, kind="stable")
    frame, xyxy = rows.frame[order], rows.xyxy[order]
    area = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    parts = []
    at, step = np.arange(len(frame)), 0
    while True:
        step += 1
        at = at[at + step < len(frame)]
        at = at[frame[at] == frame[at + step]]
        if not len(at):
            break
        a, b = xyxy[at], xyxy[at + step]
        width = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
        height = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
        hit = (width > 0) & (height > 0)
        common = width[hit] * height[hit]
        i, j = at[hit], at[hit] + step
        parts.append((order[i], order[j], common / (area[i] + area[j] - common), common))
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Overlaps(none, none, np.empty(0), np.empty(0))
    return Overlaps(*map(np.concatenate, zip(*parts, strict=True)))


def visible_fraction(rows: MotRows, overlaps: Overlaps, width: int, height: int) -> Floats:
    """Estimated visible fraction (R,) of each box.

    A box is hidden by the box in front of it that covers the most, which is the one whose lower
    edge is lower; and outside the frame.
    """
    xyxy = rows.xyxy
    area = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    inside = np.clip(xyxy, 0, [width, height, width, height])
    visible = (inside[:, 2] - inside[:, 0]) * (inside[:, 3] - inside[:, 1]) / area
    hidden = np.zeros(len(rows))
    first, second = overlaps.first, overlaps.second
    first_is_front = xyxy[first, 3] >= xyxy[second, 3]
    behind = np.where(first_is_front, second, first)
    np.maximum.at(hidden, behind, overlaps.area / area[behind])
    return np.asarray(np.clip(visible - hidden, 0, 1))


def find_crossings(
    rows: MotRows, overlaps: Overlaps, min_iou: float, max_gap: int
) -> list[Crossing]:
    """Times at which two tracks overlapped.

    Args:
        rows: the boxes; `id` is the track.
        overlaps: of them.
        min_iou: of an overlap that counts.
        max_gap: frames without overlap within one crossing.
    """
    counts = overlaps.iou >= min_iou
    if not counts.any():
        return []
    pair = np.stack([rows.id[overlaps.first[counts]], rows.id[overlaps.second[counts]]])
    low, high = pair.min(axis=0), pair.max(axis=0)
    frame, iou = rows.frame[overlaps.first[counts]], overlaps.iou[counts]
    order = np.lexsort((frame, high, low))
    low, high, frame, iou = low[order], high[order], frame[order], iou[order]
    begins = np.ones(len(low), dtype=bool)
    begins[1:] = (np.diff(low) != 0) | (np.diff(high) != 0) | (np.diff(frame) > max_gap)
    starts = np.flatnonzero(begins)
    crossings = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(low)], strict=True):
        peak = start + int(iou[start:stop].argmax())
        tracks = int(low[start]), int(high[start])
        ends = int(frame[start]), int(frame[stop - 1])
        crossings.append(Crossing(tracks, *ends, int(frame[peak]), float(iou[peak])))
    return crossings
