"""Kalman filter with constant velocity, for the boxes of all tracks at once.

DeepSORT's filter (Wojke et al. 2017, section 2.1) has the state (x, y, a, h, vx, vy, va, vh) and
an 8x8 covariance. The transition couples a coordinate only with its own velocity and the noises are
diagonal, so the covariance stays block-diagonal: the filter is exactly four independent filters
with two states, position p and velocity v. For one coordinate, with process noise q and measurement
noise r (standard deviations are fractions of the box height):

    predict   p += dt v             P_pp += 2 dt P_pv + dt^2 P_vv + dt q_p^2
                                    P_pv += dt P_vv
                                    P_vv += dt q_v^2
    correct   S = P_pp + r^2        p += P_pp / S (z - p)      v += P_pv / S (z - p)
                                    P_vv -= P_pv^2 / S         P_pp *= r^2 / S     P_pv *= r^2 / S

All operations are elementwise, no matrix is inverted, and P_pp stays positive.

A `motion` array has shape (N, 5, 4) float64: per track the rows POSITION, VELOCITY and the
variances PP, PV, VV; per row the four coordinates of the measurement space.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.tracking.settings import require_positive

Array = NDArray[np.float64]

POSITION, VELOCITY, PP, PV, VV = range(5)

# 0.95 quantiles of the chi-square distribution, by degrees of freedom (Wojke et al. 2017,
# section 2.2): 95 % of the correct matches have a smaller squared Mahalanobis distance.
GATE_95 = {1: 3.8415, 2: 5.9915, 3: 7.8147, 4: 9.4877}

# Lower limits of an estimated size. An extrapolated velocity can make a size negative, and noise
# proportional to a size of 0 would be 0. Boxes of people are far above both.
_MIN_SIZE_PX = 1.0
_MIN_ASPECT = 0.01


@dataclass(frozen=True, kw_only=True)
class AspectMotion:
    """Motion of (x, y, a, h): centre, aspect ratio width / height, and height (DeepSORT).

    Attributes:
        position_noise: standard deviation of x, y and h, as a fraction of the height: of the
            measurement, and of the process per frame.
        velocity_noise: standard deviation of the process per frame, of the velocities of x, y and
            h, as a fraction of the height.
        aspect_noise: standard deviation of the measured aspect ratio.
        aspect_drift: standard deviation of the process per frame, of the aspect ratio.
        aspect_velocity_noise: the same of its velocity.

    Raises ValueError when a value is not above 0.
    """

    position_noise: float = 1 / 20
    velocity_noise: float = 1 / 160
    aspect_noise: float = 1e-1
    aspect_drift: float = 1e-2
    aspect_velocity_noise: float = 1e-5

    min_size = (_MIN_ASPECT, _MIN_SIZE_PX)  # of the third and fourth coordinate
    is_length = np.array([1.0, 1.0, 0.0, 1.0])  # coordinates that scale with the image
    is_aspect = 1 - is_length

    def __post_init__(self) -> None:
        require_positive(self, *(field.name for field in fields(self)))

    def measure(self, xyxy: Array) -> Array:
        """Measurements (x, y, a, h) (M, 4) of boxes (M, 4) in pixels."""
        return boxes.xyxy_to_xyah(xyxy)

    def boxes(self, position: Array) -> Array:
        """Boxes (N, 4) in pixels of positions (x, y, a, h) (N, 4)."""
        return boxes.xyah_to_xyxy(position)

    def noise_std(self, position: Array) -> tuple[Array, Array, Array]:
        """Standard deviations (N, 4) of process position, process velocity and measurement."""
        # The minimum applies here as well: a height of 0 would mean no noise.
        height = np.maximum(position[:, 3:4], _MIN_SIZE_PX)
        lengths, aspect = height * self.is_length, self.is_aspect
        position_std = lengths * self.position_noise
        return (
            position_std + aspect * self.aspect_drift,
            lengths * self.velocity_noise + aspect * self.aspect_velocity_noise,
            position_std + aspect * self.aspect_noise,
        )


@dataclass(frozen=True, kw_only=True)
class SizeMotion:
    """Motion of (x, y, w, h): centre, width and height.

    A person who turns changes the width but not the height, and truncation changes either: width is
    a length of its own instead of a ratio (Aharon et al. 2022, section 3.1).

    Attributes:
        position_noise: standard deviation as a fraction of the height (of the width, for w): of
            the measurement, and of the process per frame.
        velocity_noise: the same of the velocity, process per frame.

    Raises ValueError when a value is not above 0.
    """

    position_noise: float = 1 / 20
    velocity_noise: float = 1 / 160

    min_size = (_MIN_SIZE_PX, _MIN_SIZE_PX)
    is_length = np.ones(4)

    def __post_init__(self) -> None:
        require_positive(self, *(field.name for field in fields(self)))

    def measure(self, xyxy: Array) -> Array:
        """Measurements (x, y, w, h) (M, 4) of boxes (M, 4) in pixels."""
        return boxes.xyxy_to_xywh(xyxy)

    def boxes(self, position: Array) -> Array:
        """Boxes (N, 4) in pixels of positions (x, y, w, h) (N, 4)."""
        return boxes.xywh_to_xyxy(position)

    def noise_std(self, position: Array) -> tuple[Array, Array, Array]:
        """Standard deviations (N, 4) of process position, process velocity and measurement."""
        # x and y have the same noise, so that a rotating camera keeps the filter decoupled.
        size = np.maximum(position[:, [3, 3, 2, 3]], _MIN_SIZE_PX)
        position_std = size * self.position_noise
        return position_std, size * self.velocity_noise, position_std


MotionModel = AspectMotion | SizeMotion

# The default: pedestrians change their velocity more slowly than the paper's 1/160 of the height
# per frame.
PEDESTRIAN_MOTION = AspectMotion(velocity_noise=1 / 320)


def initiate(model: MotionModel, measurement: Array) -> Array:
    """Initial state (M, 5, 4) of tracks from their first measurements (M, 4).

    Lengths have twice the standard deviation of a measurement, and velocity 0 with ten times its
    process noise. An aspect ratio and its velocity have the standard deviation of their process
    noise.
    """
    motion = np.zeros((len(measurement), 5, 4))
    position_std, velocity_std, measurement_std = model.noise_std(measurement)
    is_length = model.is_length > 0
    motion[:, POSITION] = measurement
    motion[:, PP] = np.where(is_length, 2 * measurement_std, position_std) ** 2
    motion[:, VV] = (np.where(is_length, 10.0, 1.0) * velocity_std) ** 2
    return motion


def predict(model: MotionModel, motion: Array, dt: float | Array = 1.0) -> Array:
    """State (N, 5, 4) `dt` frames later; `dt` is a number or (N, 1)."""
    position, velocity, pp, pv, vv = (motion[:, k] for k in range(5))
    position_std, velocity_std, _ = model.noise_std(position)
    predicted = np.empty_like(motion)
    predicted[:, POSITION] = position + dt * velocity
    predicted[:, VELOCITY] = velocity
    predicted[:, PP] = pp + 2 * dt * pv + dt**2 * vv + dt * position_std**2
    predicted[:, PV] = pv + dt * vv
    predicted[:, VV] = vv + dt * velocity_std**2
    return _with_min_size(model, predicted, position)


def correct(model: MotionModel, motion: Array, measurement: Array, noise_scale: Any = 1.0) -> Array:
    """State (N, 5, 4) after one measurement (N, 4) of each track.

    `noise_scale` multiplies the measurement variance, a number or (N,).
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
    return _with_min_size(model, corrected, position)


