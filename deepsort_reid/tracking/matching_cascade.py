"""Matching cascade: DeepSORT's association as published (Wojke et al. 2017, section 2.4)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import (
    AllowedPairs,
    Matching,
    assign,
    matching_cascade,
    matching_from_pairs,
)
from deepsort_reid.tracking.association import AssociationInput, PairScores
from deepsort_reid.tracking.candidate_blocks import EVERYWHERE
from deepsort_reid.tracking.costs import forbid, fuse, iou_cost
from deepsort_reid.tracking.kalman import GATE_95, POSITION
from deepsort_reid.tracking.settings import require_finite, require_in_range, require_positive

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


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
        confirmed = table.state != State.TENTATIVE
        first = matching_cascade(by_appearance.select(confirmed[by_appearance.row]), table.misses)
        second = assign(by_iou.without(first.pairs))
        pairs = np.concatenate([first.pairs, second.pairs])
        return matching_from_pairs(pairs, inputs.forbidden.shape)

    def score_pairs(self, inputs: AssociationInput) -> PairScores:
        """Scores of all pairs, for explanations; slower than a call."""
        table, forbidden = inputs.table, inputs.forbidden
        embedding = inputs.detections.embedding
        motion = self._squared_mahalanobis(inputs)
        appearance = np.full(forbidden.shape, np.nan)
        if embedding is not None and len(table):
            distance = inputs.galleries.cosine_distance(table.slot, embedding, ~forbidden)
            known = np.isfinite(distance) & inputs.has_embedding
            appearance = np.where(known, distance, np.nan)
        comparable, cost = self._appearance_cost(inputs)
        iou = iou_cost(inputs.predicted_xyxy(), inputs.detections.xyxy)
        # The second stage matches by IoU: recent tracks, and pairs without appearance.
        by_iou = ((table.state != State.COASTING)[:, None] | ~comparable) & (
            iou <= self.max_iou_distance
        )
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
        shape = inputs.forbidden.shape
        by_appearance = AllowedPairs.none(shape, self.max_cosine_distance)
        by_iou = AllowedPairs.none(shape, self.max_iou_distance)
        for rows, columns, part in inputs.blocks(self._regions):
            comparable, cost = self._appearance_cost(part)
            by_appearance = by_appearance.with_block(cost, rows, columns)
            # By IoU: tentative tracks, and tracks matched at the last update, however many frames
            # ago that was. A coasting track only where appearance cannot be compared.
            coasting = (part.table.state == State.COASTING)[:, None]
            iou = iou_cost(part.predicted_xyxy(), part.detections.xyxy)
            cost = forbid(iou, part.forbidden | (coasting & comparable))
            by_iou = by_iou.with_block(cost, rows, columns)
        return by_appearance, by_iou

    def _regions(self, inputs: AssociationInput) -> Array:
        """Boxes (N, 4) that a detection must touch to be matched to each track."""
        regions, motion = inputs.predicted_xyxy(), inputs.table.motion
        if self.max_iou_distance >= 1:
            regions[:] = EVERYWHERE
        variance = kalman.innovation_variance(inputs.motion_model, motion)[:, :2]
        center, reach = motion[:, POSITION, :2], np.sqrt(self.gating_threshold * variance)
        reach *= 1 + 1e-6  # for rounding: the gate is computed in another way
        regions[:, :2] = np.minimum(regions[:, :2], center - reach)
        regions[:, 2:] = np.maximum(regions[:, 2:], center + reach)
        return regions

    def _appearance_cost(self, inputs: AssociationInput) -> tuple[Flags, Array]:
        """Pairs (N, M) of which both sides have an embedding, and the gated, fused cost (N, M)."""
        table, forbidden = inputs.table, inputs.forbidden
        embedding = inputs.detections.embedding
        if embedding is None or not len(table):
            return np.zeros(forbidden.shape, dtype=bool), np.full(forbidden.shape, np.inf)
        comparable = inputs.both_have_embedding()
        motion = self._squared_mahalanobis(inputs)
        # The gate first: comparing galleries is by far the most expensive step.
        allowed = comparable & (motion <= self.gating_threshold) & ~forbidden
        appearance = inputs.galleries.cosine_distance(table.slot, embedding, allowed)
        appearance[appearance > self.max_cosine_distance] = np.inf
        # Both terms on the same scale: motion as a share of its gate.
        motion *= self.max_cosine_distance / self.gating_threshold
        return comparable, fuse(motion, appearance, self.motion_weight)

    def _squared_mahalanobis(self, inputs: AssociationInput) -> Array:
        """Squared Mahalanobis distance (N, M) of the detections to the predictions."""
        model = inputs.motion_model
        measured = model.measure(inputs.detections.xyxy)
        return kalman.squared_mahalanobis(model, inputs.table.motion, measured)
