"""HOTA: the geometric mean of detection and association accuracy, over 19 IoU thresholds alpha.

J. Luiten, A. Osep, P. Dendorfer, P. Torr, A. Geiger, L. Leal-Taixe, B. Leibe: "HOTA: A Higher Order
Metric for Evaluating Multi-Object Tracking", IJCV 2021. The code uses the paper's symbols: TP, FN
and FP are detections, TPA(c), FNA(c) and FPA(c) are associations of a true positive c, and

    A(c) = TPA(c) / (TPA(c) + FNA(c) + FPA(c))
    DetA = TP / (TP + FN + FP)
    AssA = sum of A(c) over all true positives c / TP
    HOTA = sqrt(DetA * AssA)                            at each alpha, then averaged over alpha
"""

from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.comparison import Comparison, densify
from deepsort_reid.metrics.exact_sums import similarity_sums
from deepsort_reid.metrics.matching import max_weight_matching
from deepsort_reid.metrics.overlaps import EPS

Array = NDArray[np.float64]

THRESHOLDS = np.arange(0.05, 0.99, 0.05)  # alpha, (19,)


def _zeros() -> Array:
    return np.zeros(len(THRESHOLDS))


@dataclass(frozen=True, eq=False)
class HotaCounts:
    """Sums over the matches of one sequence or, added up, of several: (19,) each, one per alpha.

    The ratios are properties, also (19,) and in [0, 1]. The published scores are their means.
    """

    true_positives: Array = field(default_factory=_zeros)
    false_negatives: Array = field(default_factory=_zeros)
    false_positives: Array = field(default_factory=_zeros)
    association: Array = field(default_factory=_zeros)  # sum of A(c) over the true positives
    association_recall: Array = field(default_factory=_zeros)  # sum of TPA / (TPA + FNA)
    association_precision: Array = field(default_factory=_zeros)  # sum of TPA / (TPA + FPA)
    overlap: Array = field(default_factory=_zeros)  # sum of the IoU of the true positives

    def __add__(self, other: "HotaCounts") -> "HotaCounts":
        names = [each.name for each in fields(self)]
        return HotaCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def _per_match(self, total: Array) -> Array:
        return total / np.maximum(1.0, self.true_positives)

    @property
    def deta(self) -> Array:
        """Detection accuracy: TP / (TP + FN + FP)."""
        total = self.true_positives + self.false_negatives + self.false_positives
        return self.true_positives / np.maximum(1.0, total)

    @property
    def detre(self) -> Array:
        """Detection recall: TP / (TP + FN)."""
        return self.true_positives / np.maximum(1.0, self.true_positives + self.false_negatives)

    @property
    def detpr(self) -> Array:
        """Detection precision: TP / (TP + FP)."""
        return self.true_positives / np.maximum(1.0, self.true_positives + self.false_positives)

    @property
    def assa(self) -> Array:
        """Association accuracy: mean over true positives of TPA / (TPA + FNA + FPA)."""
        return self._per_match(self.association)

    @property
    def assre(self) -> Array:
        """Association recall: mean over true positives of TPA / (TPA + FNA)."""
        return self._per_match(self.association_recall)

    @property
    def asspr(self) -> Array:
        """Association precision: mean over true positives of TPA / (TPA + FPA)."""
        return self._per_match(self.association_precision)

    @property
    def loca(self) -> Array:
        """Localisation accuracy: mean IoU of the true positives, 1 if there are none."""
        return np.maximum(1e-10, self.overlap) / np.maximum(1e-10, self.true_positives)

    @property
    def hota(self) -> Array:
        """Geometric mean of `deta` and `assa`."""
        return np.sqrt(self.deta * self.assa)

    @property
    def owta(self) -> Array:
        """Open-world tracking accuracy: HOTA without the penalty for false positives."""
        return np.sqrt(self.detre * self.assa)

    @property
    def hota_0(self) -> float:
        """HOTA at the lowest threshold, where localisation matters least."""
        return float(self.hota[0])

    @property
    def loca_0(self) -> float:
        """Localisation accuracy at the lowest threshold."""
        return float(self.loca[0])

    @property
    def hota_loca_0(self) -> float:
        """HOTA(0) times LocA(0)."""
        return self.hota_0 * self.loca_0


def hota(comparison: Comparison) -> HotaCounts:
    """The HOTA counts of one sequence.

    Boxes are matched once, before any threshold. A match is a true positive at every alpha that
    its IoU reaches.
    """
    matches = _associate(comparison)
    tpa, fna, fpa = matches.associations()  # (C, 19) each
    tp = tpa.sum(axis=0)
    # Every combination has TPA true positives c, and all of them have the same A(c).
    return HotaCounts(
        true_positives=tp,
        false_negatives=len(comparison.truth) - tp,
        false_positives=len(comparison.predicted) - tp,
        association=(tpa**2 / (tpa + fna + fpa)).sum(axis=0),
        association_recall=(tpa**2 / (tpa + fna)).sum(axis=0),
        association_precision=(tpa**2 / (tpa + fpa)).sum(axis=0),
        overlap=_overlap_sums(matches.num_thresholds, comparison.similarity[matches.pairs]),
    )