def nsa_noise_scale(score: Array) -> Array:
    """Factor (N,) of the measurement variance for scores (N,): 1 - score, from 0.05 to 1.

    NSA Kalman filter (Du et al. 2022, StrongSORT, section 3.3): a high score corrects more. The
    lower limit keeps a score of 1 from replacing the prediction by a single box.
    """
    return np.asarray(np.clip(1 - score, 0.05, 1))


def innovation_variance(model: MotionModel, motion: Array, noise_scale: Any = 1.0) -> Array:
    """Variance S (N, 4) of the difference between the next measurement and the prediction."""
    position = motion[:, POSITION]
    return np.asarray(motion[:, PP] + _measurement_variance(model, position, noise_scale))


def squared_mahalanobis(
    model: MotionModel, motion: Array, measurement: Array, coordinates: int = 4
) -> Array:
    """Squared Mahalanobis distance (N, M) of measurements (M, 4) to predictions (N, 5, 4).

    Wojke et al. 2017, eq. 1. `coordinates` = 2 uses the centre alone.
    """
    use = slice(0, coordinates)
    weight = 1 / innovation_variance(model, motion)[:, use]
    # (z - p)^2 w = z^2 w - 2 z p w + p^2 w: two matrix products instead of an (N, M, 4) array.
    # Relative to a common origin, because squares of large coordinates would lose digits.
    origin = measurement[:, use].mean(axis=0) if len(measurement) else 0.0
    z = measurement[:, use] - origin
    p = motion[:, POSITION, use] - origin
    squared = weight @ (z * z).T
    squared -= (2 * weight * p) @ z.T
    squared += (weight * p * p).sum(axis=1)[:, None]
    return np.asarray(np.maximum(squared, 0, out=squared))


def apply_camera_motion(model: MotionModel, motion: Array, warp: Array) -> Array:
    """States (N, 5, 4) in the coordinates of this frame; `warp` (2, 3) maps previous -> current.

    The warp is used as a similarity (rotation, zoom, translation). x and y have the same variance,
    which is invariant to rotation and scales with the zoom, so the filter stays exactly decoupled.
    """
    linear = warp[:, :2]
    zoom = float(np.sqrt(abs(np.linalg.det(linear))))
    warped = motion.copy()
    scale = np.where(model.is_length > 0, zoom, 1.0)
    warped[:, [POSITION, VELOCITY], 2:] *= scale[2:]
    warped[:, POSITION, :2] = motion[:, POSITION, :2] @ linear.T + warp[:, 2]
    warped[:, VELOCITY, :2] = motion[:, VELOCITY, :2] @ linear.T
    warped[:, [PP, PV, VV]] *= scale**2
    return warped


def _measurement_variance(model: MotionModel, position: Array, noise_scale: Any) -> Array:
    variance = model.noise_std(position)[2] ** 2
    scale = np.asarray(noise_scale, dtype=np.float64)
    return np.asarray(variance * (scale[:, None] if scale.ndim else scale))


def _with_min_size(model: MotionModel, motion: Array, previous_position: Array) -> Array:
    """`motion` with the previous size, and no velocity of it, where a size is below its minimum."""
    size = motion[:, POSITION, 2:]
    too_small = size < model.min_size
    if too_small.any():
        kept = np.maximum(previous_position[:, 2:], model.min_size)
        motion[:, POSITION, 2:] = np.where(too_small, kept, size)
        motion[:, VELOCITY, 2:] = np.where(too_small, 0, motion[:, VELOCITY, 2:])
    return motion
