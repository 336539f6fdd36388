"""Diagnostics of a run: no detections, low scores, boxes outside the image, a moving camera."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.tracks import Tracks

# Every video has some empty frames and some boxes outside; from these shares on a note is printed.
_MIN_EMPTY_FRAMES = 0.95
_MIN_OUTSIDE_BOXES = 0.01
# A view moves in a frame when it is shifted by this share of its width, without the people.
_MIN_SHIFT = 1e-3
_MIN_MOVED_FRAMES = 0.2
# Ids against people per frame. People who walk through the view give more than one, too: the note
# needs a moving view as well.
_MIN_IDS_PER_PERSON = 3
_VIEW_SIZE = (160, 90)  # width and height at which frames are compared


@dataclass
class Diagnostics:
    """Statistics of the detections and tracks of a run; `lines` reports what is probably wrong."""

    size: tuple[int, int]  # width, height of the frames in pixels
    static_camera: bool = False  # whether the detector needs one
    frames: int = 0
    empty: int = 0  # frames without detections
    boxes: int = 0
    outside: int = 0  # boxes that share no pixel with the frame
    best_score: float = -np.inf
    reported: int = 0  # rows of tracks
    highest_id: int = 0
    compared: int = 0  # frames with a frame before them
    moved: int = 0  # of these, frames in which the view moved
    _view: Any = None  # the last frame, small and grey

    def add(
        self, detections: Detections, tracks: Tracks | None = None, frame: Frame | None = None
    ) -> None:
        """Add one frame: detections, tracks, and the image (H, W, 3) BGR uint8."""
        left, top, right, bottom = detections.xyxy.T
        width, height = self.size
        outside = (right <= 0) | (bottom <= 0) | (left >= width) | (top >= height)
        self.frames += 1
        self.empty += not len(detections)
        self.boxes += len(detections)
        self.outside += int(outside.sum())
        self.best_score = max(self.best_score, float(detections.score.max(initial=-np.inf)))

        if tracks is not None:
            self.reported += len(tracks)
            self.highest_id = max(self.highest_id, int(tracks.id.max(initial=0)))
        if frame is not None and self.static_camera:
            self._add_view(frame)

    def _add_view(self, frame: Frame) -> None:
        """Compare the frame with the one before, by phase correlation."""
        small = cv2.resize(frame, _VIEW_SIZE, interpolation=cv2.INTER_AREA)
        view = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
        if self._view is not None:
            window = cv2.createHanningWindow(_VIEW_SIZE, cv2.CV_32F)
            (x, y), _ = cv2.phaseCorrelate(self._view, view, window)
            self.compared += 1
            self.moved += int(math.hypot(x, y) > _MIN_SHIFT * _VIEW_SIZE[0])
        self._view = view

    def lines(self, new_track_score: float) -> list[str]:
        """One line for each probable error; none where there is no sign of one.

        Args:
            new_track_score: minimum score of a new track.
        """
        lines = []
        if self.frames and self.empty >= _MIN_EMPTY_FRAMES * self.frames:
            lines.append(f"no detections in {self.empty} of {self.frames} frames")
        if self.boxes and self.best_score < new_track_score:
            lines.append(
                f"the highest score is {self.best_score:.3g}, below new_track_score "
                f"{new_track_score:g}: no track can be created"
            )
        if self.boxes and self.outside >= _MIN_OUTSIDE_BOXES * self.boxes:
            width, height = self.size
            lines.append(
                f"{self.outside} of {self.boxes} boxes are outside the frame of {width}x{height} "
                "pixels: do the detections belong to another video?"
            )
        moves = self.compared > 0 and self.moved >= _MIN_MOVED_FRAMES * self.compared
        if moves and self.highest_id * self.frames > _MIN_IDS_PER_PERSON * self.reported:
            people = self.reported / self.frames
            life = self.reported / self.highest_id
            lines.append(
                f"the view moves in {self.moved} of {self.compared} frames, and background "
                f"subtraction needs a static camera: {self.highest_id} ids for {people:.1f} people "
                f"per frame, seen for {life:.0f} frames on average; use --detector yolox_tiny or "
                "another detector network"
            )
        return lines
