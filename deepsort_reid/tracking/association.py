"""Association: which tracks are matched to which detections of a frame.

`LikelihoodRatio` (the default) and `MatchingCascade` (Wojke et al. 2017) implement `Association`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.tracking.assignment import Matching
from deepsort_reid.tracking.candidate_blocks import candidate_blocks, is_one_block
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.costs import other_class
from deepsort_reid.tracking.frame_input import FrameInput
from deepsort_reid.tracking.gallery import GalleryStore
from deepsort_reid.tracking.kalman import POSITION, MotionModel
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

    def blocks(
        self, regions: Callable[["AssociationInput"], Array]
    ) -> Iterator[tuple[Rows, Rows, "AssociationInput"]]:
        """Parts of the input that together have all pairs that can be matched; none without pairs.

        `regions` gives for each track the box (N, 4) that a detection must touch to be matched. It
        is called only when there are many pairs; otherwise the only part is the whole input.

        Yields the rows of a part in the table, its rows in the detections, and the part.
        """
        n, m = self.forbidden.shape
        if n and m and is_one_block(n, m):
            yield np.arange(n), np.arange(m), self
            return
        for rows, columns in candidate_blocks(regions(self), self.detections.xyxy):
            yield (
                rows,
                columns,
                self._replace(
                    table=self.table.select(rows),
                    detections=self.detections[columns],
                    high_score=self.high_score[columns],
                    has_embedding=self.has_embedding[columns],
                    forbidden=self.forbidden[np.ix_(rows, columns)],
                ),
            )

    def predicted_xyxy(self) -> Array:
        """Predicted boxes (N, 4) of the tracks, in pixels."""
        return self.motion_model.boxes(self.table.motion[:, POSITION])

    def iou(self) -> Array:
        """IoU (N, M) of predicted boxes and detections."""
        return boxes.iou(self.predicted_xyxy(), self.detections.xyxy)

    def both_have_embedding(self) -> Flags:
        """Pairs (N, M) of which the track and the detection have an embedding."""
        in_gallery = self.galleries.has_embedding(self.table.slot)
        return np.asarray(in_gallery[:, None] & self.has_embedding)


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
