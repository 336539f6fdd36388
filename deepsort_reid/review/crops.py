"""Pictures of a review: frames of the source, and the best crops of each piece."""

import threading
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.frame_access import FrameAccess
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.review.overlaps import Overlaps, visible_fraction
from deepsort_reid.review.run_folder import Run
from deepsort_reid.review.state import PieceRow
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.crops import cut_crops

_KEPT_FRAMES = 16  # decoded, in memory
_BORDER = 2.0  # pixels from the border of the frame at which a box counts as truncated


class CropRef(NamedTuple):
    """A box of a person.

    Attributes:
        piece: the piece.
        frame: its frame.
        xyxy: left, top, right, bottom in pixels.
        quality: how well it shows the person, 0 to 1: visible fraction, size and score.
        distance: cosine distance of its embedding from the mean of the other crops of the person;
            None where that is unknown.
    """

    piece: int
    frame: int
    xyxy: tuple[float, float, float, float]
    quality: float
    distance: float | None


def crop_quality(run: Run, overlaps: Overlaps) -> NDArray[np.float64]:
    """How well each box (R,) shows the person, 0 to 1."""
    rows, info = run.rows, run.info
    quality = visible_fraction(rows, overlaps, info.width, info.height)
    height = rows.xyxy[:, 3] - rows.xyxy[:, 1]
    quality *= np.sqrt(height / height.max())
    quality *= np.clip(rows.score, 0.1, 1)
    truncated = (rows.xyxy[:, 0] <= _BORDER) | (rows.xyxy[:, 2] >= info.width - _BORDER)
    truncated |= (rows.xyxy[:, 1] <= _BORDER) | (rows.xyxy[:, 3] >= info.height - _BORDER)
    quality[truncated] *= 0.5
    return np.asarray(quality)


def best_rows(quality: NDArray[np.float64], piece: PieceRow, number: int) -> list[int]:
    """Up to `number` rows of a piece: the best one of each part of equal length."""
    edges = np.linspace(piece.start, piece.stop, min(number, piece.stop - piece.start) + 1)
    edges = np.round(edges).astype(int)
    return [
        start + int(quality[start:stop].argmax())
        for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]


class Pictures:
    """Frames of the source by number, from several threads; the last ones are kept.

    source: file or folder of the frames; None where there is none.
    """

    def __init__(self, source: Path | None) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Frame] = OrderedDict()

    @cached_property
    def _access(self) -> FrameAccess | None:
        if self._source is None:
            return None
        try:
            return FrameAccess(open_video(self._source))
        except (OSError, ValueError):
            return None

    def frame(self, number: int) -> Frame | None:
        """A frame, BGR uint8 (H, W, 3); None where the source has no such frame."""
        with self._lock:
            if number not in self._kept:
                if self._access is None:
                    return None
                try:
                    self._kept[number] = self._access.read(number)
                except (OSError, ValueError):
                    return None
                if len(self._kept) > _KEPT_FRAMES:
                    self._kept.popitem(last=False)
            return self._kept[number]

    def crop(self, number: int, xyxy: NDArray[np.float64]) -> Frame | None:
        """The part of a frame inside a box (4,); None where there is no picture of it."""
        frame = self.frame(number)
        if frame is None:
            return None
        crops, _ = cut_crops(frame, xyxy[None])
        return crops[0] if crops else None

    def close(self) -> None:
        """Release the file; a second call does nothing."""
        with self._lock:
            if self._access is not None:
                self._access.close()
            self._source = None
            self.__dict__["_access"] = None
