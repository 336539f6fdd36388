"""Result of a ReID evaluation: rankings, CMC, mAP and mINP, in total and per identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ReidResult:
    """Rankings of Q queries; scores are averages over the queries with a correct match.

    A correct match is a gallery image of the query's identity that counts under the protocol.
    Queries without one enter no average.
    """

    identity: NDArray[np.str_]  # (Q,)
    correct_ranks: tuple[NDArray[np.int64], ...]  # Q arrays of all 1-based ranks, ascending
    correct_rows: tuple[NDArray[np.int64], ...]  # the gallery rows at these ranks
    ranked: NDArray[np.int64]  # (Q, K) gallery rows by rank; -1 beyond the end of the gallery
    similarity: NDArray[np.float32]  # (Q, K) cosine; after re-ranking the negative distance
    correct: NDArray[np.bool_]  # (Q, K) same identity as the query

    @cached_property
    def matched_queries(self) -> NDArray[np.int64]:
        """Rows of the queries that have at least one correct match in the gallery."""
        return np.flatnonzero([len(ranks) > 0 for ranks in self.correct_ranks])

    @property
    def without_match(self) -> int:
        """Number of queries without a correct match in the gallery."""
        return len(self.correct_ranks) - len(self.matched_queries)

    @cached_property
    def first_rank(self) -> NDArray[np.int64]:
        """(Q,) rank of the first correct match, from 1; 0 where there is none."""
        return np.array([ranks[0] if len(ranks) else 0 for ranks in self.correct_ranks], np.int64)

    @cached_property
    def average_precision(self) -> NDArray[np.float64]:
        """(Q,) average precision: mean of the precision at each correct match; nan without one."""
        return np.array(
            [
                np.mean(np.arange(1, len(ranks) + 1) / ranks) if len(ranks) else np.nan
                for ranks in self.correct_ranks
            ]
        )

    @cached_property
    def inverse_penalty(self) -> NDArray[np.float64]:
        """(Q,) inverse negative penalty: number of correct matches / rank of the last one.

        Ye et al. 2021, equation 3; nan without a correct match.
        """
        return np.array(
            [len(ranks) / ranks[-1] if len(ranks) else np.nan for ranks in self.correct_ranks]
        )

    @cached_property
    def cmc(self) -> NDArray[np.float64]:
        """(K + 1,) CMC: `cmc[k]` is the share of queries with a correct match in the first k."""
        return cumulative_match(self.first_rank[self.matched_queries], self.ranked.shape[1])

    @property
    def mean_average_precision(self) -> float:
        """mAP, in [0, 1]."""
        return float(np.mean(self.average_precision[self.matched_queries]))

    @property
    def mean_inverse_penalty(self) -> float:
        """mINP, in [0, 1]: higher where the last correct match of a query has a better rank."""
        return float(np.mean(self.inverse_penalty[self.matched_queries]))

    @cached_property
    def per_identity(self) -> tuple["IdentityScores", ...]:
        """Scores of each identity, sorted by name."""
        names = self.identity[self.matched_queries]
        return tuple(
            self._of_identity(name, self.matched_queries[names == name])
            for name in sorted_names(names)
        )

    def precision_at(self, recall: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolated precision at each `recall` (R,) in [0, 1], averaged over queries: (R,).

        The interpolated precision is the highest at that recall or any higher one.
        """
        total = np.zeros(len(recall))
        for row in self.matched_queries:
            ranks = self.correct_ranks[row]
            precision = np.arange(1, len(ranks) + 1) / ranks
            best = np.maximum.accumulate(precision[::-1])[::-1]
            total += best[np.maximum(np.ceil(recall * len(ranks) - 1e-9).astype(int) - 1, 0)]
        return total / len(self.matched_queries)

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
    """Scores of the queries of one identity."""

    identity: str
    queries: int
    cmc: NDArray[np.float64]  # (K + 1,)
    mean_average_precision: float
    mean_inverse_penalty: float


def cumulative_match(first_rank: NDArray[np.int64], ranks: int) -> NDArray[np.float64]:
    """CMC from first ranks: share of queries matched within the first k, k = 0..ranks.

    first_rank: (Q,) from 1. Returns (ranks + 1,).
    """
    counts = np.bincount(np.minimum(first_rank, ranks + 1), minlength=ranks + 2)
    return np.cumsum(counts[: ranks + 1]) / max(len(first_rank), 1)


def sorted_names(names: NDArray[np.str_]) -> Sequence[str]:
    """Distinct names sorted by length, then alphabetically, so that p9 comes before p10."""
    return sorted({str(name) for name in names}, key=lambda name: (len(name), name))
