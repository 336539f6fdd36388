"""DeepSORT's association as published: the matching cascade, then IoU (Wojke et al. 2017)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import Matching, assign, matching_cascade, matching_of
from deepsort_reid.tracking.association import AssociationInput
from deepsort_reid.tracking.costs import forbid, fuse, iou_cost
from deepsort_reid.tracking.extras.explain import PairScores
from deepsort_reid.tracking.kalman import GATE_95

Pairs = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class MatchingCascade:
    """Appearance decides and motion gates; who was seen last chooses first; IoU takes the rest.

    Raises ValueError when a limit is not finite, the gate of motion is not above 0, or the weight
    is outside [0, 1].
    """

    max_cosine_distance: float = 0.2  # cosine distance
    max_iou_distance: float = 0.7  # 1 - IoU
    gating_threshold: float = GATE_95[4]  # squared Mahalanobis distance
    motion_weight: float = 0.0  # of motion in the fused cost

    def __post_init__(self) -> None:
        for name in ("max_cosine_distance", "max_iou_distance", "gating_threshold"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")
        if self.gating_threshold <= 0:
            raise ValueError(f"gating_threshold must be above 0, got {self.gating_threshold}")
        if not 0 <= self.motion_weight <= 1:
            raise ValueError(f"motion_weight must be in [0, 1], got {self.motion_weight}")

    def __call__(self, asked: AssociationInput) -> Matching:
        """Pairs of table rows and detection rows."""
        table, forbidden = asked.table, asked.forbidden
        confirmed = np.flatnonzero(table.state != State.TENTATIVE)
        sighted, cost = self._appearance_cost(asked)
        first = matching_cascade(cost[confirmed], table.misses[confirmed], self.max_cosine_distance)
        by_looks = np.column_stack([confirmed[first.pairs[:, 0]], first.pairs[:, 1]])

        left = matching_of(by_looks, cost.shape)
        rows, columns = left.unmatched_tracks, left.unmatched_detections
        # Tentative tracks and those matched at the last update, however many frames ago that was;
        # one hidden longer only where there is no appearance to judge it by.
        recent = table.state[rows] != State.COASTING
        overlap = iou_cost(asked.expected_xyxy()[rows], asked.detections.xyxy[columns])
        here = np.ix_(rows, columns)
        second = assign(
            forbid(overlap, forbidden[here] | (~recent[:, None] & sighted[here])),
            self.max_iou_distance,
        )
        by_place = np.column_stack([rows[second.pairs[:, 0]], columns[second.pairs[:, 1]]])
        return matching_of(np.concatenate([by_looks, by_place]), cost.shape)

    def judge(self, asked: AssociationInput) -> PairScores:
        """What the rule thinks of every pair, for the record; slower than a call."""
        table, pool, model, detections, _, forbidden = asked
        motion = kalman.squared_mahalanobis(model, table.motion, model.measure(detections.xyxy))
        looks = np.full(forbidden.shape, np.nan)
        if detections.embedding is not None and len(table):
            distance = pool.cosine_distance(table.slot, detections.embedding, ~forbidden)
            looks = np.where(
                np.isfinite(distance) & detections.embedding.any(axis=1), distance, np.nan
            )
        sighted, cost = self._appearance_cost(asked)
        overlap = iou_cost(asked.expected_xyxy(), detections.xyxy)
        # A second way leads over IoU: for who was seen at the last update, or has no looks.
        near = ((table.state != State.COASTING)[:, None] | ~sighted) & (
            overlap <= self.max_iou_distance
        )
        refused = forbidden | ~(np.isfinite(cost) | near)
        outside = forbidden | ~sighted | (motion > self.gating_threshold)
        by_motion, by_looks = refused & outside, refused & ~outside
        return PairScores(motion, looks, cost, self.max_cosine_distance, False, by_motion, by_looks)

    def _appearance_cost(self, asked: AssociationInput) -> tuple[Pairs, NDArray[np.float64]]:
        """Which pairs (N, M) have an appearance on both sides, and the gated, fused cost (N, M)."""
        table, pool, model, detections, _, forbidden = asked
        embedding = detections.embedding
        if embedding is None or not len(table):
            nothing = np.zeros(forbidden.shape, dtype=bool)
            return nothing, np.full(forbidden.shape, np.inf)
        sighted = asked.with_looks()
        motion = kalman.squared_mahalanobis(model, table.motion, model.measure(detections.xyxy))
        # Gate before appearance: comparing galleries is the dearest step by far.
        allowed = sighted & (motion <= self.gating_threshold) & ~forbidden
        looks = pool.cosine_distance(table.slot, embedding, allowed)
        looks[looks > self.max_cosine_distance] = np.inf
        # Both terms on the same scale: as shares of what their gates allow.
        return sighted, fuse(
            motion * (self.max_cosine_distance / self.gating_threshold), looks, self.motion_weight
        )
