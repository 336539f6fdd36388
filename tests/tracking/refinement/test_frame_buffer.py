"""Camera motion between buffered frames."""

import numpy as np
import pytest

from deepsort_reid.tracking.refinement.frame_buffer import (
    BufferedFrame,
    inverse_camera_motion,
    warp_boxes,
)
from tests.tracking.scenarios import boxes_at


def test_inverse_camera_motion_maps_warped_boxes_back():
    warp = np.array([[0.0, -2.0, 10.0], [2.0, 0.0, 5.0]])  # a quarter turn, and a zoom of 2
    warped = warp_boxes(boxes_at(10), np.vstack([warp, [0, 0, 1]]))
    # The box of 20 x 50 around (20, 125).
    center, half_size = np.array([-2 * 125 + 10, 2 * 20 + 5]), np.array([20, 50])
    np.testing.assert_allclose(warped[0], [*(center - half_size), *(center + half_size)])
    np.testing.assert_allclose(warp_boxes(warped, inverse_camera_motion(warp)), boxes_at(10))


def test_no_camera_motion_is_the_identity():
    np.testing.assert_array_equal(inverse_camera_motion(None), np.eye(3))


def test_camera_motion_that_cannot_be_inverted_is_refused():
    with pytest.raises(ValueError, match=r"camera must be an invertible affine matrix, got \[\["):
        inverse_camera_motion(np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]]))


def test_rows_of_a_buffered_frame_follow_a_replaced_key():
    xywh = np.arange(12.0).reshape(3, 4)
    frame = BufferedFrame(
        number=1,
        time=1.0,
        clock=1,
        given_time=1.0,
        to_first=np.eye(3),
        key=np.array([7, 2, 5]),
        xywh=xywh,
        score=np.array([0.7, 0.2, 0.5]),
        detection=np.array([0, 1, 2]),
        data={},
    )
    frame.sort_by_key()
    assert frame.rows_of(np.array([2, 3, 5, 7, 9])).tolist() == [0, -1, 1, 2, -1]
    before, frame = frame, frame.with_key_replaced(7, 1)
    assert before.key.tolist() == [2, 5, 7]
    assert before.with_key_replaced(8, 1) is before
    assert frame.key.tolist() == [1, 2, 5]
    assert frame.score.tolist() == [0.7, 0.2, 0.5]
    assert frame.detection.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(
        frame.xywh_of(np.array([1, 4, 5])), [xywh[0], [np.nan] * 4, xywh[2]]
    )
