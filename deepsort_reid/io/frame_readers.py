"""Readers of frames: an OpenCV capture, image files, or frames in memory."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.images import read_image
from deepsort_reid.structures.frame import Frame, check_frame


class FrameReader(Protocol):
    """Reads or skips one frame after the other."""

    @property
    def time(self) -> float | None:
        """Time stored in the source for the frame last read or skipped, in seconds.

        None where the source stores no times.
        """

    def read(self) -> Frame | None:
        """Return the next frame, BGR uint8 (H, W, 3); None at the end."""

    def skip(self) -> bool:
        """Advance by one frame without decoding it where possible; False at the end."""

    def seek(self, number: int) -> bool:
        """Go to a frame, numbered from 1, which `read` then returns.

        False, with nothing changed, where only reading from the start leads there.
        """

    def times(self) -> NDArray[np.float64] | None:
        """Times of all frames in seconds (N,); None where they are not known without decoding."""

    def close(self) -> None:
        """Release the source."""


class CaptureReader:
    """Reads from a `cv2.VideoCapture`.

    has_times: whether the times of the capture are used.
    """

    def __init__(self, capture: Any, *, has_times: bool = True) -> None:
        self._capture = capture
        self._has_times = has_times

    @property
    def time(self) -> float | None:
        if not self._has_times:
            return None
        milliseconds = float(self._capture.get(cv2.CAP_PROP_POS_MSEC))
        return milliseconds / 1000 if math.isfinite(milliseconds) else None

    def read(self) -> Frame | None:
        success, frame = self._capture.read()
        return frame if success else None

    def skip(self) -> bool:
        return bool(self._capture.grab())

    def seek(self, number: int) -> bool:
        return False  # OpenCV goes to other frames than it says in many files

    def times(self) -> None:
        return None

    def close(self) -> None:
        self._capture.release()


class ImageReader:
    """Reads one image file per frame."""

    time = None

    def __init__(self, paths: Sequence[Path]) -> None:
        self._all_paths = paths
        self._paths: Iterator[Path] = iter(paths)

    def read(self) -> Frame | None:
        path = next(self._paths, None)
        return None if path is None else read_image(path)

    def skip(self) -> bool:
        return next(self._paths, None) is not None

    def seek(self, number: int) -> bool:
        self._paths = itertools.islice(self._all_paths, number - 1, None)
        return True

    def times(self) -> None:
        return None

    def close(self) -> None:
        pass


class IterableReader:
    """Reads frames from an iterable; an element that is not a frame raises ValueError."""

    time = None

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = enumerate(frames, start=1)

    def read(self) -> Frame | None:
        for number, frame in self._frames:
            return check_frame(frame, f"frames: frame {number}")  # None is not the end
        return None

    def skip(self) -> bool:
        return next(self._frames, None) is not None

    def seek(self, number: int) -> bool:
        return False

    def times(self) -> None:
        return None

    def close(self) -> None:
        pass
