"""Crops: corners inside the frame, and resizing without aliasing."""

import numpy as np

from deepsort_reid.vision.crops import crop_corners, resize_crop


def test_corners_are_clipped_and_never_empty():
    boxes = [[-5, -5, 3, 3], [79.9, 59.9, 200, 200], [10.2, 10.2, 10.3, 10.3], [-1e9, 0, 1e9, 60]]
    corners, visible = crop_corners(boxes, width=80, height=60)
    assert visible.all()
    np.testing.assert_array_equal(
        corners, [[0, 0, 3, 3], [79, 59, 80, 60], [10, 10, 11, 11], [0, 0, 80, 60]]
    )


def test_shrinking_averages_and_enlarging_interpolates():
    stripes = np.zeros((64, 8, 3), dtype=np.uint8)
    stripes[::2] = 200
    small = resize_crop(stripes, (8, 4))
    assert small.shape == (8, 4, 3)
    np.testing.assert_allclose(small, 100, atol=1)  # no aliasing to 0 or 200
    ramp = np.repeat(np.array([0, 200], dtype=np.uint8), 3).reshape(1, 2, 3)
    wide = resize_crop(ramp, (1, 8))[0, :, 0].astype(int)
    assert (np.diff(wide) >= 0).all()
    assert len(np.unique(wide)) > 2
    both = resize_crop(stripes[:, :2], (8, 16))
    np.testing.assert_allclose(both, 100, atol=1)
