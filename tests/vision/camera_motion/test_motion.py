"""Camera motion as a similarity."""

import numpy as np
import pytest

from deepsort_reid.vision.camera_motion.motion import (
    CameraMotion,
    is_plausible,
    max_corner_shift,
    nearest_similarity,
)
from tests.vision.camera_motion.synthetic_frames import HEIGHT, IDENTITY, MOTIONS, WIDTH, similarity

SHAPE = (HEIGHT, WIDTH)


def test_identity_has_quality_0_by_default():
    motion = CameraMotion.identity()
    np.testing.assert_array_equal(motion.warp, IDENTITY)
    assert motion.is_identity
    assert motion.quality == 0
    assert not CameraMotion(similarity(shift=(1e-9, 0)), 1.0).is_identity


@pytest.mark.parametrize("name", MOTIONS)
def test_nearest_similarity_of_a_similarity_is_itself(name):
    np.testing.assert_allclose(nearest_similarity(MOTIONS[name], SHAPE), MOTIONS[name], atol=1e-9)


def test_nearest_similarity_moves_the_centre_like_the_affine_warp():
    affine = np.array([[1.02, 0.01, 3.0], [-0.03, 0.97, -2.0]])
    centre = [WIDTH / 2, HEIGHT / 2, 1]
    np.testing.assert_allclose(nearest_similarity(affine, SHAPE) @ centre, affine @ centre)


@pytest.mark.parametrize(
    ("warp", "expected"),
    [
        (similarity(degrees=5, zoom=1.1, shift=(60, 20)), True),
        (similarity(degrees=30), False),
        (similarity(zoom=1.5), False),
        (similarity(zoom=0.6), False),
        (similarity(shift=(200, 0)), False),
        (np.full((2, 3), np.nan), False),
    ],
)
def test_motion_beyond_the_limits_of_a_camera_is_not_plausible(warp, expected):
    assert is_plausible(warp, SHAPE) == expected


def test_max_corner_shift_is_that_of_the_corner_that_moves_most():
    assert max_corner_shift(similarity(shift=(3, 4)), SHAPE) == pytest.approx(5)
    zoom = similarity(zoom=1.1)
    assert max_corner_shift(zoom, SHAPE) == pytest.approx(0.1 * np.hypot(WIDTH, HEIGHT) / 2)
