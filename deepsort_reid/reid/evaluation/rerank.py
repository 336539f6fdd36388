"""Re-rank by shared neighbours: k-reciprocal encoding (Zhong et al. 2017)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Reranking:
    """The paper's three parameters, with its values for Market-1501 (section 4.1)."""

    k1: int = 20  # neighbours that must be mutual
    k2: int = 6  # neighbours whose encodings are averaged: local query expansion
    weight: float = 0.3  # of the original distance; the rest is the Jaccard distance

    def __post_init__(self) -> None:
        if self.k1 < 1 or self.k2 < 1 or not 0 <= self.weight <= 1:
            raise ValueError(f"expected k1 >= 1, k2 >= 1 and weight in [0, 1], got {self}")


@dataclass(frozen=True, eq=False)
class _Sparse:
    """Rows of non-negative values, the columns of one row in order."""

    row: NDArray[np.int64]  # (E,) rising
    column: NDArray[np.int64]  # (E,)
    value: NDArray[np.float32]  # (E,)


def k_reciprocal_distance(
    embedding: NDArray[np.float32],
    queries: NDArray[np.int64],
    gallery: NDArray[np.int64],
    parameters: Reranking,
) -> NDArray[np.float32]:
    """Distance of `queries` (Q,) to `gallery` (G,), both rows of `embedding` (N, D): (Q, G).

    All N unit rows serve as neighbours of each other. The original distance is half the squared
    Euclidean one, divided by the query's greatest. Memory grows with N times k1 and with Q x G.
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
    """Each row and its k nearest, nearest first (N, k + 1), and its greatest distance (N,)."""
    count = len(embedding)
    k = min(k, count - 1)
    neighbours = np.empty((count, k + 1), np.int64)
    farthest = np.empty(count, np.float32)
    for start in range(0, count, 256):
        block = np.maximum(1 - embedding[start : start + 256] @ embedding.T, 0)
        rows = np.arange(len(block))
        farthest[start : start + 256] = np.maximum(block.max(axis=1), 1e-12)
        # A row is its own nearest even when it has an exact double.
        block[rows, start + rows] = -1
        near = np.argpartition(block, k, axis=1)[:, : k + 1]
        order = np.argsort(np.take_along_axis(block, near, 1), axis=1, kind="stable")
        neighbours[start : start + 256] = np.take_along_axis(near, order, 1)
    return neighbours, farthest


def _mutual(neighbours: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """R(p, k) of each row p: those of its neighbours that count p among theirs (eq. 2)."""
    found = []
    for row, near in enumerate(neighbours):
        found.append(near[(neighbours[near] == row).any(axis=1)])
    return found


def _encode(
    neighbours: NDArray[np.int64], embedding: NDArray[np.float32], farthest: NDArray[np.float32]
) -> _Sparse:
    """V of each row: exp(-distance) on its widened mutual neighbours (eqs. 3 and 7)."""
    k1 = neighbours.shape[1] - 1
    mutual = _mutual(neighbours)
    half = _mutual(neighbours[:, : round(k1 / 2) + 1])
    columns = []
    for own in mutual:
        members = set(own.tolist())
        widened = set(members)
        for candidate in own:
            theirs = half[candidate].tolist()
            if 3 * len(members.intersection(theirs)) >= 2 * len(theirs):
                widened.update(theirs)
        columns.append(np.array(sorted(widened), np.int64))
    row = np.repeat(np.arange(len(columns)), [len(own) for own in columns])
    column = np.concatenate(columns)
    value = np.empty(len(row), np.float32)
    for start in range(0, len(row), 65536):
        part = slice(start, start + 65536)
        cosine = np.einsum("ed,ed->e", embedding[row[part]], embedding[column[part]])
        value[part] = np.exp(-np.maximum(1 - cosine, 0) / farthest[row[part]])
    return _Sparse(row, column, value)


def _expand(encoding: _Sparse, neighbours: NDArray[np.int64]) -> _Sparse:
    """Each row becomes the mean of its neighbours' rows (eq. 11)."""
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
    """1 - sum of minima / sum of maxima of two rows of the encoding (eq. 10): (Q, G)."""
    total = np.bincount(encoding.row, encoding.value, minlength=count)
    ends = np.searchsorted(encoding.row, np.arange(count + 1))
    by_column = np.argsort(encoding.column, kind="stable")
    column_ends = np.searchsorted(encoding.column[by_column], np.arange(count + 1))
    result = np.empty((len(queries), len(gallery)), np.float32)
    for place, query in enumerate(queries):
        part = slice(ends[query], ends[query + 1])
        columns, value = encoding.column[part], encoding.value[part]
        # Only rows that share a column with the query have a sum of minima above zero.
        spans = [by_column[column_ends[c] : column_ends[c + 1]] for c in columns]
        entries = np.concatenate(spans)
        least = np.minimum(encoding.value[entries], np.repeat(value, [len(s) for s in spans]))
        minima = np.bincount(encoding.row[entries], least, minlength=count)[gallery]
        result[place] = 1 - minima / (total[query] + total[gallery] - minima)
    return result
