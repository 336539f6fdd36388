"""Resizing of frames to the input of a detector."""

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.frame import Frame

PADDING_GREY = 114


def letterbox(frame: Frame, size: tuple[int, int]) -> tuple[Frame, NDArray[np.float64]]:
    """Resize a frame, with its aspect ratio, into the top left of a grey image.

    Args:
        frame: image (H, W, 3).
        size: height and width of the result.

    Returns:
        The image, and the scales of x and y (2,), pixels of the image per pixel of the frame.
    """
    scale = min(size[0] / frame.shape[0], size[1] / frame.shape[1])
    # The fraction keeps rounding errors from making a side that fits exactly one pixel shorter.
    height, width = (max(int(side * scale + 1e-6), 1) for side in frame.shape[:2])
    image = np.full((*size, 3), PADDING_GREY, dtype=np.uint8)
    image[:height, :width], scales = stretch(frame, (height, width))
    return image, scales


def stretch(frame: Frame, size: tuple[int, int]) -> tuple[Frame, NDArray[np.float64]]:
    """Resize a frame to exactly the given height and width; returns the same as `letterbox`."""
    image = np.asarray(cv2.resize(frame, (size[1], size[0])), dtype=np.uint8)
    return image, np.array([size[1] / frame.shape[1], size[0] / frame.shape[0]])
