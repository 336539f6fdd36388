"""Rauch-Tung-Striebel smoother of one track at constant velocity.

H. Rauch, F. Tung, C. Striebel: Maximum likelihood estimates of linear dynamic systems. AIAA
Journal, 1965.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def smooth_constant_velocity(
    time: NDArray[np.int64], measured: Array, position_noise: float, velocity_noise: float
) -> Array:
    """Smooth independent coordinates that move at constant velocity with white-noise acceleration.

    Args:
        time: times of the measurements (T,), ascending; the gaps may differ.
        measured: coordinates (T, D).
        position_noise: standard deviation of a measured coordinate.
        velocity_noise: standard deviation of the change of velocity in one unit of time.

    Returns:
        The smoothed coordinates (T, D).
    """
    n = len(time)
    # All coordinates have the same noise, and hence the same covariance (2, 2) of position and
    # velocity: one covariance serves the whole state (2, D).
    mean = np.zeros((n, 2, measured.shape[1]))
    covariance = np.zeros((n, 2, 2))
    predicted_mean, predicted_covariance = np.zeros_like(mean), np.zeros_like(covariance)
    transitions = [np.array([[1.0, dt], [0.0, 1.0]]) for dt in np.diff(time, prepend=time[0])]
    # The filter starts at the first measurement. The prior of the velocity is zero, with a standard
    # deviation of ten times its process noise, as in DeepSORT.
    x = np.stack([measured[0], np.zeros_like(measured[0])])
    p = np.diag([position_noise**2, (10 * velocity_noise) ** 2])
    for k, transition in enumerate(transitions):
        x = predicted_mean[k] = transition @ x
        p = transition @ p @ transition.T + _process_noise(transition[0, 1], velocity_noise)
        predicted_covariance[k] = p
        innovation_variance = p[0, 0] + position_noise**2
        gain = p[:, :1] / innovation_variance
        x = mean[k] = x + gain * (measured[k] - x[0])
        p = covariance[k] = p - gain * gain.T * innovation_variance
    for k in range(n - 2, -1, -1):
        smoother_gain = np.linalg.solve(
            predicted_covariance[k + 1], transitions[k + 1] @ covariance[k]
        ).T
        mean[k] += smoother_gain @ (mean[k + 1] - predicted_mean[k + 1])
    return np.asarray(mean[:, 0])


def _process_noise(dt: float, velocity_noise: float) -> Array:
    """Covariance (2, 2) of the process noise of white-noise acceleration over a time `dt`."""
    shape = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
    return np.asarray(velocity_noise**2 * shape)
