"""The default association: is "the same person" a better explanation than "somebody else"?

For every pair of a track and a detection the logarithm of a likelihood ratio is added up from what
motion says and what appearance says. One number has then the same meaning everywhere: a small
offset of a fresh track and a similar face after a long gap can be weighed against each other, a
gate widens by itself with the time since the last sighting because the filter's variance does, and
no cosine threshold has to be found, because distances count in units of what different people
look like in this very video (`Calibration`).

Multiple-hypothesis trackers score hypotheses so (Blackman 2004, section II); here the best single
hypothesis per frame is taken.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import Matching, assign, matching_of
from deepsort_reid.tracking.association import AssociationInput
from deepsort_reid.tracking.costs import forbid
from deepsort_reid.tracking.extras.explain import PairScores
from deepsort_reid.tracking.kalman import POSITION, MotionModel

Array = NDArray[np.float64]
Pairs = NDArray[np.bool_]

PLACE = [0, 1, 3]  # centre and height, of the coordinates that motion has
# Evidence of motion below which appearance is not even asked: it could not make up for it.
_HOPELESS = -6.0


def _require_positive(numbers: Any, *names: str) -> None:
    for name in names:
        value = getattr(numbers, name)
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be a number above 0, got {value}")


@dataclass(frozen=True, kw_only=True)
class MotionLLR:
    """How much better a track's motion explains a detection than "somebody else" does.

    The offset of centre and height follows Student's t around the prediction: boxes of people
    who are half hidden jump, and a Gaussian would forbid what happens every second. Somebody else
    has the same density everywhere, in units of the box height.

    Raises ValueError when a number is not above 0.
    """

    tail: float = 4.0  # degrees of freedom; small: far offsets stay possible
    # The paper's noises are cautious: real offsets of the centre are smaller than they say.
    center_std_scale: float = 0.7
    height_scale: float = 1.0

    def __post_init__(self) -> None:
        _require_positive(self, "tail", "center_std_scale", "height_scale")

    def __call__(self, model: MotionModel, motion: Array, detections_xyxy: Array) -> Array:
        """Log likelihood ratio (N, M) of N predicted tracks and M boxes."""
        position, measured = motion[:, POSITION], model.measure(detections_xyxy)
        spread = self.spread(model, motion)
        squared = np.zeros((len(motion), len(measured)))
        for column, coordinate in enumerate(PLACE):
            offset = measured[:, coordinate] - position[:, coordinate, None]
            offset /= spread[:, column, None]
            squared += np.multiply(offset, offset, out=offset)
        return self.ratio(motion, spread, squared)

    def pairwise(self, model: MotionModel, motion: Array, position: Array) -> Array:
        """Log likelihood ratio (P,) of P predicted tracks and a position (P, 4) for each."""
        spread = self.spread(model, motion)
        offset = (position - motion[:, POSITION])[:, PLACE] / spread
        return self.ratio(motion, spread, (offset**2).sum(axis=1))

    def spread(self, model: MotionModel, motion: Array) -> Array:
        """Standard deviations (N, 3) of the offset of centre and height, in pixels."""
        spread = np.sqrt(kalman.innovation_variance(model, motion)[:, PLACE])
        return spread * (self.center_std_scale, self.center_std_scale, self.height_scale)

    def ratio(self, motion: Array, spread: Array, squared: Array) -> Array:
        """Log likelihood ratio of squared offsets (N,) or (N, M), in units of `spread` (N, 3)."""
        certainty = 1 - np.log(spread / motion[:, POSITION, 3:4]).sum(axis=1)
        if squared.ndim == 2:
            certainty = certainty[:, None]
        power = (self.tail + len(PLACE)) / 2
        return np.asarray(certainty - power * np.log1p(squared / self.tail))


@dataclass(frozen=True, kw_only=True)
class AppearanceLLR:
    """How much better "the same person" explains a cosine distance than "somebody else" does.

    Distances are shares of what different people of this video have (so those lie around 1). The
    same person's grow with the time since the last sighting, as light, pose and side change.

    Raises ValueError when a spread or `forgetting` is not above 0.
    """

    same_mean_short: float = 0.18  # mean share of the same person a frame later
    same_mean_long: float = 0.5  # and after a long time
    spread_at_once: float = 0.10
    spread_later: float = 0.22
    spread_of_others: float = 0.28
    forgetting: float = 8.0  # frames in which the first turns into the second
    most: float = 3.0  # no single look may say more than this
    least: float = -5.0

    def __post_init__(self) -> None:
        spreads = ("spread_at_once", "spread_later", "spread_of_others")
        _require_positive(self, *spreads, "forgetting")

    def __call__(self, share: Array, misses: NDArray[np.int64]) -> Array:
        """Log likelihood ratio (N, M) of distances (N, M) to tracks last seen `misses` (N,) ago."""
        later = (1 - np.exp(-(misses - 1) / self.forgetting))[:, None]
        mean = self.same_mean_short + (self.same_mean_long - self.same_mean_short) * later
        spread = self.spread_at_once + (self.spread_later - self.spread_at_once) * later
        # One-sided: nobody is less the same person for being more similar than usual.
        same = np.maximum(share - mean, 0) / spread
        other = np.minimum(share - 1, 0) / self.spread_of_others
        ratio = (other**2 - same**2) / 2 + np.log(self.spread_of_others / spread)
        return np.clip(ratio, self.least, self.most)


@dataclass(frozen=True, kw_only=True)
class LikelihoodRatio:
    """Confirmed tracks choose among sure detections, then tentative ones; unsure detections only
    continue a track where it was expected (Zhang et al. 2022, ByteTrack, section 3).

    Raises ValueError when the evidence asked for is not finite.
    """

    min_llr: float = 2.0  # log likelihood ratio that a match needs
    min_llr_motion_only: float = 3.0  # and where there is no appearance to speak for it
    min_iou: float = 0.1  # with the prediction, for a track that was seen at the last update
    min_low_score_iou: float = 0.3  # the same for an unsure detection
    motion: MotionLLR = MotionLLR()
    appearance: AppearanceLLR = AppearanceLLR()

    def __post_init__(self) -> None:
        for name in ("min_llr", "min_llr_motion_only"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")

    def __call__(self, asked: AssociationInput) -> Matching:
        """Pairs of table rows and detection rows."""
        table, forbidden = asked.table, asked.forbidden
        if not forbidden.size:
            return matching_of(np.empty((0, 2), dtype=np.intp), forbidden.shape)
        sure = asked.sure
        overlap = asked.overlap()
        cost = -self.evidence(asked._replace(forbidden=forbidden | ~sure), overlap)
        tentative = table.state == State.TENTATIVE
        pairs = np.empty((0, 2), dtype=np.intp)
        for chooser in (~tentative, tentative):
            pairs = _extended(pairs, cost, chooser, -self.min_llr)

        expected = table.state == State.CONFIRMED
        unlike = forbid(1 - overlap, forbidden | sure)
        return matching_of(
            _extended(pairs, unlike, expected, 1 - self.min_low_score_iou), forbidden.shape
        )

    def judge(self, asked: AssociationInput) -> PairScores:
        """What the rule thinks of every pair, for the record; slower than a call."""
        table, pool, model, detections, sure, forbidden = asked
        overlap = asked.overlap()
        motion = self.motion(model, table.motion, detections.xyxy)
        total = self.evidence(asked, overlap)
        # An unsure detection is nobody's but the one's who was expected just there.
        expected = (table.state == State.CONFIRMED)[:, None] & (overlap >= self.min_low_score_iou)
        # The best look could not have helped; without looks motion is all there was.
        seen = asked.with_looks() & pool.calibration.useful
        best = np.where(seen, motion + self.appearance.most, total)
        hopeless = ~np.isfinite(total) | (best < self.min_llr)
        refused_by_motion = np.where(sure, hopeless, forbidden | ~expected)
        appearance = np.where(seen & np.isfinite(total), total - motion, np.nan)
        refused_by_appearance = ~refused_by_motion & sure & (total < self.min_llr)
        return PairScores(
            motion,
            appearance,
            total,
            self.min_llr,
            True,
            refused_by_motion,
            refused_by_appearance,
        )

    def evidence(self, asked: AssociationInput, overlap: Array) -> Array:
        """Log likelihood ratio (N, M) of "the same person"; -inf where a match is impossible."""
        table, pool, model, detections, _, forbidden = asked
        by_motion = self.motion(model, table.motion, detections.xyxy)
        coasting = (table.state == State.COASTING)[:, None]
        possible = (by_motion > _HOPELESS) & ~forbidden & (coasting | (overlap >= self.min_iou))
        by_looks = np.full(possible.shape, self.min_llr - self.min_llr_motion_only)
        seen = possible & asked.with_looks() & pool.calibration.useful
        if detections.embedding is not None and seen.any():
            distance = pool.cosine_distance(table.slot, detections.embedding, seen)
            share = np.where(seen, distance, 0) / pool.calibration.different
            by_looks = np.where(seen, self.appearance(share, table.misses), by_looks)
        return np.where(possible, by_motion + by_looks, -np.inf)


def _extended(
    pairs: NDArray[np.intp], cost: Array, chooses: NDArray[np.bool_], max_cost: float
) -> NDArray[np.intp]:
    """The pairs so far, and the best ones of the tracks that choose (N,) among what is free."""
    so_far = matching_of(pairs, cost.shape)
    rows, free = so_far.unmatched_tracks, so_far.unmatched_detections
    rows = rows[chooses[rows]]
    if not (len(rows) and len(free)):
        return pairs
    local = assign(cost[np.ix_(rows, free)], max_cost).pairs
    return np.concatenate([pairs, np.column_stack([rows[local[:, 0]], free[local[:, 1]]])])
