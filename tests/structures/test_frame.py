"""Validation of frames."""

import numpy as np
import pytest

from deepsort_reid.structures.frame import check_frame


def test_bgr_frame_is_returned_unchanged():
    frame = np.zeros((4, 6, 3), dtype=np.uint8)
    assert check_frame(frame) is frame


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "got None"),
        ("frame.jpg", "got str"),
        (np.zeros((4, 6), np.uint8), r"got a grey image \(4, 6\)"),
        (np.zeros((4, 6, 1), np.uint8), r"got a grey image \(4, 6, 1\)"),
        (np.zeros((4, 6, 4), np.uint8), r"got shape \(4, 6, 4\)"),
        (np.zeros((4, 6, 3), np.float32), "got dtype float32"),
        (np.zeros((0, 6, 3), np.uint8), "got an empty image"),
    ],
)
def test_anything_else_is_refused_with_expected_and_got(frame, message):
    with pytest.raises(ValueError, match=message) as error:
        check_frame(frame, "crop 3")
    assert str(error.value).startswith("crop 3: expected a BGR uint8 array (height, width, 3)")
