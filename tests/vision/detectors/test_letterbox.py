"""Resizing of frames to the input of a detector."""

import numpy as np
import pytest

from deepsort_reid.vision.detectors.letterbox import letterbox, stretch
from tests.vision.detectors.yolox_files import GREY


def test_letterbox_keeps_the_aspect_ratio_and_pads_with_grey():
    image, scales = letterbox(GREY, (32, 32))
    np.testing.assert_allclose(scales, 1 / 3)
    np.testing.assert_array_equal(image[:16], 90)
    np.testing.assert_array_equal(image[16:], 114)


@pytest.mark.parametrize("width", [77, 154, 303, 319, 606])
def test_side_that_limits_fills_the_image(width):
    """Where 320 / width * width is rounded to less than 320, too."""
    image, scales = letterbox(np.full((20, width, 3), 90, dtype=np.uint8), (320, 320))
    np.testing.assert_array_equal(image[0], 90)
    np.testing.assert_allclose(scales[0], 320 / width)


def test_scales_are_those_of_the_resized_image():
    """37 pixels times 0.3 are 11 whole pixels: a frame pixel is 11/37 pixels high."""
    image, scales = letterbox(np.full((37, 100, 3), 90, dtype=np.uint8), (30, 30))
    assert (image[:, 0, 0] == 90).sum() == 11
    np.testing.assert_allclose(scales, [0.3, 11 / 37])


def test_stretch_fills_the_image():
    image, scales = stretch(GREY, (32, 64))
    assert image.shape == (32, 64, 3)
    assert (image == 90).all()
    np.testing.assert_allclose(scales, [64 / 96, 32 / 48])
