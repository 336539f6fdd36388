"""What a ranking of queries comes to: CMC, mAP, mINP, over all and person by person."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ReidResult:
    """Rankings of Q queries; scores are averages over the queries that have a right answer.

    Rows of `ranked` are the first K gallery rows in the caller's numbering, -1 where the gallery
    ended. `correct_ranks[q]` holds the 1-based ranks of all right answers, rising, at any
    depth; it is empty for a query without one, which counts in no average.
    """

    identity: NDArray[np.str_]  # (Q,)
    correct_ranks: tuple[NDArray[np.int64], ...]  # Q arrays (answers,)
    correct_rows: tuple[NDArray[np.int64], ...]  # the gallery rows that stand at these ranks
    ranked: NDArray[np.int64]  # (Q, K)
    similarity: NDArray[np.float32]  # (Q, K) cosine; minus the distance after re-ranking
    correct: NDArray[np.bool_]  # (Q, K)

    @cached_property
    def matched_queries(self) -> NDArray[np.int64]:
        """Rows of the queries that have at least one right answer in the gallery."""
        return np.flatnonzero([len(ranks) > 0 for ranks in self.correct_ranks])

    @property
    def without_match(self) -> int:
        """How many queries have no right answer in the gallery."""
        return len(self.correct_ranks) - len(self.matched_queries)

    @cached_property
    def first_rank(self) -> NDArray[np.int64]:
        """(Q,) rank of the best right answer, 1 at best; 0 where there is none."""
        return np.array([ranks[0] if len(ranks) else 0 for ranks in self.correct_ranks], np.int64)

    @cached_property
    def average_precision(self) -> NDArray[np.float64]:
        """(Q,) mean of the precision at each right answer; nan where there is none."""
        return np.array(
            [
                np.mean(np.arange(1, len(ranks) + 1) / ranks) if len(ranks) else np.nan
                for ranks in self.correct_ranks
            ]
        )

    @cached_property
    def inverse_penalty(self) -> NDArray[np.float64]:
        """(Q,) right answers / rank of the last one (Ye et al. 2021, eq. 3); nan without any."""
        return np.array(
            [len(ranks) / ranks[-1] if len(ranks) else np.nan for ranks in self.correct_ranks]
        )

    @cached_property
    def cmc(self) -> NDArray[np.float64]:
        """(K + 1,): `cmc[k]` is the share of queries with a right answer in the first k."""
        return cumulative_match(self.first_rank[self.matched_queries], self.ranked.shape[1])

    @property
    def mean_average_precision(self) -> float:
        """The mAP, in [0, 1]."""
        return float(np.mean(self.average_precision[self.matched_queries]))

    @property
    def mean_inverse_penalty(self) -> float:
        """The mINP, in [0, 1]: how deep the last right answer lies."""
        return float(np.mean(self.inverse_penalty[self.matched_queries]))

    @cached_property
    def per_identity(self) -> tuple["IdentityScores", ...]:
        """The same scores person by person, in order of name."""
        names = self.identity[self.matched_queries]
        return tuple(
            self._of_identity(name, self.matched_queries[names == name])
            for name in sorted_names(names)
        )

    def precision_at(self, recall: NDArray[np.float64]) -> NDArray[np.float64]:
        """Precision at each `recall` (R,) in [0, 1], averaged over queries: (R,).

        Interpolated: the best precision at that recall or any higher one.
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
    """Scores of one person's queries."""

    identity: str
    queries: int
    cmc: NDArray[np.float64]  # (K + 1,)
    mean_average_precision: float
    mean_inverse_penalty: float


def cumulative_match(first_rank: NDArray[np.int64], ranks: int) -> NDArray[np.float64]:
    """Share of queries matched_queries within the first k, for k from 0: (ranks + 1,)."""
    counts = np.bincount(np.minimum(first_rank, ranks + 1), minlength=ranks + 2)
    return np.cumsum(counts[: ranks + 1]) / max(len(first_rank), 1)


def sorted_names(names: NDArray[np.str_]) -> Sequence[str]:
    """The distinct names in order; numbers by value, not by their first digit."""
    return sorted({str(name) for name in names}, key=lambda name: (len(name), name))
