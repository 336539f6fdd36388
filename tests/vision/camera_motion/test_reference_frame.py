"""What the image-based estimators share: static cameras, slow drift, and invalid frames."""

import numpy as np
import pytest

from deepsort_reid.vision.camera_motion import CameraMotion, Ecc, SparseFlow
from deepsort_reid.vision.camera_motion.reference_frame import STATIC_AFTER, STATIC_INTERVAL
from tests.vision.camera_motion.synthetic_frames import (
    HEIGHT,
    IDENTITY,
    WIDTH,
    compose,
    corner_error,
    similarity,
    textured_frame,
    warped,
    with_pedestrians,
)

ESTIMATORS = pytest.mark.parametrize("make_estimator", [SparseFlow, Ecc])


@ESTIMATORS
def test_warp_is_a_similarity(make_estimator):
    estimator = make_estimator()
    estimator(textured_frame())
    motion = similarity(degrees=1, zoom=1.02, shift=(3, 2))
    warp = estimator(warped(textured_frame(), motion)).warp
    assert warp.shape == (2, 3)
    assert warp.dtype == np.float64
    np.testing.assert_allclose([warp[0, 0], warp[0, 1]], [warp[1, 1], -warp[1, 0]], atol=1e-9)


@ESTIMATORS
def test_moving_people_are_not_motion_of_the_camera(make_estimator):
    estimator = make_estimator()
    for number in range(12):
        frame = warped(textured_frame(), IDENTITY, seed=number)
        assert estimator(*with_pedestrians(frame, number)).is_identity


@ESTIMATORS
def test_static_camera_has_exactly_no_motion_and_few_frames_are_compared(make_estimator):
    estimator = make_estimator()
    shared = estimator._estimator
    downscale, compared = shared._downscale, []
    shared._downscale = lambda *args: compared.append(1) or downscale(*args)
    for number in range(100):
        motion = estimator(warped(textured_frame(), IDENTITY, seed=number), None)
        np.testing.assert_array_equal(motion.warp, IDENTITY)
        assert (motion.quality > 0.8) == (number > 0)
    assert len(compared) <= STATIC_AFTER + 1 + 100 / STATIC_INTERVAL


def test_static_camera_that_starts_to_move_is_detected_without_loss_of_motion():
    estimator = SparseFlow()
    for number in range(20):
        estimator(warped(textured_frame(), IDENTITY, seed=number), None)
    expected, estimated = np.eye(3), np.eye(3)
    for number in range(20):
        expected = compose(similarity(shift=(1.5, 0.5)), expected)
        motion = estimator(warped(textured_frame(), expected[:2], seed=number), None)
        estimated = compose(motion.warp, estimated)
        if number > STATIC_INTERVAL:
            assert not motion.is_identity
    assert corner_error(CameraMotion(estimated[:2], 1.0), expected[:2]) < 1.5


def test_drift_below_the_noise_of_two_frames_adds_up():
    estimator = SparseFlow()
    estimated = np.eye(3)
    for number in range(60):
        warp = similarity(shift=(0.1 * number, 0.0))
        motion = estimator(warped(textured_frame(), warp, seed=number), None)
        estimated = compose(motion.warp, estimated)
    assert estimated[0, 2] == pytest.approx(5.9, abs=1.0)


@ESTIMATORS
def test_black_frames_and_scene_cuts_give_the_identity_with_quality_0(make_estimator):
    estimator = make_estimator()
    black = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    scenes = [textured_frame(seed=seed) for seed in range(3)]
    for frame in (black, black, scenes[0], black, scenes[1], scenes[2]):
        motion = estimator(frame, None)
        assert motion.is_identity
        assert motion.quality == 0


@ESTIMATORS
@pytest.mark.parametrize(
    "invalid",
    [
        None,
        "frame",
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((5, 5, 3), np.uint8),
        np.zeros((HEIGHT, WIDTH, 3), np.float64),
        np.zeros((HEIGHT, WIDTH, 4), np.uint8),
        np.zeros((HEIGHT // 2, WIDTH, 3), np.uint8),
    ],
)
def test_invalid_frame_does_not_raise_and_later_frames_are_estimated(make_estimator, invalid):
    estimator = make_estimator()
    for frame in (textured_frame(), invalid, textured_frame()):
        assert estimator(frame, None).quality == 0
    warp = similarity(shift=(3, 2))
    assert corner_error(estimator(warped(textured_frame(), warp), None), warp) < 0.6


@ESTIMATORS
@pytest.mark.parametrize(
    "boxes",
    [
        np.empty((0, 4)),
        [],
        [[np.nan, 0, 10, 10]],
        [[-50, -50, -10, -10]],
        [[1e12, 0, 2e12, 9]],
        [[0, 0, WIDTH, HEIGHT]],
        [1, 2, 3],
    ],
)
def test_unusual_boxes_do_not_raise(make_estimator, boxes):
    estimator = make_estimator()
    for warp in (IDENTITY, similarity(shift=(3, 2))):
        assert np.isfinite(estimator(warped(textured_frame(), warp), boxes).warp).all()
