"""What the image-based estimators share: static cameras, slow drift, and invalid frames."""

import numpy as np
import pytest

from deepsort_reid.vision.camera_motion import CameraMotion, Ecc, SparseFlow
from deepsort_reid.vision.camera_motion.reference_frame import REFERENCE_LIFETIME, STATIC_AFTER
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
    # Some more, until the largest difference of the noise is known.
    assert len(compared) <= STATIC_AFTER + 1 + 100 / REFERENCE_LIFETIME + 5


def test_every_frame_is_compared_when_asked_for():
    estimator = SparseFlow(every_frame=True)
    shared = estimator._estimator
    downscale, compared = shared._downscale, []
    shared._downscale = lambda *args: compared.append(1) or downscale(*args)
    for number in range(20):
        estimator(warped(textured_frame(), IDENTITY, seed=number), None)
    assert len(compared) == 20


@ESTIMATORS
def test_motion_after_a_static_time_is_found_in_its_first_frame(make_estimator):
    estimator = make_estimator()
    for number in range(40):
        estimator(warped(textured_frame(), IDENTITY, seed=number), None)
    warp = similarity(degrees=0.5, zoom=1.01, shift=(2, 1))
    assert corner_error(estimator(warped(textured_frame(), warp, seed=40), None), warp) < 0.6


def test_shake_to_and_fro_is_found_in_both_directions():
    estimator, position = SparseFlow(), np.eye(3)
    for number in range(30):
        estimator(warped(textured_frame(), IDENTITY, seed=number), None)
    for number in range(12):
        step = similarity(degrees=0.4 * (-1) ** number, shift=(1.5 * (-1) ** number, 0))
        position = compose(step, position)
        motion = estimator(warped(textured_frame(), position[:2], seed=number), None)
        assert corner_error(motion, step) < 0.8


def test_change_of_light_and_people_without_boxes_are_no_motion():
    estimator = SparseFlow()
    for number in range(60):
        bright = np.clip(textured_frame() * (1 + 0.002 * number), 0, 255).astype(np.uint8)
        frame, _ = with_pedestrians(bright, number % 20)
        assert estimator(frame, None).is_identity


def test_estimator_that_continues_from_a_state_gives_the_same_motions():
    def frames():
        for number in range(60):
            shift = 0 if number < 30 else 2 * number - 60
            yield warped(textured_frame(), similarity(shift=(shift, 0)), seed=number)

    whole, first, second = SparseFlow(), SparseFlow(), SparseFlow()
    expected = [whole(frame).warp for frame in frames()]
    for number, frame in enumerate(frames()):
        if number == 25:
            second.load_state_dict(first.state_dict())
        found = (first if number < 25 else second)(frame).warp
        np.testing.assert_array_equal(found, expected[number])


def test_static_camera_that_starts_to_move_is_detected_without_loss_of_motion():
    estimator = SparseFlow()
    for number in range(20):
        estimator(warped(textured_frame(), IDENTITY, seed=number), None)
    expected, estimated = np.eye(3), np.eye(3)
    for number in range(20):
        expected = compose(similarity(shift=(1.5, 0.5)), expected)
        motion = estimator(warped(textured_frame(), expected[:2], seed=number), None)
        estimated = compose(motion.warp, estimated)
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