def association_of_matches(comparison: Comparison) -> tuple[NDArray[np.int64], Array, Array]:
    """What each of the M matches adds to the counts.

    Returns its ground-truth row (M,), whether it is a true positive (M, 19), and its A(c) where
    it is one, else 0 (M, 19).
    """
    matches = _associate(comparison)
    tpa, fna, fpa = matches.associations()
    is_tp = (matches.num_thresholds[:, None] > np.arange(len(THRESHOLDS))).astype(np.float64)
    a = tpa / (tpa + fna + fpa)  # A(c), (C, 19)
    return comparison.pair_truth[matches.pairs], is_tp, is_tp * a[matches.combination]


class _Matches(NamedTuple):
    """M matched pairs, between C combinations of a ground-truth id and a predicted id."""

    pairs: NDArray[np.int64]  # (M,) index of the pair in the comparison
    num_thresholds: NDArray[np.intp]  # (M,) how many thresholds its IoU reaches, always the lowest
    combination: NDArray[np.int64]  # (M,) 0..C - 1
    match_count: Array  # (C, 19) matches of the combination that reach each threshold
    gt_count: Array  # (C, 1) boxes of the ground-truth id
    track_count: Array  # (C, 1) boxes of the predicted id

    def associations(self) -> tuple[Array, Array, Array]:
        """TPA, FNA and FPA of each combination: (C, 19) each."""
        tpa = self.match_count
        return tpa, self.gt_count - tpa, self.track_count - tpa


def _associate(comparison: Comparison) -> _Matches:
    """Match the boxes, and count how often each two ids are matched."""
    pairs = hota_matches(comparison)
    num_thresholds = np.searchsorted(THRESHOLDS - EPS, comparison.similarity[pairs], side="right")
    gt_id, track_id, combination = _combinations(comparison, pairs)
    return _Matches(
        pairs,
        num_thresholds,
        combination,
        _counts_by_threshold(num_thresholds, combination, len(gt_id)),
        np.bincount(comparison.truth.id)[gt_id][:, None].astype(np.float64),
        np.bincount(comparison.predicted.id)[track_id][:, None].astype(np.float64),
    )


def hota_matches(comparison: Comparison) -> NDArray[np.int64]:
    """The pairs (M,) that HOTA matches, as ascending indices into the comparison.

    In each frame the matching maximises the sum of global alignment score times IoU.
    """
    score = global_alignment_score(comparison) * comparison.similarity
    return np.flatnonzero(max_weight_matching(comparison, score))


def global_alignment_score(comparison: Comparison) -> Array:
    """How well the two ids of each pair (K,) fit over the whole sequence, in (0, 1].

    This is a Jaccard index of two trajectories: the frames in which both ids overlap, divided by
    the frames in which either exists. A frame counts by the IoU of the two boxes divided by the
    IoU of either box with all boxes of the other side, so it counts less in a crowd.
    """
    similarity = comparison.similarity
    row, column = comparison.pair_truth, comparison.pair_predicted
    gt_id, track_id, combination = _combinations(comparison, slice(None))
    row_sum, column_sum = similarity_sums(comparison)
    alignment = column_sum.take(column)
    alignment += row_sum.take(row)
    alignment -= similarity
    negligible = alignment <= EPS
    np.divide(similarity, alignment, out=alignment)  # never by zero: both sums hold the similarity
    alignment[negligible] = 0.0
    common = np.bincount(combination, weights=alignment)
    gt_count = np.bincount(comparison.truth.id)[gt_id]
    track_count = np.bincount(comparison.predicted.id)[track_id]
    score: Array = (common / (gt_count + track_count - common)).take(combination)
    return score


def _combinations(
    comparison: Comparison, pairs: NDArray[np.int64] | slice
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The C distinct combinations of ids among K pairs.

    Returns the ground-truth id (C,), the predicted id (C,) and the combination of each pair (K,).
    """
    n_tracks = max(1, len(comparison.predicted.ids))
    key = comparison.truth.id.take(comparison.pair_truth[pairs])
    key *= n_tracks
    key += comparison.predicted.id.take(comparison.pair_predicted[pairs])
    distinct, combination = densify(key)
    return distinct // n_tracks, distinct % n_tracks, combination


def _counts_by_threshold(
    num_thresholds: NDArray[np.intp], group: NDArray[np.int64], n_groups: int
) -> Array:
    """How many members of each group reach each threshold: (M,), (M,) -> (n_groups, 19)."""
    width = len(THRESHOLDS) + 1
    count = np.bincount(group * width + num_thresholds, minlength=n_groups * width)
    count = count.reshape(n_groups, width)
    return np.cumsum(count[:, ::-1], axis=1)[:, ::-1][:, 1:].astype(np.float64)


def _overlap_sums(num_thresholds: NDArray[np.intp], iou: Array) -> Array:
    """Sum of the IoU of the matches that reach each threshold: (M,), (M,) -> (19,)."""
    by_count = np.bincount(num_thresholds, weights=iou, minlength=len(THRESHOLDS) + 1)
    return np.cumsum(by_count[::-1])[::-1][1:].astype(np.float64)
