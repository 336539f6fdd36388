"""IDF1: the boxes with the correct id under the best one-to-one mapping of trajectories.

E. Ristani, F. Solera, R. Zou, R. Cucchiara, C. Tomasi: "Performance Measures and a Data Set for
Multi-Target, Multi-Camera Tracking", ECCV workshops 2016.
"""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from deepsort_reid.metrics.comparison import Comparison

THRESHOLD = 0.5  # minimum IoU of a match


@dataclass(frozen=True)
class IdentityCounts:
    """Counts of one sequence or, added up, of several. Ratios are properties in [0, 1]."""

    true_positives: int = 0  # IDTP: matched boxes whose ids are mapped to each other
    false_negatives: int = 0  # IDFN: other ground-truth boxes
    false_positives: int = 0  # IDFP: other predicted boxes

    def __add__(self, other: "IdentityCounts") -> "IdentityCounts":
        return IdentityCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def idf1(self) -> float:
        """Harmonic mean of `idp` and `idr`."""
        errors = 0.5 * self.false_positives + 0.5 * self.false_negatives
        return self.true_positives / max(1.0, self.true_positives + errors)

    @property
    def idp(self) -> float:
        """Identification precision: IDTP / (IDTP + IDFP)."""
        return self.true_positives / max(1.0, self.true_positives + self.false_positives)

    @property
    def idr(self) -> float:
        """Identification recall: IDTP / (IDTP + IDFN)."""
        return self.true_positives / max(1.0, self.true_positives + self.false_negatives)


def identity(comparison: Comparison) -> IdentityCounts:
    """The identity counts of one sequence."""
    matches = len(identity_matches(comparison))
    return IdentityCounts(
        matches, len(comparison.truth) - matches, len(comparison.predicted) - matches
    )


def identity_matches(comparison: Comparison) -> NDArray[np.int64]:
    """The pairs (K',) whose ids are mapped to each other, as indices into the comparison."""
    candidates = np.flatnonzero(comparison.similarity >= THRESHOLD)
    gt_id = comparison.truth.id.take(comparison.pair_truth.take(candidates))
    track_id = comparison.predicted.id.take(comparison.pair_predicted.take(candidates))
    track_of_gt = _map_ids(gt_id, track_id, len(comparison.truth.ids))
    matches: NDArray[np.int64] = candidates[track_of_gt[gt_id] == track_id]
    return matches


def _map_ids(
    gt_id: NDArray[np.int64], track_id: NDArray[np.int64], n_gt_ids: int
) -> NDArray[np.int64]:
    """The one-to-one mapping of ids that keeps most of K pairs: (K,), (K,) -> (n_gt_ids,).

    Holds the track id of each ground-truth id, -1 for none. Ids that are not connected by pairs do
    not compete, so every connected component is solved separately.
    """
    track_of_gt = np.full(n_gt_ids, -1, dtype=np.int64)
    if len(gt_id) == 0:
        return track_of_gt
    gt_ids, row = np.unique(gt_id, return_inverse=True)
    track_ids, column = np.unique(track_id, return_inverse=True)
    n = len(gt_ids)
    size = n + len(track_ids)
    count = coo_array((np.ones(len(row)), (row, n + column)), shape=(size, size)).tocsr()
    n_components, component = connected_components(count, directed=False)
    order = np.argsort(component, kind="stable")
    ends = np.cumsum(np.bincount(component, minlength=n_components))[:-1]
    for members in np.split(order, ends):
        left, right = members[members < n], members[members >= n]
        rows, columns = linear_sum_assignment(count[left][:, right].toarray(), maximize=True)
        track_of_gt[gt_ids[left[rows]]] = track_ids[right[columns] - n]
    return track_of_gt
