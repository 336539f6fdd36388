"""Same person or not, pair by pair: similarities, ROC AUC, and AUC over time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class PairSimilarity:
    """Cosine similarities of pairs of pictures of the same and of different people."""

    same: NDArray[np.float32]  # (S,)
    different: NDArray[np.float32]  # (D,)

    @property
    def auc(self) -> float:
        """Chance that a pair of one person is more alike than a pair of two."""
        return roc_auc(self.same, self.different)


@dataclass(frozen=True, eq=False)
class AucByGap:
    """ROC AUC of "same person?" for pairs whose frames lie `start` to `stop` - 1 apart."""

    start: NDArray[np.int64]  # (B,) frames
    stop: NDArray[np.int64]  # (B,)
    auc: NDArray[np.float64]  # (B,) nan where one of the two kinds of pair is missing
    same: NDArray[np.int64]  # (B,) pairs
    different: NDArray[np.int64]  # (B,) pairs


def roc_auc(positive: ArrayLike, negative: ArrayLike) -> float:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order.

    Ties count half (Mann-Whitney U). nan when either side is empty.
    """
    above, below = np.asarray(positive), np.sort(np.asarray(negative))
    if len(above) == 0 or len(below) == 0:
        return float("nan")
    less = np.searchsorted(below, above, "left")
    not_more = np.searchsorted(below, above, "right")
    return float((less.mean() + not_more.mean()) / (2 * len(below)))


def pair_similarity(
    embedding: NDArray[np.float32],
    identity: ArrayLike,
    *,
    camera: ArrayLike | None = None,
    max_images: int = 2000,
    seed: int = 0,
) -> PairSimilarity:
    """Similarities of the pairs among at max_images `most` pictures, drawn with whole people.

    embedding: unit rows (N, D); identity: (N,). With `camera` (N,) pairs of one person seen by one
    camera are left out where the camera is known (not negative): neighbouring frames prove little.
    """
    names = np.unique(np.asarray(identity), return_inverse=True)[1]
    people = np.random.default_rng(seed).permutation(names.max() + 1)
    size = np.bincount(names)[people]
    # Whole people, so that there are pairs of the same; one at least.
    chosen = people[: max(int(np.searchsorted(np.cumsum(size), max_images, "right")), 1)]
    rows = np.flatnonzero(np.isin(names, chosen))
    if len(chosen) == 1 and len(people) > 1:
        rows = np.random.default_rng(seed).permutation(len(names))[:max_images]
    similarity = embedding[rows] @ embedding[rows].T
    first, second = np.triu_indices(len(rows), 1)
    values = similarity[first, second]
    same = names[rows[first]] == names[rows[second]]
    usable = np.ones(len(same), np.bool_)
    if camera is not None:
        seen_by = np.asarray(camera)[rows]
        usable = ~(same & (seen_by[first] == seen_by[second]) & (seen_by[first] >= 0))
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
    """How the answer to "same person?" fades as the two pictures lie further apart in time.

    embedding: unit rows (N, D); identity, frame, sequence: (N,). Only pairs within one sequence
    are compared, the same and the different at the same distance; bin b holds the gaps from
    edges[b] up to, not with, edges[b + 1]. At max_images `most` pictures of a sequence are drawn.
    """
    names, frames, sequences = np.asarray(identity), np.asarray(frame), np.asarray(sequence)
    limits = np.asarray(edges, np.int64)
    if len(limits) < 2 or (np.diff(limits) <= 0).any():
        raise ValueError(f"edges must rise and be at least two, got {limits.tolist()}")
    same: list[list[NDArray[np.float32]]] = [[] for _ in limits[1:]]
    different: list[list[NDArray[np.float32]]] = [[] for _ in limits[1:]]
    rng = np.random.default_rng(seed)
    for name in np.unique(sequences):
        rows = np.flatnonzero(sequences == name)
        if len(rows) > max_images:
            rows = np.sort(rng.permutation(rows)[:max_images])
        similarity = embedding[rows] @ embedding[rows].T
        first, second = np.triu_indices(len(rows), 1)
        gap_bin = np.searchsorted(
            limits, np.abs(frames[rows[first]] - frames[rows[second]]), "right"
        )
        values, alike = similarity[first, second], names[rows[first]] == names[rows[second]]
        for place in range(len(limits) - 1):
            here = gap_bin == place + 1
            same[place].append(values[here & alike])
            different[place].append(values[here & ~alike])
    pairs = [(np.concatenate(a), np.concatenate(b)) for a, b in zip(same, different, strict=True)]
    return AucByGap(
        limits[:-1],
        limits[1:],
        np.array([roc_auc(*pair) for pair in pairs]),
        np.array([len(a) for a, _ in pairs]),
        np.array([len(b) for _, b in pairs]),
    )
