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
    gap: int = 0,
    keep: int = 50,
    batch: int = 256,
    reranking: Reranking | None = None,
) -> ReidResult:
    """Rank the gallery for each query by cosine similarity and count where the right ones stand.

    Embeddings are (Q, D) and (G, D) of any length; identities (Q,), (G,) strings or integers;
    cameras (Q,), (G,) integers, negative where unknown. Market-1501 protocol (Zheng et al. 2015):
    pictures of the asked person from the asking camera are left out, junk ("-1") is ignored,
    distractors count as wrong answers. Among equal similarities the wrong answers come first: an
    embedding that is the same for everybody earns nothing.

    query_row: (Q,) the gallery row that is the query itself, -1 for none; it is left out.
    gap: above 0, leaves out pictures of the asked person that many frames or fewer away, by
    `query_frame` (Q,) and `gallery_frame` (G,), negative where unknown: to recognise somebody in
    the next frame is no feat. keep: answers kept of each ranking. batch: queries at a time.

    Raises ValueError for rows that do not belong together and when no query has a right answer.
    """
    query, gallery = _unit_rows(query_embedding, "query"), _unit_rows(gallery_embedding, "gallery")
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query and gallery embeddings must have one width, got {query.shape[1]} "
            f"and {gallery.shape[1]}"
        )
    if keep < 1 or batch < 1:
        raise ValueError(f"keep and batch must be at least 1, got {keep} and {batch}")
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
    result = _rank(names, queries, answers, keep, batch, gap, reranking)
    if len(result.answered) == 0:
        raise ValueError(
            f"none of {len(query)} queries has a right answer among {len(columns)} gallery images: "
            "a person needs two images, from two cameras where cameras are known"
            + (f", more than {gap} frames apart" if gap else "")
        )
    return result


def evaluate_each_against_all(
    embedding: ArrayLike,
    identity: ArrayLike,
    *,
    queries: ArrayLike | None = None,
    camera: ArrayLike | None = None,
    frame: ArrayLike | None = None,
    gap: int = 0,
    keep: int = 50,
    reranking: Reranking | None = None,
) -> ReidResult:
    """Every image (or the rows in `queries`) once as the query against all other images.

    For data without cameras: embedding (N, D), identity (N,). With `camera` (N,) the pictures of
    the same person from the same camera are left out as well, with `frame` (N,) and a `gap` those
    that many frames or fewer away. `ranked` holds rows of `embedding`.
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
        gap=gap,
        keep=keep,
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
    keep: int,
    batch: int,
    gap: int,
    reranking: Reranking | None,
) -> ReidResult:
    count = len(names)
    distance = None if reranking is None else _reranked(queries, gallery, reranking)
    right_ranks: list[NDArray[np.int64]] = []
    right_rows: list[NDArray[np.int64]] = []
    ranked = np.full((count, keep), -1, np.int64)
    kept = np.full((count, keep), -np.inf, np.float32)
    is_right = np.zeros((count, keep), np.bool_)
    for start in range(0, count, batch):
        rows = slice(start, start + batch)
        if distance is None:
            similarity = queries.embedding[rows] @ gallery.embedding.T  # (B, G)
        else:
            similarity = -distance[rows]
        right = queries.person[rows, None] == gallery.person
        same_camera = queries.camera[rows, None] == gallery.camera
        left_out = right & same_camera & (gallery.camera >= 0)
        left_out |= queries.row[rows, None] == gallery.row
        if gap > 0:
            near = np.abs(queries.frame[rows, None] - gallery.frame) <= gap
            left_out |= right & near & (queries.frame[rows, None] >= 0) & (gallery.frame >= 0)
        similarity[left_out] = -np.inf
        ascending = np.sort(similarity, axis=1)
        for row in range(len(similarity)):
            answers = _best_first(similarity[row], right[row], right[row])
            right_rows.append(gallery.row[answers])
            right_ranks.append(_ranks_of(similarity[row, answers], ascending[row]))
            least = ascending[row, -keep] if keep <= ascending.shape[1] else -np.inf
            best = _best_first(similarity[row], right[row], similarity[row] >= least)[:keep]
            ranked[start + row, : len(best)] = gallery.row[best]
            kept[start + row, : len(best)] = similarity[row, best]
            is_right[start + row, : len(best)] = right[row, best]
    return ReidResult(names, tuple(right_ranks), tuple(right_rows), ranked, kept, is_right)


def _reranked(queries: _Side, gallery: _Side, reranking: Reranking) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G); a query that is a gallery picture takes part only once."""
    outside = np.flatnonzero(~np.isin(queries.row, gallery.row))
    place = np.searchsorted(gallery.row, queries.row)
    place[outside] = len(gallery.row) + np.arange(len(outside))
    together = np.concatenate([gallery.embedding, queries.embedding[outside]])
    return k_reciprocal_distance(together, place, np.arange(len(gallery.row)), reranking)


def _best_first(
    similarity: NDArray[np.float32], right: NDArray[np.bool_], among: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Columns of `among` in order: similarity, then wrong before right, then column."""
    candidates = np.flatnonzero(among & (similarity > -np.inf))
    order = np.lexsort((candidates, right[candidates], -similarity[candidates]))
    return candidates[order]


def _ranks_of(right: NDArray[np.float32], ascending: NDArray[np.float32]) -> NDArray[np.int64]:
    """1-based ranks of the right similarities (falling), wrong ones first among equals."""
    at_least = len(ascending) - np.searchsorted(ascending, right, "left")
    right_at_least = len(right) - np.searchsorted(right[::-1], right, "left")
    return at_least - right_at_least + np.arange(1, len(right) + 1)


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
