"""The best images of each track, chosen while it is tracked, in bounded memory."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.crops import crop_corners, resize_crop

Floats = NDArray[np.float64]

MAX_CROPS = 600  # of all tracks: some 3 MB
_PER_TRACK = (6, 4, 3)  # most crops of a track; the next one where all tracks have too many
_HEIGHT = 144  # pixels of a crop; smaller people keep their size
_MARGIN = 0.04  # of the box, around it
_JPEG_QUALITY = 82
_MIN_GAP = 0.6  # seconds between two crops of a track
_MIN_GAIN = 1.25  # ratio of the qualities from which a better crop replaces the last one
_GOOD_HEIGHT = 300.0  # pixels from which a larger person is not better to see


class Crop(NamedTuple):
    """An image of a track.

    Attributes:
        time: in seconds since the first frame.
        frame: number of the frame.
        quality: by which crops of one person are compared.
        image: JPEG file.
    """

    time: float
    frame: int
    quality: float
    image: bytes


def crop_quality(
    xyxy: Floats, score: Floats, size: tuple[int, int], overlap: Floats | None = None
) -> Floats:
    """Quality (T,) of the crops of boxes (T, 4): large, certain, not covered, inside the frame.

    Args:
        xyxy: the boxes.
        score: their scores (T,).
        size: width and height of the frame.
        overlap: areas (T, T) of their intersections, 0 for each with itself; None for one alone.
    """
    area = np.maximum(boxes.area(xyxy), 1.0)
    inside = boxes.area(boxes.clip(xyxy, *size)) / area
    height = np.minimum(xyxy[:, 3] - xyxy[:, 1], _GOOD_HEIGHT)
    quality = height * (0.25 + np.minimum(np.maximum(score, 0), 1)) * inside**2
    if overlap is not None:
        quality *= np.maximum(1 - overlap.max(axis=1, initial=0) / area, 0) ** 2
    return np.asarray(quality)


class BestCrops:
    """Keeps a few crops of each track, spread over its time, and of each time the best one.

    Where there are more than `MAX_CROPS`, every track keeps fewer, and then those with the fewest
    frames lose theirs.
    """

    def __init__(self) -> None:
        self.of_track: dict[int, list[Crop]] = {}
        self._limit = 0  # position in _PER_TRACK
        self._count = 0

    def add(
        self, id: int, first_time: float, time: float, quality: float, cut: Callable[[], Crop]
    ) -> None:
        """Add a track that began at `first_time`; `cut` is called if its crop is kept."""
        crops = self.of_track.setdefault(id, [])
        most = _PER_TRACK[self._limit]
        if crops and time - crops[-1].time < max(_MIN_GAP, (time - first_time) / most):
            if quality > _MIN_GAIN * crops[-1].quality:
                crops[-1] = cut()
            return
        crops.append(cut())
        self._count += 1
        self._shorten(crops, most)

    def limit(self, frames: Callable[[int], int], present: set[int]) -> None:
        """Keep `MAX_CROPS`; `frames` is the number of frames of a track, `present` stay."""
        while self._count > MAX_CROPS and self._limit + 1 < len(_PER_TRACK):
            self._limit += 1
            for crops in self.of_track.values():
                self._shorten(crops, _PER_TRACK[self._limit])
        if self._count > MAX_CROPS:
            # Some more at once, so that the next frames need not sort again.
            for id in sorted(self.of_track.keys() - present, key=frames):
                self._count -= len(self.of_track.pop(id))
                if self._count <= 0.9 * MAX_CROPS:
                    break

    def _shorten(self, crops: list[Crop], most: int) -> None:
        """Of the two nearest in time, drop the worse one, until there are at most `most`."""
        while len(crops) > most:
            gaps = [b.time - a.time for a, b in itertools.pairwise(crops)]
            row = gaps.index(min(gaps))
            crops.pop(row if crops[row].quality < crops[row + 1].quality else row + 1)
            self._count -= 1

    def state_dict(self) -> dict[str, Any]:
        """All crops, as plain data."""
        crops = [(id, *crop) for id, own in self.of_track.items() for crop in own]
        columns = list(zip(*crops, strict=True)) or [()] * 5
        ids, times, frames, quality, images = columns
        return {
            "id": np.array(ids, np.int64),
            "time": np.array(times, np.float64),
            "frame": np.array(frames, np.int64),
            "quality": np.array(quality, np.float64),
            "length": np.array([len(each) for each in images], np.int64),
            "images": np.frombuffer(b"".join(images), np.uint8),
            "limit": self._limit,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        images = np.split(state["images"], np.cumsum(state["length"])[:-1])
        columns = (state[name].tolist() for name in ("id", "time", "frame", "quality"))
        self.of_track = {}
        for id, time, frame, quality, image in zip(*columns, images, strict=False):
            self.of_track.setdefault(id, []).append(Crop(time, frame, quality, image.tobytes()))
        self._count = len(state["id"])
        self._limit = state["limit"]


def cut_crop(frame: Frame, xyxy: Floats) -> bytes:
    """JPEG file of the part of a frame in a box (4,) and a margin around it."""
    left, top, right, bottom = xyxy.tolist()
    x, y = _MARGIN * (right - left), _MARGIN * (bottom - top)
    box = np.array([[left - x, top - y, right + x, bottom + y]])
    corners, _ = crop_corners(box, frame.shape[1], frame.shape[0])
    x1, y1, x2, y2 = corners[0].tolist()
    crop = frame[y1:y2, x1:x2]
    height = min(_HEIGHT, y2 - y1)
    width = min(max(round((x2 - x1) * height / (y2 - y1)), 1), 2 * _HEIGHT)
    return encode_jpeg(resize_crop(crop, (height, width)), _JPEG_QUALITY)


def encode_jpeg(image: Frame, quality: int) -> bytes:
    """JPEG file of a BGR image (H, W, 3) uint8."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()
