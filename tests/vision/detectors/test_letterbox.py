"""Resizing of frames to the input of a detector."""

import numpy as np
import pytest

from deepsort_reid.vision.detectors.letterbox import letterbox
from tests.vision.detectors.yolox_files import GREY


def test_letterbox_keeps_the_aspect_ratio_and_pads_with_grey():
    image, scale = letterbox(GREY, (32, 32))
    assert scale == pytest.approx(1 / 3)
    np.testing.assert_array_equal(image[:16], 90)
    np.testing.assert_array_equal(image[16:], 114)
