"""Point samples of a frame: a cheap test whether the view of a static camera has changed.

The samples are single pixels on a fixed grid, which takes a fraction of the time of downscaling. A
static camera sees the same point in each of them; a camera that moves by a pixel sees another one,
wherever the image has texture.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.vision.camera_motion.background import background_mask

SAMPLE_ROWS = 90  # rows of samples; fewer where the image has fewer pixels
CELLS = (4, 6)  # rows and columns of the grid whose differences are compared
MIN_BACKGROUND = 0.2  # share of background of a cell, below which it is left out
# A cell has changed when its difference is this many times as large as with a static camera, and
# this many grey levels more.
MIN_RATIO, MIN_INCREASE = 1.3, 0.3
# People without boxes change some cells. More changed cells than that cost the time of an estimate.
MIN_CHANGED_CELLS = 3

CellDifferences = NDArray[np.float32]  # (4, 6), see CELLS


class ViewSamples(NamedTuple):
    """Grey levels of the samples (h, w), and a mask of the background: 0 inside boxes, else 255."""

    grey: NDArray[np.uint8]
    background: NDArray[np.uint8]


def sample_view(frame: NDArray[np.uint8], xyxy: ArrayLike | None) -> ViewSamples:
    """Samples of a frame, BGR or grey; xyxy: boxes (M, 4) of people in it, in pixels."""
    step = max(frame.shape[0] // SAMPLE_ROWS, 1)
    # Green alone: it is most of the brightness.
    plane: Any = frame[:, :, 1] if frame.ndim == 3 else frame
    grey = np.ascontiguousarray(plane[step // 2 :: step, step // 2 :: step])
    return ViewSamples(grey, background_mask(xyxy, 1 / step, grey.shape))


def cell_differences(first: ViewSamples, second: ViewSamples) -> CellDifferences:
    """Mean absolute difference of the background, in grey levels, in each cell of a grid (4, 6).

    Changes of brightness over a larger area, as by a passing cloud, are left out. The difference is
    0 in cells without background.
    """
    difference = cv2.subtract(first.grey, second.grey, dtype=cv2.CV_32F)
    difference = cv2.absdiff(difference, cv2.blur(difference, (9, 9)))
    background = cv2.bitwise_and(first.background, second.background)
    difference = cv2.bitwise_and(difference, difference, mask=background)
    share = _cell_means(background) / 255
    differences = _cell_means(difference) / np.maximum(share, MIN_BACKGROUND)
    return np.where(share >= MIN_BACKGROUND, differences, 0).astype(np.float32)


def has_changed(differences: CellDifferences, static: CellDifferences) -> bool:
    """Whether the view has probably changed; `static`: differences with the same view."""
    changed = differences > MIN_RATIO * static + MIN_INCREASE
    return int(np.count_nonzero(changed)) >= MIN_CHANGED_CELLS


def _cell_means(image: Any) -> CellDifferences:
    means = cv2.resize(image, CELLS[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(means, dtype=np.float32)
