"""What an association is asked: which of these tracks is which of these detections?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.tracking.gallery import Pool
from deepsort_reid.tracking.kalman import POSITION, MotionModel
from deepsort_reid.tracking.track_table import TrackTable


class AssociationInput(NamedTuple):
    """The N tracks of `table`, predicted to this frame, and M detections.

    `pool` remembers the looks behind `table.slot`, `model` reads `table.motion`. Detections that
    are not `sure` (M,) may only continue a track, and pairs in `forbidden` (N, M) may not match
    whatever they look like.
    """

    table: TrackTable
    pool: Pool
    model: MotionModel
    detections: Detections
    sure: NDArray[np.bool_]
    forbidden: NDArray[np.bool_]

    def expected_xyxy(self) -> NDArray[np.float64]:
        """Where the tracks are expected, boxes (N, 4) in pixels."""
        return self.model.boxes(self.table.motion[:, POSITION])

    def overlap(self) -> NDArray[np.float64]:
        """IoU (N, M) of where tracks are expected with the detections."""
        return boxes.iou(self.expected_xyxy(), self.detections.xyxy)

    def with_looks(self) -> NDArray[np.bool_]:
        """Pairs (N, M) of which both sides have an appearance."""
        if self.detections.embedding is None:
            return np.zeros(self.forbidden.shape, dtype=bool)
        known = self.pool.known(self.table.slot)
        return np.asarray(known[:, None] & self.detections.embedding.any(axis=1))
