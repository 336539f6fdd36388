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
