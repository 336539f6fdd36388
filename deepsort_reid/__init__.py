"""DeepSORT that you train on your own video, and that can tell why an id changed.

The tracker needs nothing but boxes:

    from deepsort_reid import DeepSort, Detections, Embedder, track_video

    tracker = DeepSort()
    tracks = tracker.update(Detections(xyxy, score))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# The public names and where they live. Imported on first use: `import deepsort_reid` stays under
# 0.3 s and never loads torch, OpenCV or onnxruntime.
_HOME = {
    "CameraMotion": "camera_motion",
    "DeepSort": "tracking",
    "DeepSortConfig": "tracking",
    "Detections": "detections",
    "Embedder": "embedder",
    "FixedLag": "tracking",
    "MotRows": "mot",
    "State": "tracks",
    "Tracks": "tracks",
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
    from deepsort_reid.camera_motion import CameraMotion
    from deepsort_reid.detections import Detections
    from deepsort_reid.embedder import Embedder
    from deepsort_reid.mot import MotRows
    from deepsort_reid.pipeline import track_video
    from deepsort_reid.tracking import DeepSort, DeepSortConfig, FixedLag
    from deepsort_reid.tracks import State, Tracks


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
