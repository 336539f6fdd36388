"""Where a track was, told from its past and its future: the two-filter form of smoothing.

Centre, width and height each move at constant velocity with acceleration as continuous white
noise, as in `trajectories.smooth`. A belief about one moment is held as information, the inverse of
a covariance: what the past and what the future say is then added up (Fraser & Potter 1969), and a
future of which nothing is known yet is a belief of zeros.

All noises are proportional to the size of the person, so the size cancels out: only their ratio
counts, and four coordinates share one matrix.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Spread of a measured coordinate, in units of what velocity wanders per frame: 1/20 of the height
# over 1/160.
_MEASURED = 8.0
# A new track's velocity is 0 give or take ten times its drift, as in DeepSORT.
_FIRST_VELOCITY = 10.0


class Belief(NamedTuple):
    """Information about place and velocity of N tracks: matrix [[pp, pv], [pv, vv]] and vector."""

    pp: Array  # (N, 1)
    pv: Array
    vv: Array
    p: Array  # (N, 4)
    v: Array

    def __add__(self, other: "Belief") -> "Belief":  # type: ignore[override]
        return Belief(*(mine + its for mine, its in zip(self, other, strict=True)))

    def of(self, rows: NDArray[np.intp]) -> "Belief":
        """The beliefs about the tracks of these rows."""
        return Belief(*(part[rows] for part in self))

    def place(self) -> Array:
        """The most likely coordinates (N, 4); there must be information about both rows."""
        return (self.vv * self.p - self.pv * self.v) / (self.pp * self.vv - self.pv**2)


def unknown(n: int) -> Belief:
    """Nothing is known about `n` tracks."""
    return Belief(*(np.zeros((n, width)) for width in (1, 1, 1, 4, 4)))


def new(n: int) -> Belief:
    """`n` tracks of which it is known that they are people: they do not run away."""
    return unknown(n)._replace(vv=np.full((n, 1), _FIRST_VELOCITY**-2))


def seen(belief: Belief, measured: Array) -> Belief:
    """The belief with measurements (N, 4) of this moment, NaN where a track was not seen."""
    weight = np.isfinite(measured[:, :1]) / _MEASURED**2
    return belief._replace(
        pp=belief.pp + weight, p=belief.p + weight * np.where(weight > 0, measured, 0)
    )


def passed(belief: Belief, dt: float) -> Belief:
    """The belief about the moment `dt` frames later; earlier where `dt` is negative."""
    pp, pv, vv, p, v = belief
    # The drift's covariance, seen from the other moment: backwards place and velocity oppose.
    q_pp, q_pv, q_vv = abs(dt) ** 3 / 3, dt * abs(dt) / 2, abs(dt)
    # Time passes first: information M = F^-T Y F^-1 and vector F^-T y, F = [[1, dt], [0, 1]].
    vv = vv - 2 * dt * pv + dt**2 * pp
    pv = pv - dt * pp
    v = v - dt * p
    # Then the drift blurs: (I + M Q)^-1 M, which needs no inverse of M. A track of which nothing
    # is known yet, or only its place, passes through the same lines.
    a, b = 1 + pp * q_pp + pv * q_pv, pp * q_pv + pv * q_vv
    c, d = pv * q_pp + vv * q_pv, 1 + pv * q_pv + vv * q_vv
    det = a * d - b * c
    return Belief(
        (d * pp - b * pv) / det,
        (d * pv - b * vv) / det,
        (a * vv - c * pv) / det,
        (d * p - b * v) / det,
        (a * v - c * p) / det,
    )
