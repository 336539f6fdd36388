"""Frames: the type of an image, and its validation for everything that takes images."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]  # (H, W, 3), blue-green-red


class TimedFrame(NamedTuple):
    """A frame of a source with its number and its time."""

    number: int  # from 1, in the source
    time: float  # seconds since the first frame of the source
    frame: Frame
    dt: float  # time since the frame before, in frames: what `DeepSort.update` takes


def check_frame(frame: Any, what: str = "frame") -> Frame:
    """Return `frame` unchanged if it is a BGR uint8 image (H, W, 3).

    Raises ValueError otherwise; its message names the argument (`what`), expected and got.
    """
    expected = f"{what}: expected a BGR uint8 array (height, width, 3)"
    if frame is None:
        raise ValueError(f"{expected}, got None (an image that could not be read?)")
    if not isinstance(frame, np.ndarray):
        raise ValueError(f"{expected}, got {type(frame).__name__}")
    if frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1):
        raise ValueError(
            f"{expected}, got a grey image {frame.shape}: "
            "convert it with cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)"
        )
    if frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"{expected}, got shape {frame.shape}")
    if frame.dtype != np.uint8:
        raise ValueError(f"{expected}, got dtype {frame.dtype}")
    if frame.size == 0:
        raise ValueError(f"{expected}, got an empty image {frame.shape}")
    return frame
