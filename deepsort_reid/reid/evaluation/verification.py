"""Pair verification: similarities of same and different identities, ROC AUC, AUC over time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class PairSimilarity:
    """Cosine similarities of image pairs with the same and with different identities."""

    same: NDArray[np.float32]  # (S,)
    different: NDArray[np.float32]  # (D,)

    @property
    def auc(self) -> float:
        """ROC AUC: probability that a same-identity pair is more similar than a different one."""
        return roc_auc(self.same, self.different)


@dataclass(frozen=True, eq=False)
class AucByGap:
    """ROC AUC of verification for pairs that are `start` to `stop` - 1 frames apart."""

    start: NDArray[np.int64]  # (B,) frames
    stop: NDArray[np.int64]  # (B,) frames
    auc: NDArray[np.float64]  # (B,) nan where a bin lacks same or different pairs
    same: NDArray[np.int64]  # (B,) number of pairs
    different: NDArray[np.int64]  # (B,) number of pairs


def roc_auc(positive: ArrayLike, negative: ArrayLike) -> float:
    """Area under the ROC curve: share of (positive, negative) pairs in the correct order.

    Ties count half (Mann-Whitney U). nan when either side is empty.
    """
    above, below = np.asarray(positive), np.sort(np.asarray(negative))
    if len(above) == 0 or len(below) == 0:
        return float("nan")
    less = np.searchsorted(below, above, "left")
    less_or_equal = np.searchsorted(below, above, "right")
    return float((less.mean() + less_or_equal.mean()) / (2 * len(below)))


def pair_similarity(
    embedding: NDArray[np.float32],
    identity: ArrayLike,
    *,
    camera: ArrayLike | None = None,
    max_images: int = 2000,
    seed: int = 0,
) -> PairSimilarity:
    """Similarities of all pairs among at most `max_images` images of randomly drawn identities.

    embedding: unit rows (N, D). identity: (N,). camera: (N,), negative where unknown; same-identity
    pairs of one camera are ignored, because neighbouring frames are nearly equal.
    """
    codes = np.unique(np.asarray(identity), return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(codes.max() + 1)
    size = np.bincount(codes)[order]
    # All images of an identity are drawn, so that there are same-identity pairs.
    chosen = order[: max(int(np.searchsorted(np.cumsum(size), max_images, "right")), 1)]
    rows = np.flatnonzero(np.isin(codes, chosen))
    if len(chosen) == 1 and len(order) > 1:
        rows = np.random.default_rng(seed).permutation(len(codes))[:max_images]
    similarity = embedding[rows] @ embedding[rows].T
    first, second = np.triu_indices(len(rows), 1)
    values = similarity[first, second]
    same = codes[rows[first]] == codes[rows[second]]
    usable = np.ones(len(same), np.bool_)
    if camera is not None:
        cameras = np.asarray(camera)[rows]
        usable = ~(same & (cameras[first] == cameras[second]) & (cameras[first] >= 0))
    return PairSimilarity(values[same & usable], values[~same])


def auc_by_gap(
    embedding: NDArray[np.float32],
    identity: ArrayLike,
    frame: ArrayLike,
    sequence: ArrayLike,
    *,
    edges: ArrayLike = (1, 2, 5, 10, 20, 50, 100, 200, 400, 800),
    max_images: int = 2000,
    seed: int = 0,
) -> AucByGap:
    """ROC AUC of verification by the number of frames between the two images of a pair.

    embedding: unit rows (N, D). identity, frame, sequence: (N,). Only pairs within a sequence are
    compared; bin b holds gaps in [edges[b], edges[b + 1]). At most `max_images` images of each
    sequence are drawn at random.

    Raises ValueError for fewer than two edges and edges that do not increase.
    """
    identities, frames = np.asarray(identity), np.asarray(frame)
    sequences, limits = np.asarray(sequence), np.asarray(edges, np.int64)
    if len(limits) < 2 or (np.diff(limits) <= 0).any():
        raise ValueError(f"edges: expected at least two increasing numbers, got {limits.tolist()}")
    same: list[list[NDArray[np.float32]]] = [[] for _ in limits[1:]]
    different: list[list[NDArray[np.float32]]] = [[] for _ in limits[1:]]
    rng = np.random.default_rng(seed)
    for name in np.unique(sequences):
        rows = np.flatnonzero(sequences == name)
        if len(rows) > max_images:
            rows = np.sort(rng.permutation(rows)[:max_images])
        similarity = embedding[rows] @ embedding[rows].T
        first, second = np.triu_indices(len(rows), 1)
        gap = np.abs(frames[rows[first]] - frames[rows[second]])
        gap_bin = np.searchsorted(limits, gap, "right") - 1
        values = similarity[first, second]
        is_same = identities[rows[first]] == identities[rows[second]]
        for index in range(len(limits) - 1):
            in_bin = gap_bin == index
            same[index].append(values[in_bin & is_same])
            different[index].append(values[in_bin & ~is_same])
    pairs = [(np.concatenate(a), np.concatenate(b)) for a, b in zip(same, different, strict=True)]
    return AucByGap(
        limits[:-1],
        limits[1:],
        np.array([roc_auc(*pair) for pair in pairs]),
        np.array([len(a) for a, _ in pairs]),
        np.array([len(b) for _, b in pairs]),
    )
