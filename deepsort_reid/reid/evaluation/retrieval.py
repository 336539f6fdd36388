"""How well embeddings find people again: CMC, mAP and mINP under the Market-1501 protocol."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.reid.data.datasets import JUNK
from deepsort_reid.reid.evaluation.rerank import Reranking, k_reciprocal_distance
from deepsort_reid.reid.evaluation.result import IdentityScores, ReidResult

__all__ = ["IdentityScores", "ReidResult", "evaluate_each_against_all", "evaluate_reid"]


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
    """Rank the gallery for each query by cosine similarity and count where the right ones stand.

    Embeddings are (Q, D) and (G, D) of any length; identities (Q,), (G,) strings or integers;
    cameras (Q,), (G,) integers, negative where unknown. Market-1501 protocol (Zheng et al. 2015):
    pictures of the asked person from the asking camera are left out, junk ("-1") is ignored,
    distractors count as wrong answers. Among equal similarities the wrong answers come first: an
    embedding that is the same for everybody earns nothing.

    query_row: (Q,) the gallery row that is the query itself, -1 for none; it is left out.
    min_frame_gap: above 0, leaves out pictures of the asked person that many frames or fewer away,
    by `query_frame` (Q,) and `gallery_frame` (G,), negative where unknown: to recognise somebody in
    the next frame is no feat. top_k: answers kept of each ranking. batch_size: queries at a time.

    Raises ValueError for rows that do not belong together and when no query has a right answer.
    """
    query, gallery = _unit_rows(query_embedding, "query"), _unit_rows(gallery_embedding, "gallery")
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query and gallery embeddings must have one width, got {query.shape[1]} "
            f"and {gallery.shape[1]}"
        )
    if top_k < 1 or batch_size < 1:
        raise ValueError(f"top_k and batch_size must be at least 1, got {top_k} and {batch_size}")
    names = np.asarray(query_identity).astype(str)
    all_gallery_names = np.asarray(gallery_identity).astype(str)
    query_camera, all_gallery_camera = np.asarray(query_camera), np.asarray(gallery_camera)
    itself = np.full(len(query), -1) if query_row is None else np.asarray(query_row)
    asked_in = np.full(len(query), -1) if query_frame is None else np.asarray(query_frame)
    seen_in = np.full(len(gallery), -1) if gallery_frame is None else np.asarray(gallery_frame)
    _check_lengths("query", len(query), names, query_camera, itself, asked_in)
    _check_lengths("gallery", len(gallery), all_gallery_names, all_gallery_camera, seen_in)

    columns = np.flatnonzero(all_gallery_names != JUNK)
    # Comparing numbers is a hundred times cheaper than comparing names.
    both = np.concatenate([names, all_gallery_names[columns]])
    code = np.unique(both, return_inverse=True)[1]
    queries = _Side(query, code[: len(names)], query_camera, itself, asked_in)
    camera, frame = all_gallery_camera[columns], seen_in[columns]
    answers = _Side(gallery[columns], code[len(names) :], camera, columns, frame)
    result = _rank(names, queries, answers, top_k, batch_size, min_frame_gap, reranking)
    if len(result.matched_queries) == 0:
        raise ValueError(
            f"none of {len(query)} queries has a right answer among {len(columns)} gallery images: "
            "a person needs two images, from two cameras where cameras are known"
            + (f", more than {min_frame_gap} frames apart" if min_frame_gap else "")
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
    """Every image (or the rows in `queries`) once as the query against all other images.

    For data without cameras: embedding (N, D), identity (N,). With `camera` (N,) the pictures of
    the same person from the same camera are left out as well, with `frame` (N,) and
    `min_frame_gap` those that many frames or fewer away. `ranked` holds rows of `embedding`.
    """
    embedding, identity = np.asarray(embedding), np.asarray(identity)
    seen_by = np.full(len(embedding), -1) if camera is None else np.asarray(camera)
    seen_in = np.full(len(embedding), -1) if frame is None else np.asarray(frame)
    rows = np.arange(len(embedding)) if queries is None else np.asarray(queries)
    return evaluate_reid(
        embedding[rows],
        identity[rows],
        seen_by[rows],
        embedding,
        identity,
        seen_by,
        query_row=rows,
        query_frame=seen_in[rows],
        gallery_frame=seen_in,
        min_frame_gap=min_frame_gap,
        top_k=top_k,
        reranking=reranking,
    )


@dataclass(frozen=True, eq=False)
class _Side:
    """Queries or gallery: unit rows (N, D), and (N,) of each."""

    embedding: NDArray[np.float32]
    person: NDArray[np.int64]
    camera: NDArray[np.int64]
    row: NDArray[np.int64]  # of the caller's gallery; -1 for a query that is not in it
    frame: NDArray[np.int64]  # -1 where unknown


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
    kept = np.full((count, top_k), -np.inf, np.float32)
    is_correct = np.zeros((count, top_k), np.bool_)
    for start in range(0, count, batch_size):
        rows = slice(start, start + batch_size)
        if distance is None:
            similarity = queries.embedding[rows] @ gallery.embedding.T  # (B, G)
        else:
            similarity = -distance[rows]
        correct = queries.person[rows, None] == gallery.person
        same_camera = queries.camera[rows, None] == gallery.camera
        left_out = correct & same_camera & (gallery.camera >= 0)
        left_out |= queries.row[rows, None] == gallery.row
        if min_frame_gap > 0:
            near = np.abs(queries.frame[rows, None] - gallery.frame) <= min_frame_gap
            left_out |= correct & near & (queries.frame[rows, None] >= 0) & (gallery.frame >= 0)
        similarity[left_out] = -np.inf
        ascending = np.sort(similarity, axis=1)
        for row in range(len(similarity)):
            answers = _best_first(similarity[row], correct[row], correct[row])
            correct_rows.append(gallery.row[answers])
            correct_ranks.append(_ranks_of(similarity[row, answers], ascending[row]))
            least = ascending[row, -top_k] if top_k <= ascending.shape[1] else -np.inf
            best = _best_first(similarity[row], correct[row], similarity[row] >= least)[:top_k]
            ranked[start + row, : len(best)] = gallery.row[best]
            kept[start + row, : len(best)] = similarity[row, best]
            is_correct[start + row, : len(best)] = correct[row, best]
    return ReidResult(names, tuple(correct_ranks), tuple(correct_rows), ranked, kept, is_correct)


def _reranked(queries: _Side, gallery: _Side, reranking: Reranking) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G); a query that is a gallery picture takes part only once."""
    outside = np.flatnonzero(~np.isin(queries.row, gallery.row))
    place = np.searchsorted(gallery.row, queries.row)
    place[outside] = len(gallery.row) + np.arange(len(outside))
    together = np.concatenate([gallery.embedding, queries.embedding[outside]])
    return k_reciprocal_distance(together, place, np.arange(len(gallery.row)), reranking)


