"""The algorithm: motion, costs, assignment, appearance, life of a track. NumPy, SciPy and lap."""

from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.gallery import GalleryAppearance, MeanAppearance
from deepsort_reid.tracking.kalman import AspectMotion, SizeMotion
from deepsort_reid.tracking.likelihood_ratio import (
    AppearanceEvidence,
    LikelihoodRatio,
    MotionEvidence,
)
from deepsort_reid.tracking.matching_cascade import Cascade
from deepsort_reid.tracking.refinement.fixed_lag import Delayed, FixedLag
from deepsort_reid.tracking.refinement.linking import Linking
from deepsort_reid.tracking.tracker import DeepSort, published

__all__ = [
    "AppearanceEvidence",
    "AspectMotion",
    "Cascade",
    "DeepSort",
    "DeepSortConfig",
    "Delayed",
    "FixedLag",
    "GalleryAppearance",
    "LikelihoodRatio",
    "Linking",
    "MeanAppearance",
    "MotionEvidence",
    "SizeMotion",
    "published",
]
