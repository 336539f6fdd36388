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
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.tracking.settings import require_positive

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

POSITION, VELOCITY, PP, PV, VV = range(5)

# 0.95 quantiles of the chi-square distribution, by degrees of freedom (Wojke et al. 2017,
# section 2.2): 95 % of the correct matches have a smaller squared Mahalanobis distance.
GATE_95 = {1: 3.8415, 2: 5.9915, 3: 7.8147, 4: 9.4877}

# Lower limits of an estimated size. An extrapolated velocity can make a size negative, and noise
# proportional to a size of 0 would be 0. Boxes of people are far above both.
_MIN_SIZE_PX = 1.0
_MIN_ASPECT = 0.01


# A prediction without noise is linear in the state: it adds `dt` times the first product and `dt^2`
# times the second one, of flattened states (N, 20) and these matrices (20, 20). Two products take a
# third of the time of sums of strided columns. Entry [i, j] says how row i of a state enters row j.
_FIRST_ORDER, _SECOND_ORDER = np.zeros((2, 5, 5))
_FIRST_ORDER[VELOCITY, POSITION] = _FIRST_ORDER[VV, PV] = 1
_FIRST_ORDER[PV, PP] = 2
_SECOND_ORDER[VV, PP] = 1
_LINEAR, _QUADRATIC = np.kron(_FIRST_ORDER, np.eye(4)), np.kron(_SECOND_ORDER, np.eye(4))


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

    def xywh(self, position: Array) -> Array:
        """Centre, width and height (N, 4) in pixels of positions (x, y, a, h) (N, 4)."""
        return boxes.xyah_to_xywh(position)

    def process_std(self, position: Array) -> Array:
        """Standard deviations (N, 2, 4) of the process noise of position and velocity."""
        return np.asarray(self._height(position)[:, None] * self._process[0] + self._process[1])

    def measurement_std(self, position: Array) -> Array:
        """Standard deviations (N, 4) of the measurement noise."""
        return np.asarray(self._height(position) * self._measurement[0] + self._measurement[1])

    def _height(self, position: Array) -> Array:
        # The minimum applies here as well: a height of 0 would mean no noise.
        return np.maximum(position[:, 3:], _MIN_SIZE_PX)

    # Noise = factor times height + constant; computed once, not in every frame.
    @cached_property
    def _process(self) -> tuple[Array, Array]:
        """Factors and constants (2, 4) of the process noise of position and velocity."""
        lengths, aspect = self.is_length, self.is_aspect
        return (
            np.stack([lengths * self.position_noise, lengths * self.velocity_noise]),
            np.stack([aspect * self.aspect_drift, aspect * self.aspect_velocity_noise]),
        )

    @cached_property
    def _measurement(self) -> tuple[Array, Array]:
        """Factors and constants (4,) of the measurement noise."""
        return self.is_length * self.position_noise, self.is_aspect * self.aspect_noise


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

    def xywh(self, position: Array) -> Array:
        """Centre, width and height (N, 4) in pixels: the positions themselves, not a copy."""
        return position

    def process_std(self, position: Array) -> Array:
        """Standard deviations (N, 2, 4) of the process noise of position and velocity."""
        size = self._size(position)
        return np.stack([size * self.position_noise, size * self.velocity_noise], axis=1)

    def measurement_std(self, position: Array) -> Array:
        """Standard deviations (N, 4) of the measurement noise."""
        return self._size(position) * self.position_noise

    def _size(self, position: Array) -> Array:
        # x and y have the same noise, so that a rotating camera keeps the filter decoupled.
        return np.asarray(np.maximum(position[:, [3, 3, 2, 3]], _MIN_SIZE_PX))


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
    process_std, measurement_std = (
        model.process_std(measurement),
        model.measurement_std(measurement),
    )
    is_length = model.is_length > 0
    motion[:, POSITION] = measurement
    motion[:, PP] = np.where(is_length, 2 * measurement_std, process_std[:, 0]) ** 2
    motion[:, VV] = (np.where(is_length, 10.0, 1.0) * process_std[:, 1]) ** 2
    return motion


def predict(model: MotionModel, motion: Array, dt: float | Array = 1.0) -> Array:
    """State (N, 5, 4) `dt` frames later; `dt` is a number or (N, 1)."""
    flat = motion.reshape(-1, 20)
    predicted = (flat + dt * (flat @ _LINEAR) + dt * dt * (flat @ _QUADRATIC)).reshape(-1, 5, 4)
    position = motion[:, POSITION]
    noise = model.process_std(position)
    noise *= noise
    predicted[:, PP::2] += np.reshape(dt, (-1, 1, 1)) * noise
    return _with_min_size(model, predicted, position)


def correct(model: MotionModel, motion: Array, measurement: Array, noise_scale: Any = 1.0) -> Array:
    """State (N, 5, 4) after one measurement (N, 4) of each track.

    `noise_scale` multiplies the measurement variance, a number or (N,).
    """
    position = motion[:, POSITION]
    noise = _measurement_variance(model, position, noise_scale)
    total = motion[:, PP] + noise
    gain = motion[:, PP:VV] / total[:, None]  # (N, 2, 4), of position and velocity
    corrected = motion.copy()
    corrected[:, :PP] += gain * (measurement - position)[:, None]
    corrected[:, PP:VV] *= (noise / total)[:, None]
    corrected[:, VV] -= motion[:, PV] * gain[:, 1]
    return _with_min_size(model, corrected, position)


def nsa_noise_scale(score: Array) -> Array:
    """Factor (N,) of the measurement variance for scores (N,): 1 - score, from 0.05 to 1.

    NSA Kalman filter (Du et al. 2022, StrongSORT, section 3.3): a high score corrects more. The
    lower limit keeps a score of 1 from replacing the prediction by a single box.
    """
    return np.minimum(np.maximum(1 - score, 0.05), 1)


def innovation_variance(model: MotionModel, motion: Array, noise_scale: Any = 1.0) -> Array:
    """Variance S (N, 4) of the difference between the next measurement and the prediction."""
    position = motion[:, POSITION]
    return np.asarray(motion[:, PP] + _measurement_variance(model, position, noise_scale))


def squared_mahalanobis(
    model: MotionModel, motion: Array, measurement: Array, row: Rows, column: Rows
) -> Array:
    """Squared Mahalanobis distance (P,) of pairs (Wojke et al. 2017, eq. 1).

    `row` (P,) of predictions (N, 5, 4), `column` (P,) of measurements (M, 4).
    """
    precision = 1 / innovation_variance(model, motion)
    offset = measurement.take(column, axis=0) - motion[:, POSITION].take(row, axis=0)
    return np.asarray(np.einsum("pk,pk->p", offset * offset, precision.take(row, axis=0)))


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
    std = model.measurement_std(position)
    return np.asarray(std * std * (noise_scale[:, None] if np.ndim(noise_scale) else noise_scale))


def _with_min_size(model: MotionModel, motion: Array, previous_position: Array) -> Array:
    """`motion` with the previous size, and no velocity of it, where a size is below its minimum."""
    size = motion[:, POSITION, 2:]
    too_small = size < model.min_size
    if too_small.any():
        kept = np.maximum(previous_position[:, 2:], model.min_size)
        motion[:, POSITION, 2:] = np.where(too_small, kept, size)
        motion[:, VELOCITY, 2:] = np.where(too_small, 0, motion[:, VELOCITY, 2:])
    return motion
