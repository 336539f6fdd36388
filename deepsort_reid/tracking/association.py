"""Association: which tracks are matched to which detections of a frame.

`LikelihoodRatio` (the default) and `MatchingCascade` (Wojke et al. 2017) implement `Association`.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.tracking.assignment import Matching
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.costs import other_class
from deepsort_reid.tracking.frame_input import FrameInput
from deepsort_reid.tracking.gallery import GalleryStore
from deepsort_reid.tracking.kalman import POSITION, MotionModel
from deepsort_reid.tracking.near_pairs import all_pairs, near_pairs
from deepsort_reid.tracking.track_table import TrackTable

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]


class AssociationInput(NamedTuple):
    """N tracks predicted to the frame, and M detections of the frame.

    Attributes:
        table: the N tracks; `table.motion` is predicted to this frame.
        galleries: embeddings of the tracks, stored in the slots `table.slot`.
        motion_model: meaning of `table.motion`.
        detections: the M detections.
        high_score: detections (M,) that may be matched to every track; the others may only
            continue a track that was matched in the previous frame.
        has_embedding: detections (M,) whose row of `detections.embedding` is not zero.
        forbidden: pairs (N, M) that must not be matched, e.g. of different classes.
    """

    table: TrackTable
    galleries: GalleryStore
    motion_model: MotionModel
    detections: Detections
    high_score: Flags
    has_embedding: Flags
    forbidden: Flags

    def near_pairs(self, regions: Array) -> Iterator[tuple[Rows, Rows]]:
        """Row and column (P,) of all pairs that can be matched, in parts; see `near_pairs`.

        A detection must touch the region (N, 4) of the track, and must not be forbidden to it.
        """
        for row, column in near_pairs(regions, self.detections.xyxy):
            if np.count_nonzero(self.forbidden):
                allowed = ~self.forbidden[row, column]
                row, column = row.compress(allowed), column.compress(allowed)
            yield row, column

    def all_pairs(self) -> tuple[Rows, Rows]:
        """Row and column (P,) of all pairs, by row, then by column."""
        return all_pairs(*self.forbidden.shape)

    def predicted_xyxy(self) -> Array:
        """Predicted boxes (N, 4) of the tracks, in pixels."""
        return self.motion_model.boxes(self.table.motion[:, POSITION])

    def iou(self, predicted_xyxy: Array, row: Rows, column: Rows) -> Array:
        """IoU (P,) of predicted boxes (N, 4) and detections."""
        xyxy = self.detections.xyxy
        return boxes.iou_of_pairs(predicted_xyxy.take(row, axis=0), xyxy.take(column, axis=0))

    def both_have_embedding(self, row: Rows, column: Rows) -> Flags:
        """Pairs (P,) of which the track and the detection have an embedding."""
        in_gallery = self.galleries.has_embedding(self.table.slot)
        return np.asarray(in_gallery.take(row) & self.has_embedding.take(column))


def association_input(
    config: DeepSortConfig,
    table: TrackTable,
    galleries: GalleryStore,
    motion_model: MotionModel,
    frame_input: FrameInput,
) -> AssociationInput:
    """The input of an association for the detections of a frame."""
    detections = frame_input.detections
    forbidden = np.zeros((len(table), len(detections)), dtype=bool)
    if not config.class_agnostic:
        forbidden = other_class(table.class_id(), detections.class_id)
    masks = frame_input.high_score, frame_input.has_embedding, forbidden
    return AssociationInput(table, galleries, motion_model, detections, *masks)


class PairScores(NamedTuple):
    """Scores that an association gives to every pair of N tracks and M detections of a frame.

    Attributes:
        motion: the motion term (N, M), NaN where there is none.
        appearance: the appearance term (N, M), NaN where there is none.
        total: what the association optimises (N, M).
        threshold: minimum `total` of a match when `higher_is_better`, otherwise the maximum.
        higher_is_better: True for a log likelihood ratio, False for a cost.
        rejected_by_motion: pairs (N, M) that cannot match because of motion or `forbidden`.
        rejected_by_appearance: further pairs (N, M) that cannot match because of appearance.
    """

    motion: Array
    appearance: Array
    total: Array
    threshold: float
    higher_is_better: bool
    rejected_by_motion: Flags
    rejected_by_appearance: Flags


class MotionMatches(NamedTuple):
    """What an association decides by motion alone.

    Attributes:
        pairs: pairs (K, 2) of table rows and detection rows that appearance would not change.
        undecided: detections (M,) whose embedding can change the matching. The others, that are in
            no pair, stay unmatched.
    """

    pairs: Rows
    undecided: Flags


class Association(Protocol):
    """A rule that matches tracks and detections; no forbidden pair is matched."""

    def __call__(self, inputs: AssociationInput, /) -> Matching:
        """Pairs (K, 2) of table rows and detection rows, and the unmatched rows."""
        ...

    def score_pairs(self, inputs: AssociationInput, /) -> PairScores:
        """Scores of all pairs, for explanations; slower than a call."""
        ...


@runtime_checkable
class MotionFirstAssociation(Association, Protocol):
    """An association that tells which matches need no embedding."""

    def match_by_motion(self, inputs: AssociationInput, /) -> MotionMatches:
        """The matches that motion alone makes certain; embeddings of detections are not used."""
        ...
