"""Input of one update: rows and masks by hand, and the checks of the arguments."""

import numpy as np
import pytest

from deepsort_reid import DeepSortConfig, Detections
from deepsort_reid.tracking.extras.visibility import ImageBorder
from deepsort_reid.tracking.frame_input import checked_camera, elapsed_frames, make_frame_input
from tests.tracking.scenarios import boxes_at, orthogonal_embeddings

FRAME_SHAPE = (480, 640, 3)


def frame_input(detections, **config):
    """The input of an update that uses every detection, in a frame of 640 pixels."""
    border = ImageBorder()
    border.update(detections.xyxy, FRAME_SHAPE)
    rows = np.arange(len(detections))
    return make_frame_input(DeepSortConfig(**config), detections, rows, border)


def five_detections():
    """High score, truncated, low score, high score below min_gallery_score, zero embedding."""
    embedding = orthogonal_embeddings(5)
    embedding[4] = 0
    score = [0.9, 0.9, 0.3, 0.5, 0.9]
    return Detections(boxes_at(100, 0, 200, 300, 400), score, embedding=embedding)


def test_masks_by_hand():
    found = frame_input(five_detections())
    assert found.high_score.tolist() == [True, True, False, True, True]
    assert found.has_embedding.tolist() == [True, True, True, True, False]
    assert found.reliable_embedding.tolist() == [True, True, False, True, False]
    assert found.storable.tolist() == [True, False, False, False, True]


def test_truncated_boxes_are_storable_if_configured():
    found = frame_input(five_detections(), store_truncated=True)
    assert found.storable.tolist() == [True, True, False, False, True]


def test_occluded_boxes_are_not_storable_above_the_maximum():
    xyxy = np.concatenate([boxes_at(100), boxes_at(105, top=110)])
    detections = Detections(xyxy, embedding=orthogonal_embeddings(2))
    # Three quarters of the width and four fifths of the height: an occlusion ratio of 0.6.
    assert frame_input(detections, max_stored_occlusion=0.61).storable.tolist() == [True, True]
    assert frame_input(detections, max_stored_occlusion=0.59).storable.tolist() == [False, True]


def test_without_embeddings_none_is_reliable_but_boxes_are_storable():
    found = frame_input(Detections(boxes_at(100, 200)))
    for mask in (found.has_embedding, found.reliable_embedding):
        assert mask.tolist() == [False, False]
    assert found.high_score.all()
    assert found.storable.all()


def test_rows_refer_to_the_given_detections():
    given, border = five_detections(), ImageBorder()
    rows = np.array([0, 3])
    found = make_frame_input(DeepSortConfig(), given, rows, border)
    assert found.given is given
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.detections.xyxy, given.xyxy[rows])
    assert len(found.storable) == 2


@pytest.mark.parametrize(("dt", "expected"), [(0.2, 1), (1.0, 1), (1.4, 1), (2.6, 3), (30, 30)])
def test_elapsed_frames_are_whole_and_at_least_one(dt, expected):
    assert elapsed_frames(dt) == expected


def test_camera_motion_becomes_float64():
    warp = checked_camera([[1, 0, 5], [0, 1, 0]])
    assert warp.dtype == np.float64
    assert checked_camera(None) is None
    with pytest.raises(ValueError, match=r"camera must be a finite affine \(2, 3\), got shape"):
        checked_camera(np.eye(3))
