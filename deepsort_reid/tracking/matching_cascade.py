"""Matching cascade: DeepSORT's association as published (Wojke et al. 2017, section 2.4)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import (
    AllowedPairs,
    Matching,
    assign,
    joined,
    matching_cascade,
    matching_from_pairs,
)
from deepsort_reid.tracking.association import AssociationInput, PairScores
from deepsort_reid.tracking.costs import forbid, fuse
from deepsort_reid.tracking.kalman import GATE_95, POSITION
from deepsort_reid.tracking.near_pairs import EVERYWHERE
from deepsort_reid.tracking.settings import require_finite, require_in_range, require_positive

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class MatchingCascade:
    """Association by appearance with a motion gate, recent tracks first; then by IoU.

    Attributes:
        max_cosine_distance: maximum cosine distance of a match by appearance.
        max_iou_distance: maximum 1 - IoU of a match by IoU.
        gating_threshold: maximum squared Mahalanobis distance of a match by appearance.
        motion_weight: weight of motion in the fused cost, in [0, 1] (eq. 5).

    Raises ValueError when a limit is not finite, `gating_threshold` is not above 0, or
    `motion_weight` is outside [0, 1].
    """

    max_cosine_distance: float = 0.2
    max_iou_distance: float = 0.7
    gating_threshold: float = GATE_95[4]
    motion_weight: float = 0.0

    def __post_init__(self) -> None:
        require_finite(self, "max_cosine_distance", "max_iou_distance", "gating_threshold")
        require_positive(self, "gating_threshold")
        require_in_range(self, "motion_weight", 0, 1)

    def __call__(self, inputs: AssociationInput) -> Matching:
        """Pairs of table rows and detection rows, and the unmatched rows."""
        table = inputs.table
        by_appearance, by_iou = self._allowed_pairs(inputs)
        confirmed = ~table.is_tentative
        first = matching_cascade(by_appearance.select(confirmed[by_appearance.row]), table.misses)
        second = assign(by_iou.without(first.pairs))
        pairs = np.concatenate([first.pairs, second.pairs])
        return matching_from_pairs(pairs, inputs.forbidden.shape)

    def score_pairs(self, inputs: AssociationInput) -> PairScores:
        """Scores of all pairs, for explanations; slower than a call."""
        table, forbidden = inputs.table, inputs.forbidden
        row, column = inputs.all_pairs()
        pair_motion = self._squared_mahalanobis(inputs, row, column)
        pair_comparable = inputs.both_have_embedding(row, column)
        pair_appearance, pair_cost = np.full(len(row), np.nan), np.full(len(row), np.inf)
        compared = (pair_comparable & ~forbidden.ravel()).nonzero()[0]
        pair_appearance[compared] = self._distance(inputs, row[compared], column[compared])
        gated = compared[pair_motion[compared] <= self.gating_threshold]
        pair_cost[gated] = self._cost(pair_motion[gated], pair_appearance[gated])
        pair_iou = inputs.iou(inputs.predicted_xyxy(), row, column)
        motion, appearance, cost, iou = (
            each.reshape(forbidden.shape)
            for each in (pair_motion, pair_appearance, pair_cost, 1 - pair_iou)
        )
        comparable = pair_comparable.reshape(forbidden.shape)
        # The second stage matches by IoU: recent tracks, and pairs without appearance.
        by_iou = (~table.is_coasting[:, None] | ~comparable) & (iou <= self.max_iou_distance)
        rejected = forbidden | ~(np.isfinite(cost) | by_iou)
        outside_gate = forbidden | ~comparable | (motion > self.gating_threshold)
        return PairScores(
            motion=motion,
            appearance=appearance,
            total=cost,
            threshold=self.max_cosine_distance,
            higher_is_better=False,
            rejected_by_motion=rejected & outside_gate,
            rejected_by_appearance=rejected & ~outside_gate,
        )

    def _allowed_pairs(self, inputs: AssociationInput) -> tuple[AllowedPairs, AllowedPairs]:
        """Pairs by appearance with the motion gate, and pairs by 1 - IoU."""
        shape, predicted = inputs.forbidden.shape, inputs.predicted_xyxy()
        coasting = inputs.table.is_coasting
        by_appearance, by_iou = [], []
        for row, column in inputs.near_pairs(self._regions(inputs, predicted)):
            comparable = inputs.both_have_embedding(row, column)
            motion = self._squared_mahalanobis(inputs, row, column)
            # The gate first: comparing galleries is by far the most expensive step.
            gated = comparable & (motion <= self.gating_threshold)
            rows, columns = row.compress(gated), column.compress(gated)
            cost = self._cost(motion.compress(gated), self._distance(inputs, rows, columns))
            by_appearance.append(
                AllowedPairs.of(rows, columns, cost, shape, self.max_cosine_distance)
            )
            # By IoU: tentative tracks, and tracks matched at the last update, however many frames
            # ago that was. A coasting track only where appearance cannot be compared.
            cost = 1 - inputs.iou(predicted, row, column)
            cost = forbid(cost, coasting.take(row) & comparable)
            by_iou.append(AllowedPairs.of(row, column, cost, shape, self.max_iou_distance))
        return joined(by_appearance), joined(by_iou)

    def _regions(self, inputs: AssociationInput, predicted_xyxy: Array) -> Array:
        """Boxes (N, 4) that a detection must touch to be matched to each track.

        predicted_xyxy: boxes (N, 4) of the tracks.
        """
        regions, motion = predicted_xyxy.copy(), inputs.table.motion
        if self.max_iou_distance >= 1:
            regions[:] = EVERYWHERE
        variance = kalman.innovation_variance(inputs.motion_model, motion)[:, :2]
        center, reach = motion[:, POSITION, :2], np.sqrt(self.gating_threshold * variance)
        reach *= 1 + 1e-6  # for rounding: the gate is computed in another way
        regions[:, :2] = np.minimum(regions[:, :2], center - reach)
        regions[:, 2:] = np.maximum(regions[:, 2:], center + reach)
        return regions

    def _cost(self, motion: Array, appearance: Array) -> Array:
        """Fused cost (P,) of distances (P,) within the gate; `inf` for too different embeddings."""
        # Both terms on the same scale: motion as a share of its gate.
        motion = motion * (self.max_cosine_distance / self.gating_threshold)
        too_different = appearance > self.max_cosine_distance
        return fuse(motion, forbid(appearance, too_different), self.motion_weight)

    def _distance(self, inputs: AssociationInput, row: Rows, column: Rows) -> Array:
        """Cosine distance (P,) of pairs that have embeddings on both sides."""
        embedding = inputs.detections.embedding
        if embedding is None or not len(row):
            return np.empty(0)
        return inputs.galleries.cosine_distance(inputs.table.slot, embedding, row, column)

    def _squared_mahalanobis(self, inputs: AssociationInput, row: Rows, column: Rows) -> Array:
        """Squared Mahalanobis distance (P,) of detections to predictions."""
        model = inputs.motion_model
        measured = model.measure(inputs.detections.xyxy)
        return kalman.squared_mahalanobis(model, inputs.table.motion, measured, row, column)
