"""Views through a moving window: the true motion maps images, boxes and ground truth alike."""

import cv2
import numpy as np
import pytest

from benchmarks.lib.moving_view import PATHS, StaticView, moving_view
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows

SIZE, LENGTH = (320, 240), 40
BOX = np.array([[150.0, 100, 170, 150]])


def static_view():
    image = np.full((*SIZE[::-1], 3), 40, dtype=np.uint8)
    cv2.rectangle(image, (150, 100), (169, 149), (255, 255, 255), -1)
    truth = MotRows(np.arange(1, LENGTH + 1), np.full(LENGTH, 7), np.tile(BOX, (LENGTH, 1)))
    detections = tuple(Detections(BOX) for _ in range(LENGTH))
    return StaticView("box", SIZE, 20.0, lambda: iter([image] * LENGTH), detections, truth, "plain")


@pytest.mark.parametrize("path", PATHS)
def test_detections_and_ground_truth_are_where_the_image_shows_the_person(path):
    view = static_view()
    seen = moving_view(view, path)
    assert len(seen.truth) > LENGTH / 2
    for row, frame in enumerate(seen.truth.frame):
        image = seen.render(next(view.frames()), int(frame))
        y, x = np.nonzero(image[:, :, 0] > 150)
        shown = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        np.testing.assert_allclose(seen.truth.xyxy[row], shown, atol=2)
        np.testing.assert_array_equal(seen.detections[frame - 1].xyxy[0], seen.truth.xyxy[row])


@pytest.mark.parametrize("path", PATHS)
def test_warps_map_the_window_of_one_frame_to_the_next(path):
    seen = moving_view(static_view(), path)
    assert seen.warps.shape == (LENGTH, 2, 3)
    np.testing.assert_allclose(seen.warps[0], np.eye(2, 3), atol=1e-9)
    centre = np.array([160.0, 120.0, 1.0])
    for before, after, warp in zip(
        seen.to_window[:-1], seen.to_window[1:], seen.warps[1:], strict=True
    ):
        np.testing.assert_allclose(warp @ (before @ centre), (after @ centre)[:2], atol=1e-6)


def test_person_outside_the_window_is_left_out():
    view = static_view()
    corner = np.array([[0.0, 0, 20, 50]])
    outside = MotRows(np.array([1]), np.array([1]), corner)
    moved = StaticView(
        view.name, SIZE, 20.0, view.frames, (Detections(corner),) * LENGTH, outside, "plain"
    )
    seen = moving_view(moved, "shake")
    assert len(seen.truth) == 0
    assert not any(len(found) for found in seen.detections)
