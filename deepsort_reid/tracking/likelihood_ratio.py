"""Likelihood ratio association, the default: motion and appearance in one score.

The score of a track and a detection is the log likelihood ratio (LLR) of "the detection is of this
track's identity" against "it is of another one": the sum of a motion term and an appearance term.
One scale for both weighs a small offset of a recent track against similar appearance after a long
gap. The gate widens with the time since the last match, because the variance of the Kalman filter
does. No cosine threshold depends on the embedder, because distances are normalised by the
inter-identity distance of this video (`distance_calibration`).

Multiple hypothesis trackers use the same score (Blackman 2004, section II); here only the best
hypothesis of each frame is kept.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.numbers import as_float
from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import (
    AllowedPairs,
    Matching,
    assign,
    exchange_margins,
    matching_from_pairs,
)
from deepsort_reid.tracking.association import AssociationInput, MotionMatches, PairScores
from deepsort_reid.tracking.candidate_blocks import EVERYWHERE
from deepsort_reid.tracking.costs import forbid
from deepsort_reid.tracking.distance_calibration import USUAL_INTRA_DISTANCE
from deepsort_reid.tracking.kalman import POSITION, MotionModel
from deepsort_reid.tracking.settings import require_finite, require_positive, require_type

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

_USED = [0, 1, 3]  # coordinates of the motion term: centre and height
# Motion LLR below which appearance is not compared: it could not make up for it.
_MIN_MOTION_LLR = -6.0
_ROUNDING_MARGIN = 1 + 1e-6  # of the reach, which is computed in another way than the LLR


@dataclass(frozen=True, kw_only=True)
class MotionLLR:
    """Motion term of the LLR: Student's t around the prediction against a uniform density.

    The offset of centre and height is in units of the innovation's standard deviation. Student's t
    has heavier tails than a Gaussian, which would exclude the jumps of partly occluded boxes. The
    density of another identity is uniform, in units of the box height.

    Attributes:
        degrees_of_freedom: of Student's t; the lower, the heavier the tails.
        center_std_scale: factor of the standard deviation of the centre. Below 1, because the
            noise of DeepSORT is larger than real offsets are.
        height_std_scale: the same for the height.

    Raises ValueError when a value is not above 0.
    """

    degrees_of_freedom: float = 4.0
    center_std_scale: float = 0.7
    height_std_scale: float = 1.0

    def __post_init__(self) -> None:
        require_positive(self, "degrees_of_freedom", "center_std_scale", "height_std_scale")

    def __call__(self, model: MotionModel, motion: Array, detections_xyxy: Array) -> Array:
        """LLR (N, M) of N predicted tracks (N, 5, 4) and M boxes (M, 4)."""
        position, measured = motion[:, POSITION], model.measure(detections_xyxy)
        std = self._std(model, motion)
        squared = np.zeros((len(motion), len(measured)))
        for column, coordinate in enumerate(_USED):
            offset = measured[:, coordinate] - position[:, coordinate, None]
            offset /= std[:, column, None]
            squared += np.multiply(offset, offset, out=offset)
        return self._llr(motion, std, squared)

    def reach(self, model: MotionModel, motion: Array, min_llr: float) -> Array:
        """Offsets (N, 2) of the centre in x and y, in pixels, beyond which the LLR is lower.

        0 where it is lower everywhere.
        """
        std = self._std(model, motion)
        at_center = self._llr(motion, std, np.zeros(len(motion)))
        excess = np.maximum(at_center - min_llr, 0) / self._power()
        squared = self.degrees_of_freedom * np.expm1(excess)
        return np.asarray(std[:, :2] * np.sqrt(squared)[:, None] * _ROUNDING_MARGIN)

    def pairwise(self, model: MotionModel, motion: Array, position: Array) -> Array:
        """LLR (P,) of P predicted tracks (P, 5, 4) and one measurement (P, 4) for each."""
        std = self._std(model, motion)
        offset = (position - motion[:, POSITION])[:, _USED] / std
        return self._llr(motion, std, (offset**2).sum(axis=1))

    def _std(self, model: MotionModel, motion: Array) -> Array:
        """Standard deviations (N, 3) of the offset of centre and height, in pixels."""
        std = np.sqrt(kalman.innovation_variance(model, motion)[:, _USED])
        return std * (self.center_std_scale, self.center_std_scale, self.height_std_scale)

    def _llr(self, motion: Array, std: Array, squared: Array) -> Array:
        """LLR of squared offsets (N,) or (N, M), which are in units of `std` (N, 3)."""
        # The constant 1 stands for both densities: with 4 degrees of freedom, the uniform density
        # is 0.027 per cubic box height.
        at_center = 1 - np.log(std / motion[:, POSITION, 3:4]).sum(axis=1)
        if squared.ndim == 2:
            at_center = at_center[:, None]
        return np.asarray(at_center - self._power() * np.log1p(squared / self.degrees_of_freedom))

    def _power(self) -> float:
        return (self.degrees_of_freedom + len(_USED)) / 2


@dataclass(frozen=True, kw_only=True)
class AppearanceLLR:
    """Appearance term of the LLR: Gaussians of the normalised cosine distance.

    The distance of another identity has mean 1. That of the same identity grows with the time since
    the last match, as light, pose and viewpoint change: mean and standard deviation go from their
    short to their long value. The short ones are relative to the intra-identity distance of this
    video, which is large where boxes are inaccurate and people occlude each other. Both Gaussians
    are one-sided: a distance below the mean of the same identity counts like the mean, and one
    above 1 like 1.

    Attributes:
        same_mean_short: mean distance within an identity, one frame after the last match, relative
            to the intra-identity distance.
        same_mean_long: mean distance within an identity after a long time.
        same_std_short: standard deviation within an identity, one frame after the last match,
            relative to the intra-identity distance.
        same_std_long: standard deviation within an identity after a long time.
        other_std: standard deviation between identities.
        time_constant: frames in which the short values approach the long ones.
        llr_cap: maximum of the term.
        llr_floor: minimum of the term.

    Raises ValueError when a standard deviation or `time_constant` is not above 0, a mean is not
    finite, or `llr_floor` is above `llr_cap`.
    """

    same_mean_short: float = 1.0
    same_mean_long: float = 0.5
    same_std_short: float = 0.8
    same_std_long: float = 0.22
    other_std: float = 0.22
    time_constant: float = 8.0
    llr_cap: float = 6.0
    llr_floor: float = -5.0

    def __post_init__(self) -> None:
        require_positive(self, "same_std_short", "same_std_long", "other_std", "time_constant")
        require_finite(self, "same_mean_short", "same_mean_long")
        if not as_float(self.llr_floor) <= as_float(self.llr_cap):
            raise ValueError(
                "llr_floor and llr_cap must be numbers, and the floor not above the cap, got "
                f"{self.llr_floor!r:.80} and {self.llr_cap!r:.80}"
            )

    def __call__(
        self,
        normalized_distance: Array,
        misses: NDArray[np.int64],
        intra: float = USUAL_INTRA_DISTANCE,
    ) -> Array:
        """LLR (N, M) of distances to tracks.

        Args:
            normalized_distance: (N, M).
            misses: frames since the last match of each track (N,), from 1.
            intra: normalised intra-identity distance of this video.
        """
        long = (1 - np.exp(-(misses - 1) / self.time_constant))[:, None]
        mean_short, std_short = self.same_mean_short * intra, self.same_std_short * intra
        mean = mean_short + (self.same_mean_long - mean_short) * long
        std = std_short + (self.same_std_long - std_short) * long
        same = np.maximum(normalized_distance - mean, 0) / std
        other = np.minimum(normalized_distance - 1, 0) / self.other_std
        llr = (other**2 - same**2) / 2 + np.log(self.other_std / std)
        return np.clip(llr, self.llr_floor, self.llr_cap)


@dataclass(frozen=True, kw_only=True)
class LikelihoodRatio:
    """Association that maximises the log likelihood ratio (LLR) in three stages.

    Confirmed and coasting tracks are matched to high-score detections, then tentative tracks to the
    remaining ones. Low-score detections are matched last, by IoU, and only to tracks that were
    matched in the previous frame (Zhang et al. 2022, ByteTrack, section 3).

    Attributes:
        min_llr: minimum LLR of a match.
        min_llr_motion_only: the same without appearance.
        min_iou: minimum IoU with the prediction, for a track matched at the last update.
        min_low_score_iou: the same for a low-score detection.
        motion: motion term.
        appearance: appearance term.

    Raises ValueError when a minimum is not finite, or a term is something else.
    """

    min_llr: float = 2.0
    min_llr_motion_only: float = 3.0
    min_iou: float = 0.1
    min_low_score_iou: float = 0.3
    motion: MotionLLR = MotionLLR()
    appearance: AppearanceLLR = AppearanceLLR()

    def __post_init__(self) -> None:
        require_finite(self, "min_llr", "min_llr_motion_only", "min_iou", "min_low_score_iou")
        require_type("motion", self.motion, MotionLLR)
        require_type("appearance", self.appearance, AppearanceLLR)

    def __call__(self, inputs: AssociationInput) -> Matching:
        """Pairs of table rows and detection rows, and the unmatched rows."""
        by_llr, by_iou = self._allowed_pairs(inputs)
        tentative = (inputs.table.state == State.TENTATIVE)[by_llr.row]
        pairs = np.empty((0, 2), dtype=np.intp)
        for stage in (by_llr.select(~tentative), by_llr.select(tentative), by_iou):
            pairs = np.concatenate([pairs, assign(stage.without(pairs)).pairs])
        return matching_from_pairs(pairs, inputs.forbidden.shape)

    def match_by_motion(self, inputs: AssociationInput) -> MotionMatches:
        """The matches that motion alone makes certain; embeddings of detections are not used.

        A match is certain if, with the lowest appearance term, it is still better than being
        unmatched and than every exchange with other tracks and detections by motion alone.
        """
        nothing = np.zeros(len(inputs.detections), dtype=bool)
        inputs = inputs._replace(
            detections=inputs.detections.with_embedding(None), has_embedding=nothing
        )
        # All pairs that the highest appearance term allows.
        cap = max(self.appearance.llr_cap, self.min_llr - self.min_llr_motion_only)
        possible = replace(self, min_llr_motion_only=self.min_llr - cap)._allowed_pairs(inputs)[0]
        by_motion = possible._replace(cost=possible.cost + cap)
        # Tentative tracks are matched to what the others leave.
        tentative = inputs.table.state == State.TENTATIVE
        allowed = (by_motion.cost <= by_motion.max_cost) & ~tentative[by_motion.row]
        by_motion = by_motion.select(allowed)
        pairs = assign(by_motion).pairs
        certain = pairs[exchange_margins(by_motion, pairs) > -self.appearance.llr_floor]
        undecided = nothing.copy()
        undecided[possible.without(certain).column] = True
        return MotionMatches(certain, undecided)

    def score_pairs(self, inputs: AssociationInput) -> PairScores:
        """Scores of all pairs, for explanations; slower than a call."""
        table, high_score, iou = inputs.table, inputs.high_score, inputs.iou()
        motion = self.motion(inputs.motion_model, table.motion, inputs.detections.xyxy)
        total = self.llr(inputs, iou)
        # A low-score detection is only matched to a track of the previous frame, by IoU.
        near = (table.state == State.CONFIRMED)[:, None] & (iou >= self.min_low_score_iou)
        # Rejected by motion: the best appearance would not have been enough, or there is none.
        compared = inputs.both_have_embedding() & inputs.galleries.calibration.is_discriminative
        best = np.where(compared, motion + self.appearance.llr_cap, total)
        out_of_reach = ~np.isfinite(total) | (best < self.min_llr)
        rejected_by_motion = np.where(high_score, out_of_reach, inputs.forbidden | ~near)
        return PairScores(
            motion=motion,
            appearance=np.where(compared & np.isfinite(total), total - motion, np.nan),
            total=total,
            threshold=self.min_llr,
            higher_is_better=True,
            rejected_by_motion=rejected_by_motion,
            rejected_by_appearance=~rejected_by_motion & high_score & (total < self.min_llr),
        )

    def _allowed_pairs(self, inputs: AssociationInput) -> tuple[AllowedPairs, AllowedPairs]:
        """Pairs of high-score detections by -LLR, and of low-score ones by 1 - IoU.

        The latter only with tracks that were matched in the previous frame.
        """
        shape = inputs.forbidden.shape
        by_llr = AllowedPairs.none(shape, -self.min_llr)
        by_iou = AllowedPairs.none(shape, 1 - self.min_low_score_iou)
        for rows, columns, part in inputs.blocks(self._regions):
            iou = part.iou()
            cost = -self.llr(part._replace(forbidden=part.forbidden | ~part.high_score), iou)
            by_llr = by_llr.with_block(cost, rows, columns)
            recent = (part.table.state == State.CONFIRMED)[:, None]
            low_score_cost = forbid(1 - iou, part.forbidden | part.high_score | ~recent)
            by_iou = by_iou.with_block(low_score_cost, rows, columns)
        return by_llr, by_iou

    def _regions(self, inputs: AssociationInput) -> Array:
        """Boxes (N, 4) that a detection must touch to be matched to each track."""
        table, regions = inputs.table, inputs.predicted_xyxy()
        if self.min_low_score_iou <= 0:
            regions[table.state == State.CONFIRMED] = EVERYWHERE
        # IoU is required of tracks matched in the previous frame only.
        far = (table.state == State.COASTING) | (self.min_iou <= 0)
        center = table.motion[:, POSITION, :2]
        reach = self.motion.reach(inputs.motion_model, table.motion, _MIN_MOTION_LLR)
        regions[far, :2] = np.minimum(regions[:, :2], center - reach)[far]
        regions[far, 2:] = np.maximum(regions[:, 2:], center + reach)[far]
        return regions

    def llr(self, inputs: AssociationInput, iou: Array) -> Array:
        """LLR (N, M) of all pairs, -inf where a match is impossible; `iou` (N, M) is given."""
        table, galleries = inputs.table, inputs.galleries
        embedding = inputs.detections.embedding
        motion = self.motion(inputs.motion_model, table.motion, inputs.detections.xyxy)
        coasting = (table.state == State.COASTING)[:, None]
        possible = (motion > _MIN_MOTION_LLR) & ~inputs.forbidden
        possible &= coasting | (iou >= self.min_iou)
        # Without appearance, min_llr_motion_only is required instead of min_llr.
        appearance = np.full(possible.shape, self.min_llr - self.min_llr_motion_only)
        if embedding is not None and galleries.calibration.is_discriminative:
            compared = possible & inputs.both_have_embedding()
            if compared.any():
                distance = galleries.cosine_distance(table.slot, embedding, compared)
                unit = galleries.calibration.inter_identity_distance
                normalized = np.where(compared, distance, 0) / unit
                llr = self.appearance(
                    normalized, table.misses, galleries.calibration.normalized_intra_distance
                )
                appearance = np.where(compared, llr, appearance)
        return np.where(possible, motion + appearance, -np.inf)
