"""Matching cascade: DeepSORT's association as published (Wojke et al. 2017, section 2.4)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import (
    Matching,
    assign,
    matching_cascade,
    matching_from_pairs,
)
from deepsort_reid.tracking.association import AssociationInput, PairScores
from deepsort_reid.tracking.costs import forbid, fuse, iou_cost
from deepsort_reid.tracking.kalman import GATE_95

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
        for name in ("max_cosine_distance", "max_iou_distance", "gating_threshold"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")
        if self.gating_threshold <= 0:
            raise ValueError(f"gating_threshold must be above 0, got {self.gating_threshold}")
        if not 0 <= self.motion_weight <= 1:
            raise ValueError(f"motion_weight must be in [0, 1], got {self.motion_weight}")

    def __call__(self, inputs: AssociationInput) -> Matching:
        """Pairs of table rows and detection rows, and the unmatched rows."""
        table, forbidden = inputs.table, inputs.forbidden
        confirmed = np.flatnonzero(table.state != State.TENTATIVE)
        comparable, cost = self._appearance_cost(inputs)
        first = matching_cascade(cost[confirmed], table.misses[confirmed], self.max_cosine_distance)
        by_appearance = np.column_stack([confirmed[first.pairs[:, 0]], first.pairs[:, 1]])

        left = matching_from_pairs(by_appearance, cost.shape)
        rows, columns = left.unmatched_tracks, left.unmatched_detections
        # By IoU: tentative tracks, and tracks matched at the last update, however many frames ago
        # that was. A coasting track only where appearance cannot be compared.
        recent = table.state[rows] != State.COASTING
        iou = iou_cost(inputs.predicted_xyxy()[rows], inputs.detections.xyxy[columns])
        here = np.ix_(rows, columns)
        second = assign(
            forbid(iou, forbidden[here] | (~recent[:, None] & comparable[here])),
            self.max_iou_distance,
        )
        by_iou = np.column_stack([rows[second.pairs[:, 0]], columns[second.pairs[:, 1]]])
        return matching_from_pairs(np.concatenate([by_appearance, by_iou]), cost.shape)

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
