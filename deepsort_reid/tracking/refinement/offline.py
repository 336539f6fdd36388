"""Finished tracks made better: link, fill gaps, smooth, drop short ones. Needs the whole video.

Every function takes result rows and returns new ones; use them on what `read_results` gives, and
say so beside a score, because an online tracker cannot know the future.
"""

from typing import Any

import numpy as np
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import KalmanFilter
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking.refinement.linking import (
    END_FRAMES,
    Ends,
    Linking,
    backwards,
    motion_at_end,
    unit_rows,
)

Array = NDArray[np.float64]

_IDENTITY_4 = np.eye(4)


def drop_short(rows: MotRows, min_frames: int) -> MotRows:
    """The rows of identities that are seen in at least `min_frames` frames, in their order.

    Raises ValueError when rows have no ids, an id stands twice in a frame, or `min_frames` < 1.
    """
    _require_tracks(rows)
    if min_frames < 1:
        raise ValueError(f"min_frames must be 1 or more, got {min_frames}")
    _, of_row, count = np.unique(rows.id, return_inverse=True, return_counts=True)
    return rows[count[of_row] >= min_frames]


def link(
    rows: MotRows, embedding: ArrayLike | None = None, *, linking: Linking | None = None
) -> MotRows:
    """The same rows with the ids of tracks that are one person made one: that of the earliest.

    All tracks are weighed against all that began after they ended, those are joined that fit best
    together over all (one assignment), and what was joined may be joined again. Tracks that
    overlap in time are never joined.

    A wrong link costs more than a missing one: everything after it carries somebody else's id.
    So a link needs clear evidence, clearly more than any other track has. Without embeddings
    motion must decide alone, and then only short gaps are bridged.

    Args:
        rows: tracks; the order of the rows stays.
        embedding: appearance (R, D) of each row, unit length; a row of zeros, as for a box that a
            filter filled in, says nothing. None where there are no embeddings.
        linking: what counts as evidence; `Linking()` unless given.

    Raises:
        ValueError: rows have no ids, an id stands twice in a frame, or `embedding` does not have
            one finite row for each row.
    """
    _require_tracks(rows)
    rule = linking or Linking()
    looks = _checked_looks(embedding, len(rows))
    id = rows.id.copy()
    while len(rows):
        names, ended, begun = _ends(rule, rows, id, looks)
        pairs = rule(ended, begun, _different(rows, id, names, ended.look))
        if not len(pairs):
            break
        # Pairs form chains: from the last one on, everybody takes the id of the one before.
        before = dict(zip(names[pairs[:, 1]].tolist(), names[pairs[:, 0]].tolist(), strict=True))
        for name in names.tolist():
            first = name
            while first in before:
                first = before[first]
            id[id == name] = first
    return MotRows(rows.frame, id, rows.xyxy, rows.score, rows.class_id, rows.visibility)


