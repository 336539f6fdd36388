"""Re-ranking with k-reciprocal encoding (Zhong et al. 2017)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Reranking:
    """Parameters of the re-ranking; the defaults are those of section 4.1 for Market-1501.

    Raises ValueError for values out of range.
    """

    k1: int = 20  # number of nearest neighbours that must be mutual
    k2: int = 6  # number of encodings averaged in the local query expansion
    weight: float = 0.3  # of the original distance; 1 - weight is that of the Jaccard distance

    def __post_init__(self) -> None:
        if self.k1 < 1 or self.k2 < 1 or not 0 <= self.weight <= 1:
            raise ValueError(f"expected k1 >= 1, k2 >= 1 and weight in [0, 1], got {self}")


@dataclass(frozen=True, eq=False)
class _Sparse:
    """Sparse matrix of non-negative values, sorted by row and column."""

    row: NDArray[np.int64]  # (E,) ascending
    column: NDArray[np.int64]  # (E,)
    value: NDArray[np.float32]  # (E,)


def k_reciprocal_distance(
    embedding: NDArray[np.float32],
    queries: NDArray[np.int64],
    gallery: NDArray[np.int64],
    parameters: Reranking,
) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G) between `queries` (Q,) and `gallery` (G,), rows of `embedding`.

    embedding: unit rows (N, D); all N rows serve as neighbours. The original distance is half the
    squared Euclidean distance, divided by the largest one of the query (equation 12). Memory grows
    with N x k1 and with Q x G.
    """
    k1 = min(parameters.k1, len(embedding) - 1)
    neighbours, farthest = _nearest(embedding, max(k1, parameters.k2 - 1))
    encoding = _encode(neighbours[:, : k1 + 1], embedding, farthest)
    if parameters.k2 > 1:
        encoding = _expand(encoding, neighbours[:, : parameters.k2])
    result = _jaccard(encoding, len(embedding), queries, gallery)
    result *= 1 - parameters.weight
    for start in range(0, len(queries), 256):
        rows = queries[start : start + 256]
        original = (1 - embedding[rows] @ embedding[gallery].T) / farthest[rows, None]
        result[start : start + 256] += parameters.weight * original
    return result


def _nearest(
    embedding: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Each row followed by its k nearest rows (N, k + 1), and its largest distance (N,)."""
    count = len(embedding)
    k = min(k, count - 1)
    neighbours = np.empty((count, k + 1), np.int64)
    farthest = np.empty(count, np.float32)
    for start in range(0, count, 256):
        block = np.maximum(1 - embedding[start : start + 256] @ embedding.T, 0)
        rows = np.arange(len(block))
        farthest[start : start + 256] = np.maximum(block.max(axis=1), 1e-12)
        # A row comes first even when another row is equal to it.
        block[rows, start + rows] = -1
        near = np.argpartition(block, k, axis=1)[:, : k + 1]
        order = np.argsort(np.take_along_axis(block, near, 1), axis=1, kind="stable")
        neighbours[start : start + 256] = np.take_along_axis(near, order, 1)
    return neighbours, farthest


def _mutual(neighbours: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """R(p, k) of each row p: its neighbours that have p among their neighbours (equation 2)."""
    found = []
    for row, near in enumerate(neighbours):
        found.append(near[(neighbours[near] == row).any(axis=1)])
    return found


def _encode(
    neighbours: NDArray[np.int64], embedding: NDArray[np.float32], farthest: NDArray[np.float32]
) -> _Sparse:
    """Encoding V of each row: exp(-distance) on its extended set R* (equations 3 and 7)."""
    k1 = neighbours.shape[1] - 1
    mutual = _mutual(neighbours)
    half = _mutual(neighbours[:, : round(k1 / 2) + 1])
    columns = []
    for own in mutual:
        members = set(own.tolist())
        extended = set(members)
        for candidate in own:
            candidates = half[candidate].tolist()
            if 3 * len(members.intersection(candidates)) >= 2 * len(candidates):
                extended.update(candidates)
        columns.append(np.array(sorted(extended), np.int64))
    row = np.repeat(np.arange(len(columns)), [len(own) for own in columns])
    column = np.concatenate(columns)
    value = np.empty(len(row), np.float32)
    for start in range(0, len(row), 65536):
        part = slice(start, start + 65536)
        cosine = np.einsum("ed,ed->e", embedding[row[part]], embedding[column[part]])
        value[part] = np.exp(-np.maximum(1 - cosine, 0) / farthest[row[part]])
    return _Sparse(row, column, value)


def _expand(encoding: _Sparse, neighbours: NDArray[np.int64]) -> _Sparse:
    """Local query expansion: mean of the encodings of each row's neighbours (equation 11)."""
    count = len(neighbours)
    ends = np.searchsorted(encoding.row, np.arange(count + 1))
    rows, columns, values = [], [], []
    for row, near in enumerate(neighbours):
        parts = [slice(ends[other], ends[other + 1]) for other in near]
        column, place = np.unique(
            np.concatenate([encoding.column[part] for part in parts]), return_inverse=True
        )
        value = np.concatenate([encoding.value[part] for part in parts])
        rows.append(np.full(len(column), row))
        columns.append(column)
        values.append((np.bincount(place, value) / len(near)).astype(np.float32))
    return _Sparse(np.concatenate(rows), np.concatenate(columns), np.concatenate(values))


def _jaccard(
    encoding: _Sparse, count: int, queries: NDArray[np.int64], gallery: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Jaccard distance (Q, G): 1 - sum of minima / sum of maxima of encodings (equation 10)."""
    total = np.bincount(encoding.row, encoding.value, minlength=count)
    ends = np.searchsorted(encoding.row, np.arange(count + 1))
    by_column = np.argsort(encoding.column, kind="stable")
    column_ends = np.searchsorted(encoding.column[by_column], np.arange(count + 1))
    result = np.empty((len(queries), len(gallery)), np.float32)
    for index, query in enumerate(queries):
        part = slice(ends[query], ends[query + 1])
        columns, value = encoding.column[part], encoding.value[part]
        # Only rows that share a column with the query have a nonzero sum of minima.
        spans = [by_column[column_ends[c] : column_ends[c + 1]] for c in columns]
        entries = np.concatenate(spans)
        lower = np.minimum(encoding.value[entries], np.repeat(value, [len(s) for s in spans]))
        minima = np.bincount(encoding.row[entries], lower, minlength=count)[gallery]
        result[index] = 1 - minima / (total[query] + total[gallery] - minima)
    return result
