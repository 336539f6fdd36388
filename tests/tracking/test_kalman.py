"""The decoupled Kalman filter against dense 8x8 filters, and its invariants."""

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from scipy.linalg import cho_factor, cho_solve
from scipy.special import chdtr

from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.kalman import PP, PV, VV, AspectMotion, SizeMotion
from deepsort_reid.tracking.near_pairs import all_pairs

MODELS = [AspectMotion(), SizeMotion()]
each_model = pytest.mark.parametrize("model", MODELS, ids=["aspect", "size"])


def noise_std_by_hand(model, position):
    """Standard deviations (4,) of process position, process velocity, measurement; initial (8,)."""
    _, _, third, height = position
    if isinstance(model, AspectMotion):  # the values of DeepSORT
        place = np.array([height / 20, height / 20, 1e-2, height / 20])
        speed = np.array([height / 160, height / 160, 1e-5, height / 160])
        seen = np.array([height / 20, height / 20, 1e-1, height / 20])
        first = np.concatenate([place * [2, 2, 1, 2], speed * [10, 10, 1, 10]])
    else:
        lengths = np.array([height, height, third, height])
        place, speed, seen = lengths / 20, lengths / 160, lengths / 20
        first = np.concatenate([2 * place, 10 * speed])
    return place, speed, seen, first


class DenseTrack:
    """One track in filterpy's filter: state (x, y, a or w, h and their velocities), 8x8."""

    def __init__(self, model, measurement):
        self.model = model
        self.filter = KalmanFilter(dim_x=8, dim_z=4)
        self.filter.H = np.eye(4, 8)
        self.filter.x = np.concatenate([measurement, np.zeros(4)])
        self.filter.P = np.diag(noise_std_by_hand(model, measurement)[3] ** 2)

    def predict(self, dt):
        place, speed, _, _ = noise_std_by_hand(self.model, self.filter.x[:4])
        self.filter.F = np.eye(8) + dt * np.eye(8, k=4)
        self.filter.predict(Q=dt * np.diag(np.concatenate([place, speed]) ** 2))

    def measurement_covariance(self, noise_scale=1.0):
        return np.diag(noise_std_by_hand(self.model, self.filter.x[:4])[2] ** 2) * noise_scale

    def correct(self, measurement, noise_scale):
        self.filter.update(measurement, R=self.measurement_covariance(noise_scale))

    def innovation(self):
        return self.filter.P[:4, :4] + self.measurement_covariance()


def dense(motion):
    """Means (N, 8) and covariances (N, 8, 8) that a `motion` array stands for."""
    mean = np.concatenate([motion[:, kalman.POSITION], motion[:, kalman.VELOCITY]], axis=1)
    covariance = np.zeros((len(motion), 8, 8))
    axis = np.arange(4)
    covariance[:, axis, axis] = motion[:, PP]
    covariance[:, axis + 4, axis + 4] = motion[:, VV]
    covariance[:, axis, axis + 4] = covariance[:, axis + 4, axis] = motion[:, PV]
    return mean, covariance


def random_boxes(rng, n):
    centre = rng.uniform([0, 0], [1920, 1080], (n, 2))
    height = rng.uniform(80, 300, (n, 1))
    half = np.concatenate([rng.uniform(0.3, 0.5, (n, 1)) * height, height], axis=1) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def moving_tracks(model, rng, n=20, steps=10):
    """Tracks (n, 5, 4) after several predictions and corrections, each matched in 70 % of them."""
    motion = kalman.initiate(model, model.measure(random_boxes(rng, n)))
    for _ in range(steps):
        motion = kalman.predict(model, motion)
        seen = rng.random(n) < 0.7
        noisy = motion[seen, kalman.POSITION] * rng.normal(1, 0.02, (seen.sum(), 4))
        motion[seen] = kalman.correct(model, motion[seen], noisy)
    return motion


