"""Clustering: which of all tracks show one person, decided together and without labels.

A similarity alone is not conclusive: a person in dark clothes is similar to many others. Each track
has its own scale, the similarities to tracks that are most likely other people (as in adaptive
score normalisation, Matejka et al. 2017, "Analysis of score normalization in multilingual speaker
recognition"). The most similar pairs are merged first, by the average over all pairs of tracks of
two clusters (average linkage).

The threshold depends on how often people return. That is estimated, too: wrong merges of two
tracks are frequent where nobody returns, but three tracks of different people are rarely similar
in all pairs. The threshold is therefore low where many of the merged tracks are in clusters of
three or more. The constants were chosen on samples of 12 to 3,632 tracks of
Market-1501's test set, with 0, 50 and 82 % of returning people, and four embedders.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Embeddings = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MIN_TRACKS = 12  # of a clustering
_CAMERA_PRIOR, _MEAN_PRIOR = 20.0, 5.0  # tracks that the means of cameras, and of all, count
_SPREAD_PRIOR = 10.0  # tracks that the mean scale counts in the scale of one track
_SPREAD_PRIOR_SMALL = 30.0
# Most similar tracks of which a track's scale is measured; those before may be the same person.
_NUM_OTHERS, _NUM_SKIPPED = 30, 6
_FEW = 60  # tracks: with fewer, the scale is that of the lower half of all similarities
_THRESHOLD_FEW, _THRESHOLD_FEW_GROWTH, _FEW_REFERENCE = 7.0, 0.6, 25
_THRESHOLD_RETURNING, _THRESHOLD_NEW = 5.5, 13.0  # everybody returns; nobody does
_SHARE_RETURNING, _SHARE_NEW = 0.7, 0.3  # of tracks in clusters of three, among merged tracks
_MERGED, _FORBIDDEN = 1e3, -1e6  # scores


class Clusters(NamedTuple):
    """Result of a clustering of N tracks.

    Attributes:
        label: cluster of each track (N,), from 0.
        score: mean normalised similarity (N,) to the other tracks of the cluster; NaN without any.
        threshold: minimum mean score of two clusters that were merged.
    """

    label: Ints
    score: Array
    threshold: float


def mean_embeddings(prototypes: Embeddings, counts: Array, track: Ints) -> tuple[Ints, Embeddings]:
    """Tracks (N,) in ascending order, and the mean (N, D) of the embeddings of each.

    Args:
        prototypes: (G, D).
        counts: number of embeddings (G,) in each.
        track: track (G,) of each.
    """
    keys, index = np.unique(track, return_inverse=True)
    total = np.zeros((len(keys), prototypes.shape[1]))
    np.add.at(total, index, prototypes * counts[:, None])
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return keys, (total / np.maximum(length, 1e-12)).astype(np.float32)


def cluster(
    embedding: Embeddings,
    camera: Ints,
    known: Ints,
    forbidden: Flags,
    *,
    threshold: float | None = None,
) -> Clusters:
    """Cluster tracks.

    Args:
        embedding: unit mean embedding (N, D) of each track.
        camera: camera (N,): the mean embedding of each camera is subtracted.
        known: persons (N,) that are known by now: tracks of one person stay together.
        forbidden: pairs (N, N) of tracks of different people.
        threshold: of the mean score of two clusters that are merged; chosen when not given.
    """
    number = len(embedding)
    if number < 2:
        return Clusters(np.arange(number), np.full(number, np.nan), math.inf)
    rows = _centered(embedding, camera)
    similarity = rows @ rows.T
    few = number < _FEW
    score = _normalized_by_lower_half(similarity) if few else _normalized_by_nearest(similarity)
    np.fill_diagonal(score, 0)
    same = known[:, None] == known
    fixed = np.where(same, _MERGED, np.where(forbidden, _FORBIDDEN, score))
    lowest = _threshold_few(number) if few else _THRESHOLD_RETURNING
    merges = _merges(fixed, lowest if threshold is None else threshold)
    if threshold is None:
        threshold = lowest if few else _threshold(number, merges)
    label = _labels(number, merges, threshold)
    together = (label[:, None] == label) & ~np.eye(number, dtype=bool)
    count = together.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = np.where(together, score, 0).sum(axis=1) / np.where(count > 0, count, np.nan)
    return Clusters(label, mean, threshold)


def _centered(embedding: Embeddings, camera: Ints) -> Embeddings:
    """Unit rows (N, D) without the mean of their camera: light and background are common to it."""
    total = embedding.sum(axis=0) / (len(embedding) + _MEAN_PRIOR)
    rows = embedding.copy()
    for each in np.unique(camera):
        own = camera == each
        mean = embedding[own].sum(axis=0) + _CAMERA_PRIOR * total
        rows[own] -= mean / (own.sum() + _CAMERA_PRIOR)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _normalized_by_nearest(similarity: NDArray[np.float32]) -> Array:
    """Scores (N, N): each track's scale is that of the most similar tracks after the first six."""
    number = len(similarity)
    others = min(_NUM_OTHERS, max(3, number // 4))
    skipped = min(_NUM_SKIPPED, number // 12)
    outside = similarity - 4 * np.eye(number, dtype=np.float32)
    first = number - others - skipped
    nearest = np.sort(np.partition(outside, first, axis=1)[:, first:], axis=1)[:, :others]
    spread = nearest.std(axis=1)
    spread = (_SPREAD_PRIOR * spread.mean() + others * spread) / (_SPREAD_PRIOR + others)
    return _both_sides(similarity, nearest.mean(axis=1), spread)


def _normalized_by_lower_half(similarity: NDArray[np.float32]) -> Array:
    """Scores (N, N): median and lower spread of a track, which returns do not change."""
    number = len(similarity)
    others = similarity[~np.eye(number, dtype=bool)].reshape(number, number - 1)
    low, median = np.quantile(others, [0.16, 0.5], axis=1)
    spread = median - low
    prior = _SPREAD_PRIOR_SMALL
    return _both_sides(
        similarity, median, (prior * spread.mean() + number * spread) / (prior + number)
    )


def _both_sides(similarity: NDArray[np.float32], center: Array, spread: Array) -> Array:
    spread = np.maximum(spread, 1e-6)
    score = (similarity - center[:, None]) / spread[:, None]
    return np.asarray((score + score.T) / 2, dtype=np.float64)


def _merges(score: Array, threshold: float) -> list[tuple[int, int, float]]:
    """Merges of average linkage down to a threshold: two clusters, named after a track, and score.

    Scores do not rise from merge to merge, so that a higher threshold keeps a first part of them.
    `score` (N, N) is overwritten. The most similar cluster of each one is kept: a merge takes time
    in proportion to the number of clusters, and few are above the threshold.
    """
    size = np.ones(len(score))
    np.fill_diagonal(score, -np.inf)
    nearest = score.argmax(axis=1)
    best = score[np.arange(len(score)), nearest]
    merges: list[tuple[int, int, float]] = []
    while True:
        first = int(best.argmax())
        second = int(nearest[first])
        if best[first] < threshold:
            return merges
        merges.append((first, second, float(best[first])))
        total = size[first] + size[second]
        row = (size[first] * score[first] + size[second] * score[second]) / total
        row[[first, second]] = -np.inf
        size[first] = total
        score[first], score[:, first] = row, row
        score[second], score[:, second] = -np.inf, -np.inf
        best[second] = -np.inf
        changed = np.flatnonzero((nearest == first) | (nearest == second) | (row > best))
        changed = np.append(changed[changed != second], first)
        nearest[changed] = score[changed].argmax(axis=1)
        best[changed] = score[changed, nearest[changed]]


def _labels(number: int, merges: list[tuple[int, int, float]], threshold: float) -> Ints:
    """Cluster (N,) of each track after the merges of at least this score, from 0."""
    label = np.arange(number)
    for first, second, score in merges:
        if score < threshold:
            break
        label[label == label[second]] = label[first]
    return np.asarray(np.unique(label, return_inverse=True)[1], dtype=np.int64)


def _threshold_few(number: int) -> float:
    return _THRESHOLD_FEW + _THRESHOLD_FEW_GROWTH * max(0.0, math.log(number / _FEW_REFERENCE))


def _threshold(number: int, merges: list[tuple[int, int, float]]) -> float:
    """The threshold for the share of returning people that the merges show."""
    label = _labels(number, merges, _THRESHOLD_RETURNING)
    size = np.bincount(label)[label]
    merged = max(float((size > 1).mean()), 1e-9)
    share = float((size > 2).mean()) / merged
    returning = (share - _SHARE_NEW) / (_SHARE_RETURNING - _SHARE_NEW)
    returning = min(max(returning, 0.0), 1.0)
    return _THRESHOLD_NEW + returning * (_THRESHOLD_RETURNING - _THRESHOLD_NEW)
