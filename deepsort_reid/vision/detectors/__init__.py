"""Person detectors: callables that take a frame (BGR uint8) and return its `Detections`.

Any function `frame -> Detections` is a detector; these are the ones of the package.
"""

from deepsort_reid.structures.detections import Detector
from deepsort_reid.vision.detectors.background import BackgroundSubtraction
from deepsort_reid.vision.detectors.factory import load_detector
from deepsort_reid.vision.detectors.onnx_detector import OnnxDetector
from deepsort_reid.vision.detectors.precomputed import (
    MotDetections,
    NpzDetections,
    PrecomputedDetections,
    normalize_scores,
)
from deepsort_reid.vision.detectors.torchvision_coco import TorchvisionDetector

__all__ = [
    "BackgroundSubtraction",
    "Detector",
    "MotDetections",
    "NpzDetections",
    "OnnxDetector",
    "PrecomputedDetections",
    "TorchvisionDetector",
    "load_detector",
    "normalize_scores",
]
