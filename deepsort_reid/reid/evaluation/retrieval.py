"""Retrieval evaluation of embeddings under the Market-1501 protocol: CMC, mAP and mINP."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.reid.data.datasets import JUNK
from deepsort_reid.reid.evaluation.rerank import Reranking, k_reciprocal_distance
from deepsort_reid.reid.evaluation.result import ReidResult


def evaluate_reid(
    query_embedding: ArrayLike,
    query_identity: ArrayLike,
    query_camera: ArrayLike,
    gallery_embedding: ArrayLike,
    gallery_identity: ArrayLike,
    gallery_camera: ArrayLike,
    *,
    query_row: ArrayLike | None = None,
    query_frame: ArrayLike | None = None,
    gallery_frame: ArrayLike | None = None,
    min_frame_gap: int = 0,
    top_k: int = 50,
    batch_size: int = 256,
    reranking: Reranking | None = None,
) -> ReidResult:
    """Rank the gallery for each query by cosine similarity and evaluate the ranks.

    Market-1501 protocol (Zheng et al. 2015): gallery images with the query's identity and camera
    are ignored, junk ("-1") is ignored, distractors count as incorrect. Of equal similarities the
    incorrect ones rank first, so that a constant embedding scores zero.

    embedding: (Q, D) and (G, D), of any length. identity: (Q,), (G,) strings or integers. camera:
    (Q,), (G,) integers, negative where unknown. query_row: (Q,) the gallery row that is the query
    itself and is ignored, -1 for none. min_frame_gap: if above 0, gallery images of the query's
    identity at most this many frames away are ignored; needs query_frame (Q,) and gallery_frame
    (G,), negative where unknown. top_k: length of the stored rankings. batch_size: queries at once.

    Raises ValueError for arrays of different lengths and when no query has a correct match.
    """
    query, gallery = _unit_rows(query_embedding, "query"), _unit_rows(gallery_embedding, "gallery")
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            "query and gallery embeddings: expected the same dimension, "
            f"got {query.shape[1]} and {gallery.shape[1]}"
        )
    if top_k < 1 or batch_size < 1:
        raise ValueError(f"top_k and batch_size: expected at least 1, got {top_k}, {batch_size}")
    queries, candidates, names = _sides(
        (query, query_identity, query_camera, query_row, query_frame),
        (gallery, gallery_identity, gallery_camera, gallery_frame),
    )
    result = _rank(names, queries, candidates, top_k, batch_size, min_frame_gap, reranking)
    if len(result.matched_queries) == 0:
        raise ValueError(
            f"none of {len(names)} queries has a correct match in {len(candidates.row)} gallery "
            "images: expected at least two images of an identity, from two cameras where cameras "
            "are known" + (f", more than {min_frame_gap} frames apart" if min_frame_gap else "")
        )
    return result


def evaluate_each_against_all(
    embedding: ArrayLike,
    identity: ArrayLike,
    *,
    queries: ArrayLike | None = None,
    camera: ArrayLike | None = None,
    frame: ArrayLike | None = None,
    min_frame_gap: int = 0,
    top_k: int = 50,
    reranking: Reranking | None = None,
) -> ReidResult:
    """Evaluate with every image as a query against all other images.

    embedding: (N, D). identity: (N,). queries: rows to use as queries; None: all. camera, frame:
    (N,), see `evaluate_reid`. `ranked` of the result holds rows of `embedding`. Raises ValueError
    as `evaluate_reid`.
    """
    embedding, identity = np.asarray(embedding), np.asarray(identity)
    cameras = np.full(len(embedding), -1) if camera is None else np.asarray(camera)
    frames = np.full(len(embedding), -1) if frame is None else np.asarray(frame)
    rows = np.arange(len(embedding)) if queries is None else np.asarray(queries)
    return evaluate_reid(
        embedding[rows],
        identity[rows],
        cameras[rows],
        embedding,
        identity,
        cameras,
        query_row=rows,
        query_frame=frames[rows],
        gallery_frame=frames,
        min_frame_gap=min_frame_gap,
        top_k=top_k,
        reranking=reranking,
    )


@dataclass(frozen=True, eq=False)
class _Side:
    """Queries or gallery: unit embeddings (N, D) and four columns (N,)."""

    embedding: NDArray[np.float32]
    identity: NDArray[np.int64]  # integer code
    camera: NDArray[np.int64]  # negative where unknown
    row: NDArray[np.int64]  # in the caller's gallery; -1 for a query that is not in it
    frame: NDArray[np.int64]  # negative where unknown


def _sides(
    query: tuple[NDArray[np.float32], ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None],
    gallery: tuple[NDArray[np.float32], ArrayLike, ArrayLike, ArrayLike | None],
) -> tuple[_Side, _Side, NDArray[np.str_]]:
    """Queries, gallery without junk, and the identities (Q,) of the queries."""
    query_embedding, query_identity, query_camera, query_row, query_frame = query
    gallery_embedding, gallery_identity, gallery_camera, gallery_frame = gallery
    count, gallery_count = len(query_embedding), len(gallery_embedding)
    names = np.asarray(query_identity).astype(str)
    gallery_names = np.asarray(gallery_identity).astype(str)
    _check_shape("query", count, names)
    _check_shape("gallery", gallery_count, gallery_names)
    columns = np.flatnonzero(gallery_names != JUNK)
    # Integer codes compare much faster than strings.
    code = np.unique(np.concatenate([names, gallery_names[columns]]), return_inverse=True)[1]
    queries = _Side(
        query_embedding,
        code[:count],
        _column("query", count, query_camera),
        _column("query", count, query_row),
        _column("query", count, query_frame),
    )
    candidates = _Side(
        gallery_embedding[columns],
        code[count:],
        _column("gallery", gallery_count, gallery_camera)[columns],
        columns,
        _column("gallery", gallery_count, gallery_frame)[columns],
    )
    return queries, candidates, names


def _rank(
    names: NDArray[np.str_],
    queries: _Side,
    gallery: _Side,
    top_k: int,
    batch_size: int,
    min_frame_gap: int,
    reranking: Reranking | None,
) -> ReidResult:
    count = len(names)
    distance = None if reranking is None else _reranked(queries, gallery, reranking)
    correct_ranks: list[NDArray[np.int64]] = []
    correct_rows: list[NDArray[np.int64]] = []
    ranked = np.full((count, top_k), -1, np.int64)
    ranked_similarity = np.full((count, top_k), -np.inf, np.float32)
    is_correct = np.zeros((count, top_k), np.bool_)
    for start in range(0, count, batch_size):
        rows = slice(start, start + batch_size)
        if distance is None:
            similarity = queries.embedding[rows] @ gallery.embedding.T  # (B, G)
        else:
            similarity = -distance[rows]
        correct = queries.identity[rows, None] == gallery.identity
        similarity[_ignored(queries, gallery, rows, correct, min_frame_gap)] = -np.inf
        ascending = np.sort(similarity, axis=1)
        for row in range(len(similarity)):
            matches = _best_first(similarity[row], correct[row], correct[row])
            correct_rows.append(gallery.row[matches])
            correct_ranks.append(_ranks_of(similarity[row, matches], ascending[row]))
            lowest = ascending[row, -top_k] if top_k <= ascending.shape[1] else -np.inf
            best = _best_first(similarity[row], correct[row], similarity[row] >= lowest)[:top_k]
            ranked[start + row, : len(best)] = gallery.row[best]
            ranked_similarity[start + row, : len(best)] = similarity[row, best]
            is_correct[start + row, : len(best)] = correct[row, best]
    return ReidResult(
        names, tuple(correct_ranks), tuple(correct_rows), ranked, ranked_similarity, is_correct
    )


def _ignored(
    queries: _Side,
    gallery: _Side,
    rows: slice,
    correct: NDArray[np.bool_],
    min_frame_gap: int,
) -> NDArray[np.bool_]:
    """Pairs (B, G) that the protocol ignores, for the queries in `rows`."""
    same_camera = queries.camera[rows, None] == gallery.camera
    ignored: NDArray[np.bool_] = correct & same_camera & (gallery.camera >= 0)
    ignored |= queries.row[rows, None] == gallery.row
    if min_frame_gap > 0:
        near = np.abs(queries.frame[rows, None] - gallery.frame) <= min_frame_gap
        ignored |= correct & near & (queries.frame[rows, None] >= 0) & (gallery.frame >= 0)
    return ignored


def _reranked(queries: _Side, gallery: _Side, reranking: Reranking) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G); a query that is also a gallery image enters only once."""
    outside = np.flatnonzero(~np.isin(queries.row, gallery.row))
    position = np.searchsorted(gallery.row, queries.row)
    position[outside] = len(gallery.row) + np.arange(len(outside))
    embedding = np.concatenate([gallery.embedding, queries.embedding[outside]])
    return k_reciprocal_distance(embedding, position, np.arange(len(gallery.row)), reranking)


