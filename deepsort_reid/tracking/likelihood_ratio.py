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
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.numbers import as_float
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import (
    AllowedPairs,
    Matching,
    assigned_pairs,
    exchange_margins,
    joined,
    matching_from_pairs,
)
from deepsort_reid.tracking.association import AssociationInput, MotionMatches, PairScores
from deepsort_reid.tracking.costs import forbid
from deepsort_reid.tracking.distance_calibration import USUAL_INTRA_DISTANCE
from deepsort_reid.tracking.kalman import POSITION, MotionModel
from deepsort_reid.tracking.near_pairs import EVERYWHERE, all_pairs
from deepsort_reid.tracking.settings import require_finite, require_positive, require_type

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

_NUM_USED = 3  # coordinates of the motion term: centre and height
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
        shape = len(motion), len(detections_xyxy)
        return self.of_pairs(model, motion, detections_xyxy, *all_pairs(*shape)).reshape(shape)

    def of_pairs(
        self, model: MotionModel, motion: Array, detections_xyxy: Array, row: Rows, column: Rows
    ) -> Array:
        """LLR (P,) of pairs: `row` (P,) of tracks (N, 5, 4), `column` (P,) of boxes (M, 4)."""
        position = motion[:, POSITION]
        precision, at_center = self._precision(model, motion)
        offset = model.measure(detections_xyxy).take(column, axis=0) - position.take(row, axis=0)
        offset *= precision.take(row, axis=0)
        return self._llr(at_center.take(row), offset)

    def reach(self, model: MotionModel, motion: Array, min_llr: float) -> Array:
        """Offsets (N, 2) of the centre in x and y, in pixels, beyond which the LLR is lower.

        0 where it is lower everywhere.
        """
        precision, at_center = self._precision(model, motion)
        excess = np.maximum(at_center - min_llr, 0) / self._power()
        squared = self.degrees_of_freedom * np.expm1(excess)
        return np.asarray(np.sqrt(squared)[:, None] * _ROUNDING_MARGIN / precision[:, :2])

    def pairwise(self, model: MotionModel, motion: Array, position: Array) -> Array:
        """LLR (P,) of P predicted tracks (P, 5, 4) and one measurement (P, 4) for each."""
        precision, at_center = self._precision(model, motion)
        return self._llr(at_center, (position - motion[:, POSITION]) * precision)

    def _precision(self, model: MotionModel, motion: Array) -> tuple[Array, Array]:
        """1 / standard deviation (N, 4) of the offset, and the LLR (N,) of an offset of 0.

        Centre and height are used; the precision of the other coordinate is 0.
        """
        std = np.sqrt(kalman.innovation_variance(model, motion))
        precision = self._used_precision / std
        # The constant 1 stands for both densities: with 4 degrees of freedom, the uniform density
        # is 0.027 per cubic box height.
        relative = precision * motion[:, POSITION, 3:]
        return precision, 1 + np.log(relative[:, 0] * relative[:, 1] * relative[:, 3])

    @cached_property
    def _used_precision(self) -> Array:
        scales = self.center_std_scale, self.center_std_scale, np.inf, self.height_std_scale
        return 1 / np.array(scales)

    def _llr(self, at_center: Array, offset: Array) -> Array:
        """LLR (P,) of offsets (P, 4) in units of their standard deviation."""
        squared = np.einsum("pk,pk->p", offset, offset)
        return np.asarray(at_center - self._power() * np.log1p(squared / self.degrees_of_freedom))

    def _power(self) -> float:
        return (self.degrees_of_freedom + _NUM_USED) / 2


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
        return np.asarray(np.minimum(np.maximum(llr, self.llr_floor), self.llr_cap))


