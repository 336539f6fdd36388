"""The algorithm: motion, costs, assignment, appearance, life of a track. NumPy, SciPy and lap."""

from deepsort_reid.tracking.appearance import GalleryAppearance, MeanAppearance
from deepsort_reid.tracking.kalman import AspectMotion, SizeMotion
from deepsort_reid.tracking.tracker import DeepSort, DeepSortConfig

__all__ = [
    "AspectMotion",
    "DeepSort",
    "DeepSortConfig",
    "GalleryAppearance",
    "MeanAppearance",
    "SizeMotion",
]