def _best_first(
    similarity: NDArray[np.float32], correct: NDArray[np.bool_], among: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Columns of `among` sorted by similarity, then incorrect before correct, then column."""
    candidates = np.flatnonzero(among & (similarity > -np.inf))
    order = np.lexsort((candidates, correct[candidates], -similarity[candidates]))
    return candidates[order]


def _ranks_of(correct: NDArray[np.float32], ascending: NDArray[np.float32]) -> NDArray[np.int64]:
    """1-based ranks of the correct similarities (descending); equal incorrect ones come first."""
    at_least = len(ascending) - np.searchsorted(ascending, correct, "left")
    correct_at_least = len(correct) - np.searchsorted(correct[::-1], correct, "left")
    return at_least - correct_at_least + np.arange(1, len(correct) + 1)


def _unit_rows(embedding: ArrayLike, side: str) -> NDArray[np.float32]:
    rows = np.asarray(embedding, np.float32)
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"expected {side} embeddings of shape (N, D), N > 0, got {rows.shape}")
    if not np.isfinite(rows).all():
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        raise ValueError(
            f"{side} embeddings: expected finite numbers, got {len(bad)} rows with nan or inf, "
            f"the first is row {bad[0]}"
        )
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, np.finfo(np.float32).tiny), np.float32)


def _column(side: str, count: int, values: ArrayLike | None) -> NDArray[np.int64]:
    """`values` as an array (count,); -1 everywhere for None."""
    column = np.full(count, -1) if values is None else np.asarray(values)
    _check_shape(side, count, column)
    return column


def _check_shape(side: str, count: int, column: NDArray[np.generic]) -> None:
    if column.shape != (count,):
        raise ValueError(
            f"expected one identity, camera, row and frame per {side} embedding, shape ({count},), "
            f"got {column.shape}"
        )
