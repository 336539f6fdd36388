"""Person detectors. Each is called with a frame and returns `Detections`."""

from deepsort_reid.vision.detectors.background import BackgroundSubtraction
from deepsort_reid.vision.detectors.factory import detector_from
from deepsort_reid.vision.detectors.precomputed import MadeBefore, MotDetections
from deepsort_reid.vision.detectors.torchvision_coco import TorchvisionDetector
from deepsort_reid.vision.detectors.yolox import YoloxDetector

__all__ = [
    "BackgroundSubtraction",
    "MadeBefore",
    "MotDetections",
    "TorchvisionDetector",
    "YoloxDetector",
    "detector_from",
]
