"""Resizing of frames to the input of a detector, without a change of the aspect ratio."""

import cv2
import numpy as np

from deepsort_reid.structures.frame import Frame

PADDING_GREY = 114


def letterbox(frame: Frame, size: tuple[int, int]) -> tuple[Frame, float]:
    """Resize a frame into the top left of a grey image of `size` (height, width).

    Returns the image and the scale, network pixels per frame pixel.
    """
    scale = min(size[0] / frame.shape[0], size[1] / frame.shape[1])
    height = max(int(frame.shape[0] * scale), 1)
    width = max(int(frame.shape[1] * scale), 1)
    image = np.full((*size, 3), PADDING_GREY, dtype=np.uint8)
    image[:height, :width] = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
    return image, scale
