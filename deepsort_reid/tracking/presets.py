"""Presets: complete trackers with the settings of a paper."""

from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.frame_embedding import FrameEmbedder
from deepsort_reid.tracking.gallery import GalleryAppearance
from deepsort_reid.tracking.kalman import AspectMotion
from deepsort_reid.tracking.matching_cascade import MatchingCascade
from deepsort_reid.tracking.tracker import DeepSort


def published(*, embedder: FrameEmbedder | None = None, explain: bool = False) -> DeepSort:
    """DeepSORT as published (Wojke et al. 2017).

    Matching cascade over galleries of the last 100 embeddings, then IoU; every detection has the
    same weight, whatever its score.
    """
    return DeepSort(
        DeepSortConfig.published(),
        embedder=embedder,
        association=MatchingCascade(),
        motion=AspectMotion(),
        appearance=GalleryAppearance(),
        explain=explain,
    )
