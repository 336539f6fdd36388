"""Person detectors. Each is called with a frame and returns `Detections`."""

from deepsort_reid.vision.detectors.background import BackgroundSubtraction
from deepsort_reid.vision.detectors.factory import load_detector
from deepsort_reid.vision.detectors.precomputed import MotDetections, PrecomputedDetections
from deepsort_reid.vision.detectors.torchvision_coco import TorchvisionDetector
from deepsort_reid.vision.detectors.yolox import YoloxDetector

__all__ = [
    "BackgroundSubtraction",
    "MotDetections",
    "PrecomputedDetections",
    "TorchvisionDetector",
    "YoloxDetector",
    "load_detector",
]
