"""What a run of `track` should be doubted for: nobody detected, nobody sure, boxes elsewhere."""

from dataclasses import dataclass

import numpy as np

from deepsort_reid.structures.detections import Detections

# Some frames are empty in every video, and some boxes stick out; these shares say that all is.
_NEARLY_ALL = 0.95  # of the frames
_MANY = 0.01  # of the boxes


@dataclass
class Diagnostics:
    """Counts detections, frame by frame; `lines` says what of them looks wrong."""

    size: tuple[int, int]  # width, height of the picture in pixels
    frames: int = 0
    empty: int = 0  # frames without a detection
    boxes: int = 0
    outside: int = 0  # boxes that share no pixel with the picture
    best_score: float = -np.inf

    def add(self, found: Detections) -> None:
        """Count the detections of one more frame."""
        left, top, right, bottom = found.xyxy.T
        width, height = self.size
        outside = (right <= 0) | (bottom <= 0) | (left >= width) | (top >= height)
        self.frames += 1
        self.empty += not len(found)
        self.boxes += len(found)
        self.outside += int(outside.sum())
        self.best_score = max(self.best_score, float(found.score.max(initial=-np.inf)))

    def lines(self, new_track_score: float) -> list[str]:
        """One line for each doubt; none where all is as it should be."""
        lines = []
        if self.frames and self.empty >= _NEARLY_ALL * self.frames:
            lines.append(f"no detections in {self.empty} of {self.frames} frames")
        if self.boxes and self.best_score < new_track_score:
            lines.append(
                f"the best score is {self.best_score:.3g}, below new_track_score "
                f"{new_track_score:g}: no track could begin"
            )
        if self.boxes and self.outside >= _MANY * self.boxes:
            width, height = self.size
            lines.append(
                f"{self.outside} of {self.boxes} boxes lie wholly outside the picture "
                f"({width}x{height}): a file of another video?"
            )
        return lines