@each_model
@pytest.mark.parametrize("changing_dt", [False, True], ids=["every frame", "changing dt"])
@pytest.mark.parametrize("nsa", [False, True], ids=["constant noise", "noise by score"])
def test_filter_equals_filterpy_track_by_track(model, changing_dt, nsa):
    rng = np.random.default_rng(0)
    seen = model.measure(random_boxes(rng, 8))
    truth, speed = seen.copy(), rng.normal(0, 3, (8, 2))
    motion, oracles = kalman.initiate(model, seen), [DenseTrack(model, row) for row in seen]
    smallest = np.inf
    for step in range(200):
        dt = rng.choice([0.5, 1.0, 2.0, 3.5]) if changing_dt else 1.0
        truth[:, :2] += dt * speed
        truth[:, 2:] = seen[:, 2:] * (1 + 0.1 * np.sin(step / 15))
        motion = kalman.predict(model, motion, dt)
        for oracle in oracles:
            oracle.predict(dt)
        matched = rng.random(8) < 0.6 if step % 40 > 8 else np.zeros(8, dtype=bool)
        scale = rng.uniform(0.05, 1, matched.sum()) if nsa else np.ones(matched.sum())
        measured = truth[matched] * rng.normal(1, 0.03, (matched.sum(), 4))
        motion[matched] = kalman.correct(model, motion[matched], measured, scale if nsa else 1.0)
        for track, row, one_scale in zip(np.flatnonzero(matched), measured, scale, strict=True):
            oracles[track].correct(row, one_scale)
        mean, covariance = dense(motion)
        for track, oracle in enumerate(oracles):
            np.testing.assert_allclose(mean[track], oracle.filter.x, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(covariance[track], oracle.filter.P, rtol=1e-9, atol=1e-9)
        smallest = min(smallest, (mean[:, 2:4] / model.min_size).min())
    assert smallest > 1  # the minimum size, which filterpy does not have, was not reached


@each_model
def test_squared_mahalanobis_equals_dense_cholesky(model):
    rng = np.random.default_rng(1)
    motion = moving_tracks(model, rng, 15)
    measured = np.concatenate(
        [
            motion[:, kalman.POSITION] + rng.normal(size=(15, 4)),
            model.measure(random_boxes(rng, 10)),
        ]
    )
    mean, covariance = dense(motion)
    expected = np.empty((15, 25))
    for n in range(15):
        noise = np.diag(noise_std_by_hand(model, mean[n, :4])[2] ** 2)
        innovation = covariance[n, :4, :4] + noise
        for m in range(25):
            apart = measured[m] - mean[n, :4]
            expected[n, m] = apart @ cho_solve(cho_factor(innovation), apart)
        np.testing.assert_allclose(
            kalman.innovation_variance(model, motion)[n], np.diag(innovation), rtol=1e-12
        )
    found = kalman.squared_mahalanobis(model, motion, measured, *all_pairs(15, 25))
    np.testing.assert_allclose(found, expected.ravel(), rtol=1e-9)
    assert expected.min() < kalman.GATE_95[4] < expected.max()


def test_gates_are_the_95_percent_quantiles_of_chi_square():
    for freedom, gate in kalman.GATE_95.items():
        assert chdtr(freedom, gate) == pytest.approx(0.95, abs=2e-6)


@each_model
@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0)])
def test_every_function_accepts_no_tracks_and_no_detections(model, n, m):
    rng = np.random.default_rng(2)
    motion = kalman.initiate(model, model.measure(random_boxes(rng, n)))
    measured = model.measure(random_boxes(rng, m))
    assert kalman.predict(model, motion, 2.0).shape == (n, 5, 4)
    assert kalman.correct(model, motion, model.measure(random_boxes(rng, n))).shape == (n, 5, 4)
    found = kalman.squared_mahalanobis(model, motion, measured, *all_pairs(n, m))
    assert found.shape == (n * m,)
    assert kalman.apply_camera_motion(model, motion, np.eye(2, 3)).shape == (n, 5, 4)


