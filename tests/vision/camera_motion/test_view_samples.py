"""Point samples: what is a change of the view, and what is not."""

import numpy as np
import pytest

from deepsort_reid.vision.camera_motion.view_samples import (
    CELLS,
    cell_differences,
    has_changed,
    sample_view,
)
from tests.vision.camera_motion.synthetic_frames import (
    IDENTITY,
    MOTIONS,
    textured_frame,
    warped,
    with_pedestrians,
)

SIZE = (1280, 720)


def differences(frame, boxes=None, *, motion=IDENTITY):
    """Cell differences between two noisy frames, the second after a camera motion."""
    first = sample_view(warped(frame, IDENTITY, seed=1), boxes)
    return cell_differences(first, sample_view(warped(frame, motion, seed=2), boxes))


def test_samples_are_single_pixels_of_about_90_rows():
    frame = np.arange(720 * 1280 * 3, dtype=np.uint32).astype(np.uint8).reshape(720, 1280, 3)
    samples = sample_view(frame, None)
    assert samples.grey.shape == (90, 160)
    assert samples.grey[3, 5] == frame[4 + 3 * 8, 4 + 5 * 8, 1]


@pytest.mark.parametrize("name", MOTIONS)
def test_camera_motion_changes_the_view_and_noise_does_not(name):
    frame = textured_frame(size=SIZE)
    static = differences(frame)
    assert static.shape == CELLS
    assert not has_changed(differences(frame), static)
    assert has_changed(differences(frame, motion=MOTIONS[name]), static)


def test_brightness_of_the_whole_image_is_no_change():
    frame = textured_frame(size=SIZE)
    first, second = sample_view(frame, None), sample_view(np.minimum(frame, 235) + 20, None)
    assert not has_changed(cell_differences(first, second), differences(frame))


def test_people_in_boxes_are_no_change():
    frame = textured_frame()
    (before, old), (after, new) = (with_pedestrians(frame, number) for number in (0, 10))
    static = differences(frame)
    without = cell_differences(sample_view(before, None), sample_view(after, None))
    boxed = cell_differences(sample_view(before, old), sample_view(after, new))
    assert has_changed(without, static)
    assert not has_changed(boxed, static)


def test_box_over_the_whole_image_leaves_nothing_to_compare():
    frame = textured_frame()
    boxes = np.array([[0, 0, 320, 240]])
    assert not differences(frame, boxes, motion=MOTIONS["large shift"]).any()
