"""DeepSORT with an embedder that can be trained on your own video.

The tracker needs boxes only; scores, classes, embeddings and frames are optional:

    from deepsort_reid import DeepSort, Detections, Embedder, track_video

    tracker = DeepSort()
    tracks = tracker.update(Detections(xyxy, score))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

# Public names and their modules, imported on first use: `import deepsort_reid` takes less than
# 0.3 s and does not load torch, OpenCV or onnxruntime.
_MODULES = {
    "CameraMotion": "vision.camera_motion",
    "DeepSort": "tracking",
    "DeepSortConfig": "tracking",
    "Detections": "structures",
    "Embedder": "vision.embedder",
    "Event": "structures.event",
    "FixedLag": "tracking",
    "MotRows": "structures",
    "PersonRegistry": "identity",
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
    "Event",
    "FixedLag",
    "MotRows",
    "PersonRegistry",
    "State",
    "Tracks",
    "__version__",
    "track_video",
]

if TYPE_CHECKING:
    from deepsort_reid.identity import PersonRegistry
    from deepsort_reid.pipeline import track_video
    from deepsort_reid.structures.detections import Detections
    from deepsort_reid.structures.event import Event
    from deepsort_reid.structures.mot_rows import MotRows
    from deepsort_reid.structures.tracks import State, Tracks
    from deepsort_reid.tracking import DeepSort, DeepSortConfig, FixedLag
    from deepsort_reid.vision.camera_motion import CameraMotion
    from deepsort_reid.vision.embedder import Embedder


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
