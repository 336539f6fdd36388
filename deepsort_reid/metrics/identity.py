"""IDF1: how many boxes carry the right id when every person is given one track for good.

Ristani, Solera, Zou, Cucchiara and Tomasi, "Performance measures and a data set for multi-target,
multi-camera tracking", 2016.
"""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from deepsort_reid.metrics.comparison import Comparison

THRESHOLD = 0.5  # IoU from which a predicted box may stand for a truth box


@dataclass(frozen=True)
class IdentityCounts:
    """Counts of one sequence or, added up, of many; ratios are properties in [0, 1]."""

    true_positives: int = 0  # IDTP: boxes under the one right id
    false_negatives: int = 0  # IDFN
    false_positives: int = 0  # IDFP

    def __add__(self, other: "IdentityCounts") -> "IdentityCounts":
        return IdentityCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def idf1(self) -> float:
        wrong = 0.5 * self.false_positives + 0.5 * self.false_negatives
        return self.true_positives / max(1.0, self.true_positives + wrong)

    @property
    def idp(self) -> float:
        return self.true_positives / max(1.0, self.true_positives + self.false_positives)

    @property
    def idr(self) -> float:
        return self.true_positives / max(1.0, self.true_positives + self.false_negatives)


def identity(comparison: Comparison) -> IdentityCounts:
    """Give each person at most one track, so that the most boxes agree, and count."""
    together = len(identity_matches(comparison))
    return IdentityCounts(
        together, len(comparison.truth) - together, len(comparison.predicted) - together
    )


def identity_matches(comparison: Comparison) -> NDArray[np.int64]:
    """Pairs (K',) under the one right id, by their number in the comparison."""
    near = np.flatnonzero(comparison.similarity >= THRESHOLD)
    person = comparison.truth.id.take(comparison.pair_truth.take(near))
    track = comparison.predicted.id.take(comparison.pair_predicted.take(near))
    partner = _partners(person, track, len(comparison.truth.ids))
    agreed: NDArray[np.int64] = near[partner[person] == track]
    return agreed


def _partners(
    person: NDArray[np.int64], track: NDArray[np.int64], n_people: int
) -> NDArray[np.int64]:
    """For each person the track (n_people,), or -1, that together cover most of the pairs (K,).

    People and tracks that share no frame do not compete, so every connected group is solved alone.
    """
    partner = np.full(n_people, -1, dtype=np.int64)
    if len(person) == 0:
        return partner
    people, person = np.unique(person, return_inverse=True)
    tracks, track = np.unique(track, return_inverse=True)
    n = len(people)
    size = n + len(tracks)
    count = coo_array((np.ones(len(person)), (person, n + track)), shape=(size, size)).tocsr()
    n_groups, label = connected_components(count, directed=False)
    order = np.argsort(label, kind="stable")
    for members in np.split(order, np.cumsum(np.bincount(label, minlength=n_groups))[:-1]):
        left, right = members[members < n], members[members >= n]
        rows, columns = linear_sum_assignment(count[left][:, right].toarray(), maximize=True)
        partner[people[left[rows]]] = tracks[right[columns] - n]
    return partner
