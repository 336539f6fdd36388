"""DeepSORT that you train on your own video, and that can tell why an id changed.

The tracker needs nothing but boxes:

    from deepsort_reid import DeepSort, Detections, Embedder, track_video

    tracker = DeepSort()
    tracks = tracker.update(Detections(xyxy, score))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

# The public names and where they live. Imported on first use: `import deepsort_reid` stays under
# 0.3 s and never loads torch, OpenCV or onnxruntime.
_HOME = {
    "CameraMotion": "vision.camera_motion",
    "DeepSort": "tracking",
    "DeepSortConfig": "tracking",
    "Detections": "structures",
    "Embedder": "vision.embedder",
    "FixedLag": "tracking",
    "MotRows": "structures",
    "State": "structures",
    "Tracks": "structures",
    "track_video": "pipeline",
}

__all__ = [
    "CameraMotion",
    "DeepSort",
    "DeepSortConfig",
    "Detections",
    "Embedder",
    "FixedLag",
    "MotRows",
    "State",
    "Tracks",
    "__version__",
    "track_video",
]

if TYPE_CHECKING:
    from deepsort_reid.pipeline import track_video
    from deepsort_reid.structures.detections import Detections
    from deepsort_reid.structures.mot_rows import MotRows
    from deepsort_reid.structures.tracks import State, Tracks
    from deepsort_reid.tracking import DeepSort, DeepSortConfig, FixedLag
    from deepsort_reid.vision.camera_motion import CameraMotion
    from deepsort_reid.vision.embedder import Embedder


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
