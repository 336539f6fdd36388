"""Constant-velocity Kalman filter of boxes, all tracks at once.

DeepSORT's filter (Wojke et al. 2017, section 2.1) holds the state (x, y, a, h, vx, vy, va, vh) and
an 8x8 covariance. Its transition couples a coordinate only with its own velocity and its noises are
diagonal, so that covariance stays block-diagonal for ever: the filter *is* four independent filters
of two states, position p and velocity v. For one coordinate, with process noise q and measurement
noise r (standard deviations are fractions of the box height):

    predict   p += dt v             P_pp += 2 dt P_pv + dt^2 P_vv + dt q_p^2
                                    P_pv += dt P_vv
                                    P_vv += dt q_v^2
    correct   S = P_pp + r^2        p += P_pp / S (z - p)      v += P_pv / S (z - p)
                                    P_vv -= P_pv^2 / S         P_pp *= r^2 / S     P_pv *= r^2 / S

Every line is elementwise, nothing is inverted, and P_pp stays positive by construction.

A `motion` array has shape (N, 5, 4) float64: per track the rows POSITION, VELOCITY and the
variances PP, PV, VV; per row the four coordinates of the measurement space.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes

Array = NDArray[np.float64]

POSITION, VELOCITY, PP, PV, VV = range(5)

# 95 % of true matches lie inside: chi-square quantiles (Wojke et al. 2017, section 2.2).
GATE_95 = {1: 3.8415, 2: 5.9915, 3: 7.8147, 4: 9.4877}

# An estimate stays at or above these, whatever is measured or extrapolated: a velocity can turn a
# box inside out, and one without size would be known without any doubt. People are far from both;
# a sliver cut off by the frame's border is held at the floor.
_MIN_SIZE_PX = 1.0
_MIN_ASPECT = 0.01


@dataclass(frozen=True, kw_only=True)
class AspectMotion:
    """Motion of (x, y, a, h): centre, aspect ratio width / height, and height (DeepSORT)."""

    position_noise: float = 1 / 20  # of the height: measurement, and process per frame
    velocity_noise: float = 1 / 160  # of the height, per frame
    aspect_noise: float = 1e-1  # measurement of the aspect ratio
    aspect_drift: float = 1e-2  # process noise of the aspect ratio per frame
    aspect_velocity_noise: float = 1e-5

    # The smallest believable third and fourth coordinate.
    floor = (_MIN_ASPECT, _MIN_SIZE_PX)
    # Which coordinates a change of image scale multiplies.
    scales = np.array([1.0, 1.0, 0.0, 1.0])

    def measure(self, xyxy: Array) -> Array:
        """Boxes (M, 4) in pixels -> measurements (x, y, a, h) (M, 4)."""
        return boxes.xyxy_to_xyah(xyxy)

    def boxes(self, position: Array) -> Array:
        """Positions (x, y, a, h) (N, 4) -> boxes (N, 4) in pixels."""
        return boxes.xyah_to_xyxy(position)

    def spreads(self, position: Array) -> tuple[Array, Array, Array]:
        """Standard deviations (N, 4) of process position, process velocity and measurement."""
        # The floor here, too: a box of no height at all would be known without any doubt.
        height = np.maximum(position[:, 3:4], _MIN_SIZE_PX)
        spread = height * np.array([1.0, 1.0, 0.0, 1.0])
        third = np.array([0.0, 0.0, 1.0, 0.0])
        place = spread * self.position_noise
        return (
            place + third * self.aspect_drift,
            spread * self.velocity_noise + third * self.aspect_velocity_noise,
            place + third * self.aspect_noise,
        )


@dataclass(frozen=True, kw_only=True)
class SizeMotion:
    """Motion of (x, y, w, h): centre, width and height.

    A person who turns sideways changes width but not height, and a cut-off box changes both: the
    width moves as a length of its own instead of as a ratio (Aharon et al. 2022, section 3.1).
    """

    position_noise: float = 1 / 20  # of the size: measurement, and process per frame
    velocity_noise: float = 1 / 160

    floor = (_MIN_SIZE_PX, _MIN_SIZE_PX)
    scales = np.ones(4)

    def measure(self, xyxy: Array) -> Array:
        """Boxes (M, 4) in pixels -> measurements (x, y, w, h) (M, 4)."""
        return boxes.xyxy_to_xywh(xyxy)

    def boxes(self, position: Array) -> Array:
        """Positions (x, y, w, h) (N, 4) -> boxes (N, 4) in pixels."""
        return boxes.xywh_to_xyxy(position)

    def spreads(self, position: Array) -> tuple[Array, Array, Array]:
        """Standard deviations (N, 4) of process position, process velocity and measurement."""
        # x and y share one spread, so that a rotating camera keeps the filter decoupled.
        size = np.maximum(position[:, [3, 3, 2, 3]], _MIN_SIZE_PX)
        place = size * self.position_noise
        return place, size * self.velocity_noise, place


MotionModel = AspectMotion | SizeMotion

# People change pace more slowly than the paper's 1/160 of the height per frame.
WALKING = AspectMotion(velocity_noise=1 / 320)


def begin(model: MotionModel, measurement: Array) -> Array:
    """First state (M, 5, 4) of tracks that were seen once, at `measurement` (M, 4).

    Centre and lengths are known to twice the measurement's spread, and their velocity is 0 give or
    take ten times its drift per frame. An aspect ratio is known to once its drift per frame, and so
    is its velocity.
    """
    motion = np.zeros((len(measurement), 5, 4))
    drift, velocity, seen = model.spreads(measurement)
    motion[:, POSITION] = measurement
    # The aspect ratio begins at its drift, the lengths at twice their measurement spread.
    motion[:, PP] = np.where(model.scales > 0, 2 * seen, drift) ** 2
    motion[:, VV] = (np.where(model.scales > 0, 10.0, 1.0) * velocity) ** 2
    return motion


def predict(model: MotionModel, motion: Array, dt: float | Array = 1.0) -> Array:
    """Let `dt` frames pass: (N, 5, 4) -> (N, 5, 4)."""
    position, velocity, pp, pv, vv = (motion[:, k] for k in range(5))
    drift, velocity_drift, _ = model.spreads(position)
    ahead = np.empty_like(motion)
    ahead[:, POSITION] = position + dt * velocity
    ahead[:, VELOCITY] = velocity
    ahead[:, PP] = pp + 2 * dt * pv + dt**2 * vv + dt * drift**2
    ahead[:, PV] = pv + dt * vv
    ahead[:, VV] = vv + dt * velocity_drift**2
    return _with_believable_size(model, ahead, position)


def correct(model: MotionModel, motion: Array, measurement: Array, noise_scale: Any = 1.0) -> Array:
    """Take in one measurement (N, 4) per track: (N, 5, 4) -> (N, 5, 4).

    `noise_scale` multiplies the measurement *variance*, a number or (N,): NSA passes 1 - score
    (Du et al. 2022, StrongSORT, section 3.3), so that a certain detection pulls harder.
    """
    position, velocity, pp, pv, vv = (motion[:, k] for k in range(5))
    noise = _measurement_variance(model, position, noise_scale)
    total = pp + noise
    innovation = measurement - position
    corrected = np.empty_like(motion)
    corrected[:, POSITION] = position + pp / total * innovation
    corrected[:, VELOCITY] = velocity + pv / total * innovation
    corrected[:, PP] = pp * (noise / total)
    corrected[:, PV] = pv * (noise / total)
    corrected[:, VV] = vv - pv * (pv / total)
    return _with_believable_size(model, corrected, position)


def innovation_variance(model: MotionModel, motion: Array, noise_scale: Any = 1.0) -> Array:
    """Variance S (N, 4) of the difference between the next measurement and the prediction."""
    position = motion[:, POSITION]
    return np.asarray(motion[:, PP] + _measurement_variance(model, position, noise_scale))


def squared_mahalanobis(
    model: MotionModel, motion: Array, measurement: Array, coordinates: int = 4
) -> Array:
    """Squared distance of each measurement from each prediction: -> (N, M), no unit.

    (Wojke et al. 2017, eq. 1.) `coordinates` = 2 looks at the centre alone.
    """
    use = slice(0, coordinates)
    weight = 1 / innovation_variance(model, motion)[:, use]
    # (z - p)^2 w = z^2 w - 2 z p w + p^2 w: two matrix products instead of an (N, M, 4) block.
    # Around a common origin, or the squares of large coordinates would eat the digits.
    origin = measurement[:, use].mean(axis=0) if len(measurement) else 0.0
    z = measurement[:, use] - origin
    p = motion[:, POSITION, use] - origin
    squared = weight @ (z * z).T
    squared -= (2 * weight * p) @ z.T
    squared += (weight * p * p).sum(axis=1)[:, None]
    return np.asarray(np.maximum(squared, 0, out=squared))


def moved_by_camera(model: MotionModel, motion: Array, warp: Array) -> Array:
    """The tracks (N, 5, 4) as the moved camera sees them; `warp` (2, 3) maps previous -> current.

    The warp is read as a similarity (rotation, zoom, shift): x and y share one variance, which a
    rotation leaves as it is and a zoom multiplies, so the filter stays decoupled exactly.
    """
    linear = warp[:, :2]
    zoom = float(np.sqrt(abs(np.linalg.det(linear))))
    moved = motion.copy()
    scale = np.where(model.scales > 0, zoom, 1.0)
    moved[:, [POSITION, VELOCITY], 2:] *= scale[2:]
    moved[:, POSITION, :2] = motion[:, POSITION, :2] @ linear.T + warp[:, 2]
    moved[:, VELOCITY, :2] = motion[:, VELOCITY, :2] @ linear.T
    moved[:, [PP, PV, VV]] *= scale**2
    return moved


def _measurement_variance(model: MotionModel, position: Array, noise_scale: Any) -> Array:
    variance = model.spreads(position)[2] ** 2
    scale = np.asarray(noise_scale, dtype=np.float64)
    return np.asarray(variance * (scale[:, None] if scale.ndim else scale))


def _with_believable_size(model: MotionModel, motion: Array, before: Array) -> Array:
    """A size that ran below its floor keeps its last value and stops shrinking."""
    size = motion[:, POSITION, 2:]
    collapsed = size < model.floor
    if collapsed.any():
        kept = np.maximum(before[:, 2:], model.floor)
        motion[:, POSITION, 2:] = np.where(collapsed, kept, size)
        motion[:, VELOCITY, 2:] = np.where(collapsed, 0, motion[:, VELOCITY, 2:])
    return motion
