"""Camera motion between consecutive frames, as a similarity transform."""

from deepsort_reid.vision.camera_motion.ecc import Ecc
from deepsort_reid.vision.camera_motion.from_file import CameraMotionFromFile
from deepsort_reid.vision.camera_motion.motion import CameraMotion
from deepsort_reid.vision.camera_motion.sparse_flow import SparseFlow

__all__ = ["CameraMotion", "CameraMotionFromFile", "Ecc", "SparseFlow"]