def fill_gaps(rows: MotRows, max_gap: int = 20) -> MotRows:
    """Add the boxes on the straight line across each gap of at most `max_gap` missing frames.

    Added rows have the class of the row before the gap, a score on the line between the scores on
    either side, and an unknown visibility (NaN). The result is sorted by frame, then by id.

    Raises ValueError when rows have no ids, an id stands twice in a frame, or `max_gap` < 0.
    """
    _require_tracks(rows)
    if max_gap < 0:
        raise ValueError(f"max_gap must be 0 or more frames, got {max_gap}")
    ordered = rows[np.lexsort((rows.frame, rows.id))]
    step = np.diff(ordered.frame)
    missing = np.where((np.diff(ordered.id) == 0) & (step <= max_gap + 1), step - 1, 0)
    before = np.repeat(np.arange(len(missing)), missing)  # (A,) the row before each added one
    # 1, 2, ... within each gap: a running count less its value where the gap begins.
    place = np.arange(len(before)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    share = place / step[before]
    added = MotRows(
        ordered.frame[before] + place,
        ordered.id[before],
        _between(ordered.xyxy, before, share[:, None]),
        _between(ordered.score, before, share),
        ordered.class_id[before],
    )
    filled = MotRows.concatenate([ordered, added])
    return filled[np.lexsort((filled.id, filled.frame))]


def smooth(
    rows: MotRows, *, position_noise: float = 1 / 20, velocity_noise: float = 1 / 160
) -> MotRows:
    """The same rows, each box moved to where the whole track, past and future, says it was.

    Rauch-Tung-Striebel smoothing (Rauch et al. 1965) of centre, width and height under constant
    velocity, with acceleration as continuous white noise. A gap counts with its true length.

    Args:
        rows: tracks; the order of the rows stays.
        position_noise: standard deviation of a measured coordinate, as a share of the track's
            median height. More makes smoother.
        velocity_noise: how far velocity wanders per frame, as a share of the same. Less makes
            smoother.

    Raises:
        ValueError: rows have no ids, an id stands twice in a frame, or a noise is not positive.
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
            unit = float(np.median(measured[:, 3]))
            smoothed = _smooth_track(
                rows.frame[track], measured, position_noise * unit, velocity_noise * unit
            )
            # A size is never smoothed to less than was ever seen.
            smoothed[:, 2:] = np.maximum(smoothed[:, 2:], measured[:, 2:].min(axis=0))
            xywh[track] = smoothed
    return MotRows(
        rows.frame, rows.id, boxes.xywh_to_xyxy(xywh), rows.score, rows.class_id, rows.visibility
    )


def _ends(
    rule: Linking, rows: MotRows, id: NDArray[np.int64], looks: Array
) -> tuple[NDArray[np.int64], Ends, Ends]:
    """The ids (N,), and where and how their tracks end and begin."""
    names, track = np.unique(id, return_inverse=True)
    first = np.full(len(names), np.iinfo(np.int64).max)
    last = np.zeros(len(names), dtype=np.int64)
    np.minimum.at(first, track, rows.frame)
    np.maximum.at(last, track, rows.frame)
    motions = []
    for ago in (last[track] - rows.frame, rows.frame - first[track]):
        near = ago < END_FRAMES
        boxes = np.full((len(names), END_FRAMES, 4), np.nan)
        boxes[track[near], END_FRAMES - 1 - ago[near]] = rows.xyxy[near]
        motions.append(motion_at_end(rule.model, boxes))
    look = np.zeros((len(names), looks.shape[1]))
    np.add.at(look, track, looks)
    look = unit_rows(look)
    ended = Ends(last.astype(np.float64), motions[0], look)
    begun = Ends(first.astype(np.float64), backwards(motions[1]), look)
    return names, ended, begun


def _different(
    rows: MotRows, id: NDArray[np.int64], names: NDArray[np.int64], look: Array
) -> float:
    """The median cosine distance of mean looks that were seen in one frame; NaN without any."""
    known = np.asarray(look.any(axis=1))
    together = np.zeros((len(names), len(names)))
    track = np.searchsorted(names, id)
    for frame in np.unique(rows.frame):
        here = track[rows.frame == frame]
        here = here[known[here]]
        together[np.ix_(here, here)] = 1
    one, other = np.nonzero(np.triu(together, 1))
    return float(np.median((1 - look @ look.T)[one, other])) if len(one) else np.nan


def _checked_looks(embedding: Any, n: int) -> Array:
    """One row (n, D) of appearance for each row, (n, 0) where there is none."""
    if embedding is None:
        return np.zeros((n, 0))
    looks = np.asarray(embedding, dtype=np.float64)
    if looks.ndim != 2 or len(looks) != n:
        raise ValueError(f"expected one embedding for each of {n} rows, got shape {looks.shape}")
    if not np.isfinite(looks).all():
        row = int(np.flatnonzero(~np.isfinite(looks).all(axis=1))[0])
        raise ValueError(f"embedding must be finite, row {row} is not")
    return looks


def _smooth_track(
    frame: NDArray[np.int64], measured: Array, position_noise: float, velocity_noise: float
) -> Array:
    """Smooth one track: frames (T,) rising, centre and size (T, 4) in pixels -> (T, 4)."""
    kalman = KalmanFilter(dim_x=8, dim_z=4)  # four coordinates, then their velocities
    kalman.x = np.concatenate([measured[0], np.zeros(4)])
    kalman.P = np.diag([position_noise**2] * 4 + [(10 * velocity_noise) ** 2] * 4)
    kalman.R = _IDENTITY_4 * position_noise**2
    kalman.H = np.eye(4, 8)
    # The first row is where the filter starts: no time passes before it.
    steps = np.diff(frame, prepend=frame[0])
    transitions = [np.kron(np.array([[1, dt], [0, 1]]), _IDENTITY_4) for dt in steps.tolist()]
    drifts = [_drift(dt, velocity_noise) for dt in steps.tolist()]
    means, covariances, _, _ = kalman.batch_filter(measured, Fs=transitions, Qs=drifts)
    # Four values, not the three that filterpy's docstring names (rlabbe/filterpy#232).
    smoothed, _, _, _ = kalman.rts_smoother(means, covariances, Fs=transitions, Qs=drifts)
    return np.asarray(smoothed[:, :4])


def _drift(dt: float, velocity_noise: float) -> Array:
    of_one = Q_continuous_white_noise(2, dt=dt, spectral_density=velocity_noise**2)
    return np.kron(of_one, _IDENTITY_4)


def _between(values: Any, before: NDArray[np.intp], share: Array) -> Any:
    """On the line from row `before` to the next one: share 0 is there, 1 is the next."""
    return values[before] + share * (values[before + 1] - values[before])


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