def _best_first(
    similarity: NDArray[np.float32], correct: NDArray[np.bool_], among: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Columns of `among` in order: similarity, then wrong before correct, then column."""
    candidates = np.flatnonzero(among & (similarity > -np.inf))
    order = np.lexsort((candidates, correct[candidates], -similarity[candidates]))
    return candidates[order]


def _ranks_of(correct: NDArray[np.float32], ascending: NDArray[np.float32]) -> NDArray[np.int64]:
    """1-based ranks of the right similarities (falling), wrong ones first among equals."""
    at_least = len(ascending) - np.searchsorted(ascending, correct, "left")
    right_at_least = len(correct) - np.searchsorted(correct[::-1], correct, "left")
    return at_least - right_at_least + np.arange(1, len(correct) + 1)


def _unit_rows(embedding: ArrayLike, side: str) -> NDArray[np.float32]:
    rows = np.asarray(embedding, np.float32)
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"expected {side} embeddings of shape (N, D), N > 0, got {rows.shape}")
    if not np.isfinite(rows).all():
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        raise ValueError(f"{len(bad)} {side} embeddings are not finite, the first is row {bad[0]}")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, np.finfo(np.float32).tiny), np.float32)


def _check_lengths(side: str, count: int, *others: NDArray[np.generic]) -> None:
    for other in others:
        if other.shape != (count,):
            raise ValueError(
                f"one identity, camera and row per {side} embedding: expected shape ({count},), "
                f"got {other.shape}"
            )
