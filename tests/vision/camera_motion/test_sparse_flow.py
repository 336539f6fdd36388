"""Sparse optical flow against known warps of images."""

import numpy as np
import pytest

from deepsort_reid.io.video_reader import iter_frames
from deepsort_reid.scene import Street
from deepsort_reid.vision.camera_motion import CameraMotion, SparseFlow
from tests.vision.camera_motion.synthetic_frames import (
    IDENTITY,
    MOTIONS,
    compose,
    corner_error,
    similarity,
    textured_frame,
    warped,
    with_pedestrians,
)


@pytest.mark.parametrize("name", MOTIONS)
def test_known_motion_is_estimated_to_a_fraction_of_a_pixel(name):
    frame, estimator = textured_frame(), SparseFlow()
    assert estimator(frame, None).quality == 0
    motion = estimator(warped(frame, MOTIONS[name]), None)
    assert corner_error(motion, MOTIONS[name]) < 0.3
    assert motion.quality > 0.8


def test_motion_is_in_pixels_of_the_frame_when_frames_are_downscaled():
    size = (1280, 960)
    frame = textured_frame(size=size)
    warp = similarity(degrees=0.7, zoom=1.01, shift=(11, -7), size=size)
    estimator = SparseFlow()
    estimator(frame, None)
    assert corner_error(estimator(warped(frame, warp), None), warp, size) < 0.5


def test_moving_people_do_not_disturb_the_motion_of_the_camera():
    estimator = SparseFlow()
    step = similarity(shift=(3.0, 1.0))
    warp = np.eye(3)
    for number in range(6):
        moved = warped(textured_frame(), warp[:2], seed=number)
        motion = estimator(*with_pedestrians(moved, number))
        if number:
            assert corner_error(motion, step) < 0.4
        warp = compose(step, warp)


def test_grey_frames_are_accepted():
    estimator, warp = SparseFlow(), similarity(shift=(3, 2))
    estimator(textured_frame()[:, :, 1], None)
    assert corner_error(estimator(warped(textured_frame(), warp)[:, :, 1], None), warp) < 0.3


def test_estimators_share_no_state():
    first, second = SparseFlow(), SparseFlow()
    warp = similarity(shift=(3, 2))
    first(textured_frame())
    second(textured_frame(seed=5))
    assert corner_error(first(warped(textured_frame(), warp)), warp) < 0.3


def test_pan_over_a_street_with_people_is_estimated():
    street = Street(seed=3, frames=40, camera_pan=True, width=480, height=270)
    estimator, estimated, expected = SparseFlow(), np.eye(3), np.eye(3)
    for number, frame, rows in street:
        estimated = compose(estimator(frame, rows.xyxy).warp, estimated)
        expected = compose(street.warp(number), expected)
    assert np.abs(expected[:2, 2]).max() > 20
    assert corner_error(CameraMotion(estimated[:2], 1.0), expected[:2], street.size) < 1.5


@pytest.mark.data
@pytest.mark.parametrize("name", ["PETS09-S2L1", "TUD-Campus", "MOT16-09"])
def test_real_static_cameras_have_no_motion_also_without_boxes(data_root, name):
    estimator = SparseFlow()
    for _, frame in iter_frames(data_root / "mot" / name, stop=60):
        np.testing.assert_array_equal(estimator(frame, None).warp, IDENTITY)


@pytest.mark.data
@pytest.mark.parametrize("name", ["PETS09-S2L1", "TUD-Campus"])
def test_known_warps_of_real_frames_are_estimated(data_root, name):
    _, frame = next(iter_frames(data_root / "mot" / name, start=5))
    size = frame.shape[1::-1]
    for degrees, zoom, shift in ((0, 1, (40, 12)), (1.5, 1, (0, 0)), (0.5, 1.02, (-6, 3))):
        warp = similarity(degrees, zoom, shift, size)
        estimator = SparseFlow()
        estimator(frame, None)
        assert corner_error(estimator(warped(frame, warp), None), warp, size) < 0.3
