"""A complete evaluation of an embedder on a dataset, and its summary scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.reid.data.datasets import Sample
from deepsort_reid.reid.evaluation.result import ReidResult

RANKS = (1, 5, 10, 20)  # ranks of the CMC in tables


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Samples, embeddings and result of an evaluation; the queries may be gallery samples."""

    embedder: str
    data: str
    queries: Sequence[Sample]  # Q
    gallery: Sequence[Sample]  # G
    gallery_embedding: NDArray[np.float32]  # (G, D) unit rows
    result: ReidResult
    problems: Sequence[str] = ()  # "path: reason" of each skipped image
    reranked: bool = False
    min_frame_gap: int = 0  # frames; see `evaluate_reid`


def summary(result: ReidResult) -> dict[str, float]:
    """Scores averaged over queries: rank-1, 5, 10, 20, mAP and mINP, all in [0, 1]."""
    last = len(result.cmc) - 1
    scores = {f"rank-{rank}": float(result.cmc[min(rank, last)]) for rank in RANKS}
    return scores | {"mAP": result.mean_average_precision, "mINP": result.mean_inverse_penalty}


def summary_over_identities(result: ReidResult) -> dict[str, float]:
    """The same scores averaged over identities: each counts once, whatever its queries."""
    identities = result.per_identity
    last = len(result.cmc) - 1
    cmc = np.mean([identity.cmc for identity in identities], axis=0)
    scores = {f"rank-{rank}": float(cmc[min(rank, last)]) for rank in RANKS}
    return scores | {
        "mAP": float(np.mean([identity.mean_average_precision for identity in identities])),
        "mINP": float(np.mean([identity.mean_inverse_penalty for identity in identities])),
    }