class _Scores(NamedTuple):
    """Scores (P,) of pairs; `llr` is -inf where a match is impossible."""

    motion: Array
    iou: Array
    llr: Array


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
        tentative = inputs.table.is_tentative.take(by_llr.row)
        pairs = assigned_pairs(by_llr.select(~tentative))
        for stage in (by_llr.select(tentative), by_iou):
            if len(stage.row):
                pairs = np.concatenate([pairs, assigned_pairs(stage.without(pairs))])
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
        tentative = inputs.table.is_tentative
        allowed = (by_motion.cost <= by_motion.max_cost) & ~tentative[by_motion.row]
        by_motion = by_motion.select(allowed)
        pairs = assigned_pairs(by_motion)
        certain = pairs[exchange_margins(by_motion, pairs) > -self.appearance.llr_floor]
        undecided = nothing.copy()
        undecided[possible.without(certain).column] = True
        return MotionMatches(certain, undecided)

    def score_pairs(self, inputs: AssociationInput) -> PairScores:
        """Scores of all pairs, for explanations; slower than a call."""
        table, (row, column) = inputs.table, inputs.all_pairs()
        shape, high_score = inputs.forbidden.shape, inputs.high_score
        pair_iou = inputs.iou(inputs.predicted_xyxy(), row, column)
        scores = self._scores(inputs, pair_iou, row, column)
        motion, iou, total = (each.reshape(shape) for each in scores)
        total = forbid(total, inputs.forbidden)
        # A low-score detection is only matched to a track of the previous frame, by IoU.
        near = table.is_confirmed[:, None] & (iou >= self.min_low_score_iou)
        # Rejected by motion: the best appearance would not have been enough, or there is none.
        compared = inputs.both_have_embedding(row, column).reshape(shape)
        compared &= inputs.galleries.calibration.is_discriminative
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
        shape, predicted = inputs.forbidden.shape, inputs.predicted_xyxy()
        confirmed, coasting = inputs.table.is_confirmed, inputs.table.is_coasting
        by_llr, by_iou = [], []
        for row, column in inputs.near_pairs(self._regions(inputs, predicted)):
            iou = inputs.iou(predicted, row, column)
            high_score = inputs.high_score.take(column)
            low_score = confirmed.take(row) & ~high_score
            low = AllowedPairs(row, column, 1 - iou, shape, 1 - self.min_low_score_iou)
            by_iou.append(low.select(low_score & (low.cost <= low.max_cost)))
            # First what is known without a score: it leaves a few pairs for each track.
            possible = ((iou >= self.min_iou) | coasting.take(row)) & high_score
            iou, row, column = (each.compress(possible) for each in (iou, row, column))
            cost = -self._scores(inputs, iou, row, column).llr
            by_llr.append(AllowedPairs.of(row, column, cost, shape, -self.min_llr))
        return joined(by_llr), joined(by_iou)

    def _regions(self, inputs: AssociationInput, predicted_xyxy: Array) -> Array:
        """Boxes (N, 4) that a detection must touch to be matched to each track.

        predicted_xyxy: boxes (N, 4) of the tracks.
        """
        table = inputs.table
        # IoU is required of tracks matched in the previous frame only.
        far = table.is_coasting | (self.min_iou <= 0)
        regions = predicted_xyxy.copy()
        if self.min_low_score_iou <= 0:
            regions[table.is_confirmed] = EVERYWHERE
        if np.count_nonzero(far):
            motion, region = table.motion[far], regions[far]
            reach = self.motion.reach(inputs.motion_model, motion, _MIN_MOTION_LLR)
            center = motion[:, POSITION, :2]
            region[:, :2] = np.minimum(region[:, :2], center - reach)
            region[:, 2:] = np.maximum(region[:, 2:], center + reach)
            regions[far] = region
        return regions

    def _scores(self, inputs: AssociationInput, iou: Array, row: Rows, column: Rows) -> _Scores:
        """Scores of pairs; `iou` (P,) is given."""
        table, galleries = inputs.table, inputs.galleries
        xyxy, embedding = inputs.detections.xyxy, inputs.detections.embedding
        motion = self.motion.of_pairs(inputs.motion_model, table.motion, xyxy, row, column)
        possible = table.is_coasting.take(row) | (iou >= self.min_iou)
        possible &= motion > _MIN_MOTION_LLR
        # Without appearance, min_llr_motion_only is required instead of min_llr.
        llr = motion + (self.min_llr - self.min_llr_motion_only)
        if embedding is not None and galleries.calibration.is_discriminative:
            compared = (possible & inputs.both_have_embedding(row, column)).nonzero()[0]
            if len(compared):
                row, column = row.take(compared), column.take(compared)
                distance = galleries.cosine_distance(table.slot, embedding, row, column)
                distance /= galleries.calibration.inter_identity_distance
                intra = galleries.calibration.normalized_intra_distance
                appearance = self.appearance(distance[:, None], table.misses.take(row), intra)[:, 0]
                llr[compared] = motion.take(compared) + appearance
        return _Scores(motion, iou, np.where(possible, llr, -np.inf))
