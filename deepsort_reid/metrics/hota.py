"""HOTA: detection and association in balance, over nineteen thresholds of overlap.

Luiten, Osep, Dendorfer, Torr, Geiger, Leal-Taixe and Leibe, "HOTA: a higher order metric for
evaluating multi-object tracking", IJCV 2021.
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
    """Sums of one sequence or, added up, of many: one value per threshold, all (19,).

    Ratios are properties, also (19,) and in [0, 1]; the published numbers are their means.
    """

    true_positives: Array = field(default_factory=_zeros)
    false_negatives: Array = field(default_factory=_zeros)
    false_positives: Array = field(default_factory=_zeros)
    association: Array = field(default_factory=_zeros)  # sum of A(c) over true positives, eq. 15
    association_recall: Array = field(default_factory=_zeros)
    association_precision: Array = field(default_factory=_zeros)
    overlap: Array = field(default_factory=_zeros)  # sum of IoU over true positives

    def __add__(self, other: "HotaCounts") -> "HotaCounts":
        names = [each.name for each in fields(self)]
        return HotaCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def _per_match(self, total: Array) -> Array:
        return total / np.maximum(1.0, self.true_positives)

    @property
    def deta(self) -> Array:
        """Detection accuracy: TP / (TP + FN + FP)."""
        every = self.true_positives + self.false_negatives + self.false_positives
        return self.true_positives / np.maximum(1.0, every)

    @property
    def detre(self) -> Array:
        return self.true_positives / np.maximum(1.0, self.true_positives + self.false_negatives)

    @property
    def detpr(self) -> Array:
        return self.true_positives / np.maximum(1.0, self.true_positives + self.false_positives)

    @property
    def assa(self) -> Array:
        """Association accuracy: mean over true positives of TPA / (TPA + FNA + FPA)."""
        return self._per_match(self.association)

    @property
    def assre(self) -> Array:
        return self._per_match(self.association_recall)

    @property
    def asspr(self) -> Array:
        return self._per_match(self.association_precision)

    @property
    def loca(self) -> Array:
        """Mean IoU of the true positives; 1 where there is none."""
        return np.maximum(1e-10, self.overlap) / np.maximum(1e-10, self.true_positives)

    @property
    def hota(self) -> Array:
        return np.sqrt(self.deta * self.assa)

    @property
    def owta(self) -> Array:
        """HOTA in which false positives do not count (open world)."""
        return np.sqrt(self.detre * self.assa)

    @property
    def hota_0(self) -> float:
        """HOTA at the lowest threshold: localisation hardly matters."""
        return float(self.hota[0])

    @property
    def loca_0(self) -> float:
        return float(self.loca[0])

    @property
    def hota_loca_0(self) -> float:
        return self.hota_0 * self.loca_0


def hota(comparison: Comparison) -> HotaCounts:
    """Match every frame once by overlap and by how well the ids fit overall, then count."""
    matched = _matched(comparison)
    together, of_person, of_track = matched.together, matched.of_person, matched.of_track
    hits = together.sum(axis=0)
    similarity = comparison.similarity[matched.pairs]
    at_level = np.bincount(matched.level, weights=similarity, minlength=len(THRESHOLDS) + 1)
    overlap = np.cumsum(at_level[::-1])[::-1][1:]
    return HotaCounts(
        true_positives=hits,
        false_negatives=len(comparison.truth) - hits,
        false_positives=len(comparison.predicted) - hits,
        association=(together**2 / (of_person + of_track - together)).sum(axis=0),
        association_recall=(together**2 / of_person).sum(axis=0),
        association_precision=(together**2 / of_track).sum(axis=0),
        overlap=overlap.astype(np.float64),
    )


def association_of_matches(comparison: Comparison) -> tuple[NDArray[np.int64], Array, Array]:
    """What each match adds: its truth row (M,), whether it counts (M, 19), and A(c) (M, 19)."""
    matched = _matched(comparison)
    counts = (matched.level[:, None] > np.arange(len(THRESHOLDS))).astype(np.float64)
    quality = matched.together / (matched.of_person + matched.of_track - matched.together)
    return comparison.pair_truth[matched.pairs], counts, counts * quality[matched.combination]


class _Matched(NamedTuple):
    """M matches of C combinations of a person and a track."""

    pairs: NDArray[np.int64]  # (M,) number in the comparison
    level: NDArray[np.intp]  # (M,) how many thresholds it passes: always the first ones
    combination: NDArray[np.int64]  # (M,)
    together: Array  # (C, 19) matches at each threshold
    of_person: Array  # (C, 1) boxes of the person
    of_track: Array  # (C, 1) boxes of the track


def _matched(comparison: Comparison) -> _Matched:
    pairs = hota_matches(comparison)
    level = np.searchsorted(THRESHOLDS - EPS, comparison.similarity[pairs], side="right")
    person, track, combination = _combinations(comparison, pairs)
    return _Matched(
        pairs,
        level,
        combination,
        _at_least(level, combination, len(person)),
        np.bincount(comparison.truth.id)[person][:, None].astype(np.float64),
        np.bincount(comparison.predicted.id)[track][:, None].astype(np.float64),
    )


def hota_matches(comparison: Comparison) -> NDArray[np.int64]:
    """Pairs (K',) that HOTA matches before any threshold, by their number in the comparison."""
    return np.flatnonzero(
        max_weight_matching(comparison, global_alignment_score(comparison) * comparison.similarity)
    )


def global_alignment_score(comparison: Comparison) -> Array:
    """For each pair (K,) how well its two ids fit over the whole sequence, in (0, 1].

    The frames two ids could share, each weighted by how little else overlaps there, over the
    frames either of them has: the Jaccard index of the two tracks (Luiten et al. 2021, 4.3).
    """
    similarity = comparison.similarity
    row, column = comparison.pair_truth, comparison.pair_predicted
    person, track, combination = _combinations(comparison, slice(None))
    by_row, by_column = similarity_sums(comparison)
    fit = by_column.take(column)
    fit += by_row.take(row)
    fit -= similarity
    tiny = fit <= EPS
    np.divide(similarity, fit, out=fit)  # never by zero: an overlap is part of its own sums
    fit[tiny] = 0.0
    shared = np.bincount(combination, weights=fit)
    of_person = np.bincount(comparison.truth.id)[person]
    of_track = np.bincount(comparison.predicted.id)[track]
    score: Array = (shared / (of_person + of_track - shared)).take(combination)
    return score


def _combinations(
    comparison: Comparison, pairs: NDArray[np.int64] | slice
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The C distinct (person, track) among pairs: ids (C,), (C,), and which one each pair is."""
    n_tracks = max(1, len(comparison.predicted.ids))
    key = comparison.truth.id.take(comparison.pair_truth[pairs])
    key *= n_tracks
    key += comparison.predicted.id.take(comparison.pair_predicted[pairs])
    distinct, combination = densify(key)
    return distinct // n_tracks, distinct % n_tracks, combination


def _at_least(level: NDArray[np.intp], group: NDArray[np.intp], groups: int) -> Array:
    """How many members of each group reach each threshold: (K,), (K,) -> (groups, 19)."""
    width = len(THRESHOLDS) + 1
    count = np.bincount(group * width + level, minlength=groups * width).reshape(groups, width)
    return np.cumsum(count[:, ::-1], axis=1)[:, ::-1][:, 1:].astype(np.float64)
