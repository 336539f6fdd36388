"""ECC alignment against known warps of images."""

import pytest

from deepsort_reid.vision.camera_motion import Ecc
from tests.vision.camera_motion.synthetic_frames import (
    MOTIONS,
    corner_error,
    textured_frame,
    warped,
)


@pytest.mark.parametrize("name", MOTIONS)
def test_known_motion_is_estimated_to_about_a_pixel(name):
    frame, estimator = textured_frame(), Ecc()
    estimator(frame, None)
    motion = estimator(warped(frame, MOTIONS[name]), None)
    assert corner_error(motion, MOTIONS[name]) < 1.2
    assert motion.quality > 0.9
