"""Diagnostics of the detections of a run: none at all, low scores, boxes outside the image."""

from dataclasses import dataclass

import numpy as np

from deepsort_reid.structures.detections import Detections

# Every video has some empty frames and some boxes outside; from these shares on a note is printed.
_MIN_EMPTY_FRAMES = 0.95
_MIN_OUTSIDE_BOXES = 0.01


@dataclass
class Diagnostics:
    """Statistics of the detections of a run; `lines` reports what is probably wrong."""

    size: tuple[int, int]  # width, height of the frames in pixels
    frames: int = 0
    empty: int = 0  # frames without detections
    boxes: int = 0
    outside: int = 0  # boxes that share no pixel with the frame
    best_score: float = -np.inf

    def add(self, detections: Detections) -> None:
        """Add the detections of one frame."""
        left, top, right, bottom = detections.xyxy.T
        width, height = self.size
        outside = (right <= 0) | (bottom <= 0) | (left >= width) | (top >= height)
        self.frames += 1
        self.empty += not len(detections)
        self.boxes += len(detections)
        self.outside += int(outside.sum())
        self.best_score = max(self.best_score, float(detections.score.max(initial=-np.inf)))

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
        return lines
