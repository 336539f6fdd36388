"""Finished tracks made better: fill gaps, smooth, drop what is too short. Needs the whole video.

Every function takes result rows and returns new ones; use them on what `read_results` gives, and
say so beside a score, because an online tracker cannot know the future.
"""

from typing import Any

import numpy as np
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray

from deepsort_reid import boxes
from deepsort_reid.mot import MotRows

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
