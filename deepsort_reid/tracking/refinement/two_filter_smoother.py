"""Two-filter smoother: the state of a track from its past and from its future measurements.

Centre, width and height each move at constant velocity with acceleration as continuous white noise,
as in `offline.smooth`. A state estimate is held in information form: the inverse of its covariance,
and that matrix times the mean. The estimates from past and future are then fused by addition
(Fraser & Potter 1969), and an uninformative future consists of zeros.

All noises are proportional to the size of the person, so the size cancels out: only their ratio
matters, and the four coordinates share one matrix.
"""

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

    pp: Array  # (N, 1)
    pv: Array  # (N, 1)
    vv: Array  # (N, 1)
    p: Array  # (N, 4)
    v: Array  # (N, 4)

    @classmethod
    def uninformative(cls, n: int) -> "InformationState":
        """`n` tracks of which nothing is known."""
        return cls(*(np.zeros((n, width)) for width in (1, 1, 1, 4, 4)))

    @classmethod
    def new_tracks(cls, n: int) -> "InformationState":
        """`n` tracks without a measurement: only the prior of the velocity is known."""
        vv = np.full((n, 1), _INITIAL_VELOCITY_STD**-2)
        return cls.uninformative(n)._replace(vv=vv)

    def add_measurement(self, measured: Array) -> "InformationState":
        """The state after measurements (N, 4) at its time, NaN where a track has none."""
        weight = np.isfinite(measured[:, :1]) / _MEASUREMENT_STD**2
        return self._replace(
            pp=self.pp + weight, p=self.p + weight * np.where(weight > 0, measured, 0)
        )

    def propagate(self, dt: float) -> "InformationState":
        """The state `dt` frames later; earlier where `dt` is negative."""
        dt = min(max(dt, -_MAX_STEP), _MAX_STEP)
        pp, pv, vv, p, v = self
        # Covariance of the process noise; backwards in time, position and velocity are
        # anticorrelated.
        q_pp, q_pv, q_vv = abs(dt) ** 3 / 3, dt * abs(dt) / 2, abs(dt)
        # Transition: matrix M = F^-T Y F^-1 and vector F^-T y, with F = [[1, dt], [0, 1]].
        vv = vv - 2 * dt * pv + dt**2 * pp
        pv = pv - dt * pp
        v = v - dt * p
        # Process noise: (I + M Q)^-1 M. M need not be invertible, so uninformative states and those
        # with a known position alone need no special case.
        a, b = 1 + pp * q_pp + pv * q_pv, pp * q_pv + pv * q_vv
        c, d = pv * q_pp + vv * q_pv, 1 + pv * q_pv + vv * q_vv
        det = a * d - b * c
        return InformationState(
            (d * pp - b * pv) / det,
            (d * pv - b * vv) / det,
            (a * vv - c * pv) / det,
            (d * p - b * v) / det,
            (a * v - c * p) / det,
        )

    def fuse(self, other: "InformationState") -> "InformationState":
        """The state given the measurements of both; they must have none in common."""
        return InformationState(*(mine + its for mine, its in zip(self, other, strict=True)))

    def position(self) -> Array:
        """The most likely position (N, 4); the information matrices must be invertible."""
        return (self.vv * self.p - self.pv * self.v) / (self.pp * self.vv - self.pv**2)


def filter_backwards(measured: Array, time: list[float]) -> InformationState:
    """The state of N tracks at `time[0]` from their measurements after it.

    Args:
        measured: measurements (F, N, 4) at the times `time[1:]`, NaN where a track has none.
        time: F + 1 times, ascending.

    The numbers are those of `add_measurement` and `propagate` in turns, in a third of the time: the
    columns of the state are rows of two arrays (6, N), which are changed in place.
    """
    num_tracks = measured.shape[1]
    # Rows pp, pv and p (4) of the first, pv, vv and v (4) of the second. All views that the loop
    # needs are made before it.
    both, scaled = np.zeros((2, 2, 6, num_tracks))
    first, second = both
    swapped, first_scaled = both[::-1], scaled[0]
    pp, pv, pv_again, vv = first[0], first[1], second[0], second[1]
    matrix_first, matrix_second = first[:2], second[:2]
    # (I + M Q)^T as [[a, c], [b, d]], and its entries in the order in which they are used.
    factors, product, one = *np.empty((2, 2, 2, num_tracks)), np.eye(2)[:, :, None]
    a_c, d_b, flat = factors[0], factors[1, ::-1], factors.reshape(4, num_tracks)
    d_a, b_c = flat[3::-3, None], flat[2:0:-1, None]
    products, det = np.empty((2, num_tracks)), np.empty(num_tracks)
    a_d, c_b = products
    previous_dt = np.nan  # a step may be 0: after a long time, a short one is lost in rounding
    for number, added in reversed(list(enumerate(_additions(measured)))):
        first += added
        dt = max(time[number] - time[number + 1], -_MAX_STEP)
        if dt != previous_dt:
            previous_dt, (transition, noise_first, noise_second) = dt, _coefficients(dt)
        # Transition.
        second -= np.multiply(transition, first, out=first_scaled)
        vv += np.multiply(dt**2, pp, out=det)
        pv[:] = pv_again
        # Process noise.
        np.multiply(matrix_first, noise_first, out=factors)
        factors += one
        factors += np.multiply(matrix_second, noise_second, out=product)
        np.multiply(a_c, d_b, out=products)
        np.subtract(a_d, c_b, out=det)
        np.multiply(b_c, swapped, out=scaled)
        both *= d_a
        both -= scaled
        both /= det
        pv_again[:] = pv
    columns = first[:1], first[1:2], second[1:2], first[2:], second[2:]
    return InformationState(*(column.T for column in columns))


def _additions(measured: Array) -> Array:
    """What the measurements (F, N, 4) add to the rows pp, pv and p (4) of each frame: (F, 6, N)."""
    added = np.zeros((len(measured), 6, measured.shape[1]))
    weight = np.isfinite(measured[:, :, 0]) / _MEASUREMENT_STD**2
    added[:, 0] = weight
    known = np.where(weight[:, :, None] > 0, measured, 0)
    added[:, 2:] = weight[:, None] * known.transpose(0, 2, 1)
    return added


def _coefficients(dt: float) -> tuple[Array, Array, Array]:
    """Factors of `filter_backwards` for a step `dt`: of the transition and of both noise terms."""
    transition = np.full((6, 1), dt)
    transition[1] = 2 * dt
    q_pp, q_pv, q_vv = abs(dt) ** 3 / 3, dt * abs(dt) / 2, abs(dt)
    noise = np.array([[q_pp, q_pv], [q_pv, q_vv]])[:, :, None, None]
    return transition, noise[0], noise[1]
