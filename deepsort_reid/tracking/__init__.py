"""Multi-object tracking: DeepSORT, its parts, and output with a fixed lag."""

from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.gallery import GalleryAppearance, MeanAppearance
from deepsort_reid.tracking.kalman import AspectMotion, SizeMotion
from deepsort_reid.tracking.likelihood_ratio import (
    AppearanceLLR,
    LikelihoodRatio,
    MotionLLR,
)
from deepsort_reid.tracking.matching_cascade import MatchingCascade
from deepsort_reid.tracking.presets import published
from deepsort_reid.tracking.refinement.fixed_lag import FixedLag, LaggedTracks
from deepsort_reid.tracking.refinement.linking import Linking
from deepsort_reid.tracking.tracker import DeepSort

__all__ = [
    "AppearanceLLR",
    "AspectMotion",
    "DeepSort",
    "DeepSortConfig",
    "FixedLag",
    "GalleryAppearance",
    "LaggedTracks",
    "LikelihoodRatio",
    "Linking",
    "MatchingCascade",
    "MeanAppearance",
    "MotionLLR",
    "SizeMotion",
    "published",
]
