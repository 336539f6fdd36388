"""The place that the camera shows: a frame without people, and where people were how long."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.results.crops import encode_jpeg
from deepsort_reid.structures.frame import Frame

_WIDTH = 960  # pixels of the background, at most
_MAX_SAMPLES = 9
_JPEG_QUALITY = 78
_SAMPLE_QUALITY = 92
_MAX_DIFFERENCE = 14.0  # mean grey levels between samples and their median, of a static camera
_CELLS = 96  # of the heat map, along the longer side


class Place:
    """Background and heat map of a camera.

    Attributes:
        size: width and height of the frames in pixels; (0, 0) before the first one.
        seconds: that people stood in each cell (rows, columns).
    """

    def __init__(self) -> None:
        self.size = (0, 0)
        self.seconds: NDArray[np.float64] = np.zeros((0, 0))
        self._samples: list[Frame] = []
        self._num_frames, self._step = 0, 4  # every `_step`-th frame is a sample

    def add(self, frame: Frame, x: NDArray[np.float64], y: NDArray[np.float64], dt: float) -> None:
        """Add a frame, in which people stand at `x` (T,), `y` (T,) for `dt` seconds."""
        if not self._num_frames:
            self.size = (frame.shape[1], frame.shape[0])
            cell = max(self.size) / _CELLS
            rows, columns = (max(round(side / cell), 1) for side in frame.shape[:2])
            if self.seconds.shape != (rows, columns):
                self.seconds = np.zeros((rows, columns))
        rows, columns = self.seconds.shape
        row = np.minimum(np.maximum(y / self.size[1] * rows, 0), rows - 1).astype(int)
        column = np.minimum(np.maximum(x / self.size[0] * columns, 0), columns - 1).astype(int)
        np.add.at(self.seconds, (row, column), dt)
        if self._num_frames % self._step == 0:
            scale = min(_WIDTH / frame.shape[1], 1.0)
            size = round(frame.shape[1] * scale), round(frame.shape[0] * scale)
            image = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            self._samples.append(np.asarray(image, np.uint8))
            if len(self._samples) > _MAX_SAMPLES:
                self._samples, self._step = self._samples[::2], 2 * self._step
        self._num_frames += 1

    def background(self) -> tuple[bytes, bool]:
        """The background as a JPEG file, and whether the camera is static.

        It is the median of frames, in which people who move disappear; of a camera that moves, a
        frame in the middle.
        """
        # The frames of a stream may change their size.
        same = [each for each in self._samples if each.shape == self._samples[0].shape]
        median = np.median(np.stack(same), axis=0).astype(np.uint8)
        difference = np.mean([cv2.absdiff(each, median).mean() for each in same])
        static = bool(difference <= _MAX_DIFFERENCE)
        image = median if static else same[len(same) // 2]
        return encode_jpeg(image, _JPEG_QUALITY), static

    def heat_map(self) -> bytes:
        """PNG file with an alpha channel: the darker red, the longer people stood there."""
        rows, columns = self.seconds.shape
        smooth = cv2.GaussianBlur(self.seconds, (0, 0), 1.2)
        highest = float(np.quantile(smooth[smooth > 0], 0.995)) if (smooth > 0).any() else 1.0
        level = np.sqrt(np.clip(smooth / max(highest, 1e-9), 0, 1))
        level = cv2.resize(level, (4 * columns, 4 * rows), interpolation=cv2.INTER_CUBIC)
        level = (255 * np.clip(level, 0, 1)).astype(np.uint8)
        colour = cv2.applyColorMap(level, cv2.COLORMAP_INFERNO)
        alpha = np.clip(level.astype(np.int64) * 2 - 24, 0, 205).astype(np.uint8)
        _, data = cv2.imencode(".png", np.dstack([colour, alpha]))
        return data.tobytes()

    def state_dict(self) -> dict[str, Any]:
        """Background and heat map so far, as plain data."""
        return {
            "size": list(self.size),
            "seconds": self.seconds,
            "samples": [
                np.frombuffer(encode_jpeg(each, _SAMPLE_QUALITY), np.uint8)
                for each in self._samples
            ],
            "num_frames": self._num_frames,
            "step": self._step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self.size = state["size"][0], state["size"][1]
        self.seconds = state["seconds"]
        self._samples = [
            np.asarray(cv2.imdecode(each, cv2.IMREAD_COLOR), np.uint8) for each in state["samples"]
        ]
        self._num_frames, self._step = state["num_frames"], state["step"]
