"""Offline refinement of tracking results: link tracks, fill gaps, smooth boxes, drop short tracks.

Every function takes result rows, as `read_results` returns them, and returns new ones. It needs the
whole video: scores of refined results cannot be compared with those of online trackers.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking.refinement.linking import (
    ENDPOINT_FRAMES,
    Linking,
    TrackEndpoints,
    motion_at_end,
    normalize_rows,
    reverse_time,
)
from deepsort_reid.tracking.refinement.rts_smoother import smooth_constant_velocity

Array = NDArray[np.float64]


def drop_short(rows: MotRows, min_frames: int) -> MotRows:
    """The rows of tracks with at least `min_frames` frames, in the given order.

    Raises ValueError when rows have no ids, an id occurs twice in a frame, or `min_frames` < 1.
    """
    _require_tracks(rows)
    if min_frames < 1:
        raise ValueError(f"min_frames must be 1 or more, got {min_frames}")
    _, track, length = np.unique(rows.id, return_inverse=True, return_counts=True)
    return rows[length[track] >= min_frames]


def link(
    rows: MotRows, embedding: ArrayLike | None = None, *, linking: Linking | None = None
) -> MotRows:
    """The same rows, where linked tracks have one id: that of the earliest of them.

    Every track is compared with every track that begins after it ends. One assignment selects the
    links; linked tracks are then compared again, until there is no further link. Tracks that
    overlap in time are never linked.

    A wrong link is worse than a missing one, because all rows after it carry the id of another
    person. A link therefore needs a high likelihood ratio and a clear margin over all others.
    Without embeddings only motion can support it, and only short gaps are bridged.

    Args:
        rows: tracks, in any order; the result has the same order.
        embedding: appearance (R, D) of each row, unit length; zeros in rows without appearance, as
            for a box that fills a gap. None where there are no embeddings.
        linking: rule by which two tracks are one person; `Linking()` unless given.

    Raises:
        ValueError: rows have no ids, an id occurs twice in a frame, or `embedding` does not have
            one finite row for each row.
    """
    _require_tracks(rows)
    rule = linking or Linking()
    checked = _checked_embedding(embedding, len(rows))
    id = rows.id.copy()
    while len(rows):
        track_ids, ended, begun = _endpoints(rule, rows, id, checked)
        distance = _inter_identity_distance(rows, id, track_ids, ended.embedding)
        pairs = rule(ended, begun, distance)
        if not len(pairs):
            break
        # Links form chains: every track takes the id of the first one of its chain.
        previous = dict(
            zip(track_ids[pairs[:, 1]].tolist(), track_ids[pairs[:, 0]].tolist(), strict=True)
        )
        for track_id in track_ids.tolist():
            first = track_id
            while first in previous:
                first = previous[first]
            id[id == track_id] = first
    return MotRows(rows.frame, id, rows.xyxy, rows.score, rows.class_id, rows.visibility)


def fill_gaps(rows: MotRows, max_gap: int = 20) -> MotRows:
    """Interpolate boxes linearly across each gap of at most `max_gap` missing frames.

    Added rows have the class of the row before the gap, an interpolated score, and an unknown
    visibility (NaN). The result is sorted by frame, then by id.

    Raises ValueError when rows have no ids, an id occurs twice in a frame, or `max_gap` < 0.
    """
    _require_tracks(rows)
    if max_gap < 0:
        raise ValueError(f"max_gap must be 0 or more frames, got {max_gap}")
    ordered = rows[np.lexsort((rows.frame, rows.id))]
    step = np.diff(ordered.frame)
    missing = np.where((np.diff(ordered.id) == 0) & (step <= max_gap + 1), step - 1, 0)
    before = np.repeat(np.arange(len(missing)), missing)  # (A,) the row before each added one
    # 1, 2, ... within each gap: a running count less its value where the gap begins.
    offset = np.arange(len(before)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    fraction = offset / step[before]
    added = MotRows(
        ordered.frame[before] + offset,
        ordered.id[before],
        _interpolate(ordered.xyxy, before, fraction[:, None]),
        _interpolate(ordered.score, before, fraction),
        ordered.class_id[before],
    )
    filled = MotRows.concatenate([ordered, added])
    return filled[np.lexsort((filled.id, filled.frame))]


def smooth(
    rows: MotRows, *, position_noise: float = 1 / 20, velocity_noise: float = 1 / 160
) -> MotRows:
    """The same rows with boxes smoothed over the whole track, past and future.

    Rauch-Tung-Striebel smoothing (Rauch et al. 1965) of centre, width and height at constant
    velocity, with acceleration as continuous white noise. The length of gaps is taken into account.

    Args:
        rows: tracks, in any order; the result has the same order.
        position_noise: standard deviation of a measured coordinate, as a fraction of the track's
            median height. A higher value smooths more.
        velocity_noise: process noise of the velocity per frame, as a fraction of the same height. A
            lower value smooths more.

    Raises:
        ValueError: rows have no ids, an id occurs twice in a frame, or a noise is not positive.
    """
    _require_tracks(rows)
    for name, value in (("position_noise", position_noise), ("velocity_noise", velocity_noise)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    order = np.lexsort((rows.frame, rows.id))
    starts = np.flatnonzero(np.diff(rows.id[order], prepend=-1))
    xywh = boxes.xyxy_to_xywh(rows.xyxy)
    for track in np.split(order, starts[1:]):
        if len(track) > 1:
            measured = xywh[track]
            height = float(np.median(measured[:, 3]))
            smoothed = smooth_constant_velocity(
                rows.frame[track], measured, position_noise * height, velocity_noise * height
            )
            # Smoothing never makes a box smaller than the smallest one of the track.
            smoothed[:, 2:] = np.maximum(smoothed[:, 2:], measured[:, 2:].min(axis=0))
            xywh[track] = smoothed
    return MotRows(
        rows.frame, rows.id, boxes.xywh_to_xyxy(xywh), rows.score, rows.class_id, rows.visibility
    )


def _endpoints(
    rule: Linking, rows: MotRows, id: NDArray[np.int64], embedding: Array
) -> tuple[NDArray[np.int64], TrackEndpoints, TrackEndpoints]:
    """The ids (N,) of the tracks, their ends and their beginnings."""
    track_ids, track = np.unique(id, return_inverse=True)
    first = np.full(len(track_ids), np.iinfo(np.int64).max)
    last = np.zeros(len(track_ids), dtype=np.int64)
    np.minimum.at(first, track, rows.frame)
    np.maximum.at(last, track, rows.frame)
    motions = []
    for distance in (last[track] - rows.frame, rows.frame - first[track]):
        near = distance < ENDPOINT_FRAMES
        series = np.full((len(track_ids), ENDPOINT_FRAMES, 4), np.nan)
        series[track[near], ENDPOINT_FRAMES - 1 - distance[near]] = rows.xyxy[near]
        motions.append(motion_at_end(rule.model, series))
    mean = np.zeros((len(track_ids), embedding.shape[1]))
    np.add.at(mean, track, embedding)
    mean = normalize_rows(mean)
    ended = TrackEndpoints(last.astype(np.float64), motions[0], mean)
    begun = TrackEndpoints(first.astype(np.float64), reverse_time(motions[1]), mean)
    return track_ids, ended, begun


def _inter_identity_distance(
    rows: MotRows, id: NDArray[np.int64], track_ids: NDArray[np.int64], embedding: Array
) -> float:
    """Median cosine distance of the mean embeddings (N, D) of tracks that share a frame.

    NaN where no two tracks with embeddings do.
    """
    has_embedding = np.asarray(embedding.any(axis=1))
    share_frame = np.zeros((len(track_ids), len(track_ids)))
    track = np.searchsorted(track_ids, id)
    for frame in np.unique(rows.frame):
        present = track[rows.frame == frame]
        present = present[has_embedding[present]]
        share_frame[np.ix_(present, present)] = 1
    first, second = np.nonzero(np.triu(share_frame, 1))
    if not len(first):
        return np.nan
    return float(np.median((1 - embedding @ embedding.T)[first, second]))


def _checked_embedding(embedding: Any, n: int) -> Array:
    """One embedding (n, D) for each row, (n, 0) where there are none."""
    if embedding is None:
        return np.zeros((n, 0))
    checked = np.asarray(embedding, dtype=np.float64)
    if checked.ndim != 2 or len(checked) != n:
        raise ValueError(f"expected one embedding for each of {n} rows, got shape {checked.shape}")
    finite = np.isfinite(checked).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise ValueError(f"embedding must be finite, row {row} is not")
    return checked


def _interpolate(values: Any, before: NDArray[np.intp], fraction: Array) -> Any:
    """Linear interpolation between rows `before` (fraction 0) and the rows after them (1)."""
    return values[before] + fraction * (values[before + 1] - values[before])


def _require_tracks(rows: MotRows) -> None:
    if (rows.id < 0).any():
        row = int(np.argmax(rows.id < 0))
        raise ValueError(f"expected rows with ids, got id {rows.id[row]} in row {row}")
    order = np.lexsort((rows.id, rows.frame))
    again = (np.diff(rows.id[order]) == 0) & (np.diff(rows.frame[order]) == 0)
    if again.any():
        row = int(order[1:][again][0])
        raise ValueError(
            f"expected each id once in a frame, got id {rows.id[row]} again in frame "
            f"{rows.frame[row]} (row {row})"
        )
