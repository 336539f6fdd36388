"""Our configurations, in the order of the ablation table: one idea more in each."""

from collections.abc import Callable

from deepsort_reid.tracking import AspectMotion, DeepSort, GalleryAppearance
from deepsort_reid.tracking.cascade import Cascade

GALLERY = 100  # embeddings that a track remembers in the published rung


def as_published() -> DeepSort:
    """DeepSORT of 2017: cascade by galleries, gate, IoU; x, y, aspect, height."""
    return DeepSort(
        association=Cascade(),
        motion=AspectMotion(),
        appearance=GalleryAppearance(budget=GALLERY),
    )


# Name in the tables -> a fresh tracker. The last is what users get.
RUNGS: dict[str, Callable[[], DeepSort]] = {
    "as published": as_published,
    "DeepSort()": DeepSort,
}
