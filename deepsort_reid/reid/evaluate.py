"""How well embeddings find people again: CMC, mAP and mINP under the Market-1501 protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.reid.data import JUNK
from deepsort_reid.reid.rerank import Reranking, k_reciprocal_distance


@dataclass(frozen=True, eq=False)
class ReidResult:
    """Rankings of Q queries; scores are averages over the queries that have a right answer.

    Rows of `ranked` are the first K gallery rows in the caller's numbering, -1 where the gallery
    ended. `right_ranks[q]` holds the 1-based ranks of all right answers, rising, however deep they
    lie; it is empty for a query without one, which counts in no average.
    """

    identity: NDArray[np.str_]  # (Q,)
    right_ranks: tuple[NDArray[np.int64], ...]  # Q arrays (answers,)
    right_rows: tuple[NDArray[np.int64], ...]  # the gallery rows that stand at these ranks
    ranked: NDArray[np.int64]  # (Q, K)
    similarity: NDArray[np.float32]  # (Q, K) cosine; minus the distance after re-ranking
    right: NDArray[np.bool_]  # (Q, K)

    @cached_property
    def answered(self) -> NDArray[np.int64]:
        """Rows of the queries that have at least one right answer in the gallery."""
        return np.flatnonzero([len(ranks) > 0 for ranks in self.right_ranks])

    @property
    def unanswerable(self) -> int:
        """How many queries have no right answer in the gallery."""
        return len(self.right_ranks) - len(self.answered)

    @cached_property
    def first_rank(self) -> NDArray[np.int64]:
        """(Q,) rank of the best right answer, 1 at best; 0 where there is none."""
        return np.array([ranks[0] if len(ranks) else 0 for ranks in self.right_ranks], np.int64)

    @cached_property
    def average_precision(self) -> NDArray[np.float64]:
        """(Q,) mean of the precision at each right answer; nan where there is none."""
        return np.array(
            [
                np.mean(np.arange(1, len(ranks) + 1) / ranks) if len(ranks) else np.nan
                for ranks in self.right_ranks
            ]
        )

    @cached_property
    def inverse_penalty(self) -> NDArray[np.float64]:
        """(Q,) right answers / rank of the last one (Ye et al. 2021, eq. 3); nan without any."""
        return np.array(
            [len(ranks) / ranks[-1] if len(ranks) else np.nan for ranks in self.right_ranks]
        )

    @cached_property
    def cmc(self) -> NDArray[np.float64]:
        """(K + 1,): `cmc[k]` is the share of queries with a right answer in the first k."""
        return cumulative_match(self.first_rank[self.answered], self.ranked.shape[1])

    @property
    def mean_average_precision(self) -> float:
        """The mAP, in [0, 1]."""
        return float(np.mean(self.average_precision[self.answered]))

    @property
    def mean_inverse_penalty(self) -> float:
        """The mINP, in [0, 1]: how deep the last right answer lies."""
        return float(np.mean(self.inverse_penalty[self.answered]))

    @cached_property
    def per_identity(self) -> tuple["IdentityScores", ...]:
        """The same scores person by person, in order of name."""
        names = self.identity[self.answered]
        return tuple(
            self._of_identity(name, self.answered[names == name]) for name in set_of(names)
        )

    def precision_at(self, recall: NDArray[np.float64]) -> NDArray[np.float64]:
        """Precision at each `recall` (R,) in [0, 1], averaged over queries: (R,).

        Interpolated: the best precision at that recall or any higher one.
        """
        total = np.zeros(len(recall))
        for row in self.answered:
            ranks = self.right_ranks[row]
            precision = np.arange(1, len(ranks) + 1) / ranks
            best = np.maximum.accumulate(precision[::-1])[::-1]
            total += best[np.maximum(np.ceil(recall * len(ranks) - 1e-9).astype(int) - 1, 0)]
        return total / len(self.answered)

    def _of_identity(self, name: str, rows: NDArray[np.int64]) -> "IdentityScores":
        return IdentityScores(
            str(name),
            len(rows),
            cumulative_match(self.first_rank[rows], self.ranked.shape[1]),
            float(np.mean(self.average_precision[rows])),
            float(np.mean(self.inverse_penalty[rows])),
        )


@dataclass(frozen=True, eq=False)
class IdentityScores:
    """Scores of one person's queries."""

    identity: str
    queries: int
    cmc: NDArray[np.float64]  # (K + 1,)
    mean_average_precision: float
    mean_inverse_penalty: float


