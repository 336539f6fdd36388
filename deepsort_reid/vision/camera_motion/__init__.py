"""Camera motion between consecutive frames, as a similarity transform."""

from collections.abc import Callable
from functools import partial

from deepsort_reid.vision.camera_motion.ecc import Ecc
from deepsort_reid.vision.camera_motion.from_file import CameraMotionFromFile
from deepsort_reid.vision.camera_motion.motion import CameraMotion
from deepsort_reid.vision.camera_motion.sparse_flow import SparseFlow

__all__ = ["ESTIMATORS", "CameraMotion", "CameraMotionFromFile", "Ecc", "SparseFlow"]

# Estimators by the names of --camera-motion.
ESTIMATORS: dict[str, Callable[[], SparseFlow | Ecc]] = {
    "auto": SparseFlow,
    "flow": partial(SparseFlow, every_frame=True),
    "ecc": Ecc,
}
