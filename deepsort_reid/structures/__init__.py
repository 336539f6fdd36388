"""Data types of the package: boxes, detections, tracks, MOT rows, frames."""

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.structures.tracks import State, Tracks

__all__ = ["Detections", "Frame", "MotRows", "State", "Tracks"]