def evaluate_reid(
    query_embedding: ArrayLike,
    query_identity: ArrayLike,
    query_camera: ArrayLike,
    gallery_embedding: ArrayLike,
    gallery_identity: ArrayLike,
    gallery_camera: ArrayLike,
    *,
    query_row: ArrayLike | None = None,
    keep: int = 50,
    batch: int = 256,
    reranking: Reranking | None = None,
) -> ReidResult:
    """Rank the gallery for each query by cosine similarity and count where the right ones stand.

    Embeddings are (Q, D) and (G, D) of any length; identities (Q,), (G,) strings or integers;
    cameras (Q,), (G,) integers, negative where unknown. Market-1501 protocol (Zheng et al. 2015):
    pictures of the asked person from the asking camera are left out, junk ("-1") is ignored,
    distractors count as wrong answers. `query_row` (Q,) names the gallery row that is the query
    itself, -1 for none; it is left out. Among equal similarities the wrong answers come first: an
    embedding that is the same for everybody earns nothing.

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
    _check_lengths("query", len(query), names, query_camera, itself)
    _check_lengths("gallery", len(gallery), all_gallery_names, all_gallery_camera)

    columns = np.flatnonzero(all_gallery_names != JUNK)
    # Comparing numbers is a hundred times cheaper than comparing names.
    both = np.concatenate([names, all_gallery_names[columns]])
    code = np.unique(both, return_inverse=True)[1]
    queries = _Side(query, code[: len(names)], query_camera, itself)
    answers = _Side(gallery[columns], code[len(names) :], all_gallery_camera[columns], columns)
    result = _rank(names, queries, answers, keep, batch, reranking)
    if len(result.answered) == 0:
        raise ValueError(
            f"none of {len(query)} queries has a right answer among {len(columns)} gallery images: "
            "a person needs two images, from two cameras where cameras are known"
        )
    return result


def evaluate_each_against_all(
    embedding: ArrayLike,
    identity: ArrayLike,
    *,
    queries: ArrayLike | None = None,
    camera: ArrayLike | None = None,
    keep: int = 50,
    reranking: Reranking | None = None,
) -> ReidResult:
    """Every image (or the rows in `queries`) once as the query against all other images.

    For data without cameras: embedding (N, D), identity (N,). With `camera` (N,) the pictures of
    the same person from the same camera are left out as well. `ranked` holds rows of `embedding`.
    """
    embedding, identity = np.asarray(embedding), np.asarray(identity)
    seen_by = np.full(len(embedding), -1) if camera is None else np.asarray(camera)
    rows = np.arange(len(embedding)) if queries is None else np.asarray(queries)
    return evaluate_reid(
        embedding[rows],
        identity[rows],
        seen_by[rows],
        embedding,
        identity,
        seen_by,
        query_row=rows,
        keep=keep,
        reranking=reranking,
    )


def cumulative_match(first_rank: NDArray[np.int64], ranks: int) -> NDArray[np.float64]:
    """Share of queries answered within the first k, for k from 0: (ranks + 1,)."""
    counts = np.bincount(np.minimum(first_rank, ranks + 1), minlength=ranks + 2)
    return np.cumsum(counts[: ranks + 1]) / max(len(first_rank), 1)


def set_of(names: NDArray[np.str_]) -> Sequence[str]:
    """The distinct names in order; numbers by value, not by their first digit."""
    return sorted({str(name) for name in names}, key=lambda name: (len(name), name))


@dataclass(frozen=True, eq=False)
class _Side:
    """Queries or gallery: unit rows (N, D), and (N,) of each."""

    embedding: NDArray[np.float32]
    person: NDArray[np.int64]
    camera: NDArray[np.int64]
    row: NDArray[np.int64]  # of the caller's gallery; -1 for a query that is not in it


def _rank(
    names: NDArray[np.str_],
    queries: _Side,
    gallery: _Side,
    keep: int,
    batch: int,
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
        similarity[left_out] = -np.inf
        right &= ~left_out
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
