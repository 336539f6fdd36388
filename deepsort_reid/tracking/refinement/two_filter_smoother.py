"""Two-filter smoother: the state of a track from its past and from its future measurements.

Centre, width and height each move at constant velocity with acceleration as continuous white noise,
as in `offline.smooth`. A state estimate is held in information form: the inverse of its covariance,
and that matrix times the mean. The estimates from past and future are then fused by addition
(Fraser & Potter 1969), and an uninformative future consists of zeros.

All noises are proportional to the size of the person, so the size cancels out: only their ratio
matters, and the four coordinates share one matrix.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Standard deviation of a measured coordinate in units of the process noise of the velocity per
# frame: 1/20 of the height over 1/160.
_MEASUREMENT_STD = 8.0
# Prior of a new track's velocity: zero mean, and ten times its process noise, as in DeepSORT.
_INITIAL_VELOCITY_STD = 10.0
# Frames: over a longer step next to nothing is known, and the digits of its variances would cancel.
_MAX_STEP = 1000.0


class InformationState(NamedTuple):
    """Position and velocity of N tracks in information form.

    The information matrix of a track is [[pp, pv], [pv, vv]], shared by its four coordinates; the
    information vector of each coordinate is (p, v).
    """

    rows: Array  # (2, 6, N): pp, pv, p (4), and pv, vv, v (4)

    @classmethod
    def uninformative(cls, n: int) -> "InformationState":
        """`n` tracks of which nothing is known."""
        return cls(np.zeros((2, 6, n)))

    @classmethod
    def new_tracks(cls, n: int) -> "InformationState":
        """`n` tracks without a measurement: only the prior of the velocity is known."""
        state = cls.uninformative(n)
        state.rows[1, 1] = _INITIAL_VELOCITY_STD**-2
        return state

    def add_measurement(self, measured: Array) -> "InformationState":
        """The state after measurements (N, 4) at its time, NaN where a track has none."""
        rows = self.rows.copy()
        rows[0] += measurement_information(measured).T
        return InformationState(rows)

    def propagate(self, dt: float) -> "InformationState":
        """The state `dt` frames later; earlier where `dt` is negative."""
        arrays = _StepArrays(self.rows.shape[2])
        arrays.both[:] = self.rows
        arrays.step(dt)
        return InformationState(arrays.both)

    def fuse(self, other: "InformationState") -> "InformationState":
        """The state given the measurements of both; they must have none in common."""
        return InformationState(self.rows + other.rows)

    def position(self) -> Array:
        """The most likely position (N, 4); the information matrices must be invertible."""
        (pp, pv, *_), (_, vv, *_) = self.rows
        p, v = self.rows[:, 2:]
        return np.asarray((vv * p - pv * v) / (pp * vv - pv**2)).T


def measurement_information(measured: Array) -> Array:
    """What measurements (..., 4) add to `InformationState.rows[0]`: (..., 6).

    Nothing where they are NaN, because a track was not measured.
    """
    known = np.isfinite(measured[..., :1])
    weight = known / _MEASUREMENT_STD**2
    zero = np.zeros_like(weight)
    return np.concatenate([weight, zero, weight * np.where(known, measured, 0)], axis=-1)


def filter_backwards(information: Array, time: list[float]) -> InformationState:
    """The state of N tracks at `time[0]` from their measurements after it.

    Args:
        information: `measurement_information` of the measurements at the times `time[1:]`, with
            the tracks last: (F, 6, N).
        time: F + 1 times, ascending.
    """
    arrays = _StepArrays(information.shape[2])
    for number, added in reversed(list(enumerate(information))):
        arrays.first += added
        arrays.step(time[number] - time[number + 1])
    return InformationState(arrays.both)


class _StepArrays:
    """A state of N tracks that is changed in place, with all arrays and views that a step needs.

    They are made once, because making them takes as long as a step.

    Attributes:
        both: `InformationState.rows` (2, 6, N).
        first: its first half (6, N).
    """

    def __init__(self, num_tracks: int) -> None:
        self._state = np.ones((13, num_tracks))  # the rows of `both`, and ones
        self.first, self.both = self._state[:6], self._state[:12].reshape(2, 6, num_tracks)
        self.both[:] = 0
        # The same after the transition; and d, b, a, c, the entries of I + M Q as [[a, b], [c, d]].
        self._moved = np.empty((17, num_tracks))
        self._moved_both = self._moved[:12].reshape(2, 6, num_tracks)
        self._swapped = self._moved_both[::-1]
        self._factors, self._d_b, self._a_c = self._moved[13:], self._moved[13:15], self._moved[15:]
        self._d_a, self._b_c = self._factors[0::2, None], self._factors[1::2, None]
        self._products, self._det = np.empty((2, num_tracks)), np.empty(num_tracks)
        self._ad, self._bc = self._products
        self._subtracted = np.empty((2, 6, num_tracks))

    def step(self, dt: float) -> None:
        """Go to the state `dt` frames later; earlier where `dt` is negative."""
        matrix = _step_matrix(min(max(dt, -_MAX_STEP), _MAX_STEP))
        np.dot(matrix, self._state, out=self._moved)
        # Process noise: (I + M Q)^-1 M = [[d, -b], [-c, a]] M / det. M need not be invertible, so
        # uninformative states and those with a known position alone need no special case.
        np.multiply(self._d_b, self._a_c, out=self._products)
        np.subtract(self._ad, self._bc, out=self._det)
        np.divide(self._factors, self._det, out=self._factors)
        np.multiply(self._moved_both, self._d_a, out=self.both)
        np.multiply(self._swapped, self._b_c, out=self._subtracted)
        np.subtract(self.both, self._subtracted, out=self.both)


@lru_cache(maxsize=1024)  # a frame is in the buffer for many updates, with a time step of its own
def _step_matrix(dt: float) -> Array:
    """The linear part of a step, (17, 13): the rows of `_StepArrays` after it from those before it.

    It is the transition: M = F^-T Y F^-1 of the matrix Y and F^-T y of the vectors, with
    F = [[1, dt], [0, 1]]. And I + M Q, with the covariance Q of the process noise.
    """
    step = np.eye(17, 13)
    step[6:12] -= dt * step[:6]
    step[1] = step[6]  # pv - dt pp
    step[7] += dt**2 * np.eye(13)[0] - dt * np.eye(13)[1]  # vv - 2 dt pv + dt^2 pp
    pp, pv, vv, one = step[0], step[1], step[7], step[12]
    # Backwards in time, position and velocity are anticorrelated.
    q_pp, q_pv, q_vv = abs(dt) ** 3 / 3, dt * abs(dt) / 2, abs(dt)
    step[13] = one + pv * q_pv + vv * q_vv
    step[14] = pp * q_pv + pv * q_vv
    step[15] = one + pp * q_pp + pv * q_pv
    step[16] = pv * q_pp + vv * q_pv
    step.flags.writeable = False  # it is shared
    return step