@each_model
def test_camera_motion_equals_the_dense_transformation(model):
    rng = np.random.default_rng(3)
    motion = moving_tracks(model, rng)
    angle, zoom, shift = 0.3, 1.4, np.array([-30.0, 12.0])
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    third = 1.0 if isinstance(model, AspectMotion) else zoom
    block = np.zeros((4, 4))
    block[:2, :2], block[2, 2], block[3, 3] = linear, third, zoom
    whole = np.kron(np.eye(2), block)
    mean, covariance = dense(motion)
    expected = mean @ whole.T
    expected[:, :2] += shift

    moved = kalman.apply_camera_motion(model, motion, np.column_stack([linear, shift]))

    moved_mean, moved_covariance = dense(moved)
    np.testing.assert_allclose(moved_mean, expected, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(moved_covariance, whole @ covariance @ whole.T, rtol=1e-9, atol=1e-9)


@each_model
def test_static_camera_changes_nothing(model):
    motion = moving_tracks(model, np.random.default_rng(4))
    np.testing.assert_array_equal(kalman.apply_camera_motion(model, motion, np.eye(2, 3)), motion)


@each_model
def test_arguments_are_not_modified(model):
    motion = moving_tracks(model, np.random.default_rng(5))
    motion[0, kalman.VELOCITY, 3] = -1e6  # below the minimum size when predicted
    measured = model.measure(random_boxes(np.random.default_rng(6), len(motion)))
    before, measured_before = motion.copy(), measured.copy()
    kalman.predict(model, motion, 2.0)
    kalman.correct(model, motion, measured, np.full(len(motion), 0.5))
    pairs = all_pairs(len(motion), len(measured))
    kalman.squared_mahalanobis(model, motion, measured, *pairs)
    kalman.apply_camera_motion(model, motion, np.array([[2.0, 0, 1], [0, 2, 1]]))
    np.testing.assert_array_equal(motion, before)
    np.testing.assert_array_equal(measured, measured_before)


@each_model
def test_measure_and_boxes_are_inverse(model):
    given = random_boxes(np.random.default_rng(7), 50)
    np.testing.assert_allclose(model.boxes(model.measure(given)), given, atol=1e-9)


@each_model
def test_size_does_not_shrink_below_its_minimum_while_coasting(model):
    motion = kalman.initiate(model, model.measure(np.array([[0.0, 0, 20, 50]])))
    motion[:, kalman.VELOCITY, 3] = -30
    once = kalman.predict(model, motion)
    assert once[0, kalman.POSITION, 3] == 20
    twice = kalman.predict(model, once)
    assert twice[0, kalman.POSITION, 3] == 20
    assert twice[0, kalman.VELOCITY, 3] == 0


DEGENERATE = np.array(
    [
        [0, 0, 1e-200, 1e-200],
        [5, 5, 5 + 1e-9, 5 + 1e-9],
        [0, 10, 5000, 10.001],
        [7, 0, 7.001, 3000],
        [0, 0, 1, 1],
        [-1e5, -1e5, 1e5, 1e5],
        [1e6, 1e6, 1e6 + 30, 1e6 + 80],
        [100, 100, 140, 200],
    ],
    dtype=np.float64,
)


@pytest.mark.parametrize(
    ("model", "rounds"),
    [pytest.param(MODELS[0], 50_000, marks=pytest.mark.slow), (MODELS[1], 5_000)],
    ids=["aspect", "size"],
)
def test_covariances_stay_positive_over_many_steps_with_degenerate_boxes(model, rounds):
    rng = np.random.default_rng(8)
    motion = kalman.initiate(model, model.measure(DEGENERATE))
    measured = np.stack([model.measure(rng.permutation(DEGENERATE)) for _ in range(50)])
    own = model.measure(DEGENERATE)
    for step in range(rounds):  # each of them a prediction and a correction
        motion = kalman.predict(model, motion)
        # Mostly the track's own box, sometimes one of another track, and long gaps.
        if step % 1000 < 800:
            seen = measured[step % 50] if step % 97 == 0 else own
            motion = kalman.correct(model, motion, seen, 0.05 if step % 3 else 1.0)
        if step % 10 == 0 or step < 100:
            variance = motion[:, [PP, VV]]
            assert (variance > 0).all()
            assert (motion[:, PV] ** 2 < motion[:, PP] * motion[:, VV]).all()
            assert (motion[:, kalman.POSITION, 2:] >= model.min_size).all()
    assert np.isfinite(motion).all()
