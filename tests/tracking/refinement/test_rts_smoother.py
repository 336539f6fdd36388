"""The Rauch-Tung-Striebel smoother against filterpy."""

import numpy as np
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import KalmanFilter

from deepsort_reid.tracking.refinement.rts_smoother import smooth_constant_velocity


def filterpy_smoother(time, measured, position_noise, velocity_noise):
    """The same smoother with a dense state of four coordinates and their velocities."""
    kalman = KalmanFilter(dim_x=8, dim_z=4)
    kalman.x = np.concatenate([measured[0], np.zeros(4)])
    kalman.P = np.diag([position_noise**2] * 4 + [(10 * velocity_noise) ** 2] * 4)
    kalman.R = np.eye(4) * position_noise**2
    kalman.H = np.eye(4, 8)
    steps = np.diff(time, prepend=time[0]).tolist()
    transitions = [np.kron([[1, dt], [0, 1]], np.eye(4)) for dt in steps]
    noises = [
        np.kron(Q_continuous_white_noise(2, dt=dt, spectral_density=velocity_noise**2), np.eye(4))
        for dt in steps
    ]
    means, covariances, _, _ = kalman.batch_filter(measured, Fs=transitions, Qs=noises)
    # Four values, not the three that filterpy's docstring names (rlabbe/filterpy#232).
    smoothed, _, _, _ = kalman.rts_smoother(means, covariances, Fs=transitions, Qs=noises)
    return smoothed[:, :4]


def test_smoother_equals_filterpy_on_tracks_with_gaps():
    rng = np.random.default_rng(3)
    for length in (2, 3, 50, 400):
        time = np.cumsum(rng.integers(1, 30, length))
        measured = 500 + np.cumsum(rng.normal(0, 8, (length, 4)), axis=0)
        for position_noise, velocity_noise in ((5.0, 0.6), (0.1, 3.0), (40.0, 0.01)):
            np.testing.assert_allclose(
                smooth_constant_velocity(time, measured, position_noise, velocity_noise),
                filterpy_smoother(time, measured, position_noise, velocity_noise),
                rtol=0,
                atol=1e-7,
            )


def test_smoother_returns_a_single_measurement():
    measured = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(smooth_constant_velocity(np.array([7]), measured, 1, 1), measured)
