"""Track initiation: which unmatched detections start a track."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.costs import other_class
from deepsort_reid.tracking.extras import box_smoothing
from deepsort_reid.tracking.frame_input import FrameInput
from deepsort_reid.tracking.gallery import GalleryStore
from deepsort_reid.tracking.kalman import MotionModel
from deepsort_reid.tracking.track_table import TrackTable

Rows = NDArray[np.intp]


def select_new_tracks(
    config: DeepSortConfig, frame: FrameInput, unmatched: Rows, table: TrackTable
) -> Rows:
    """Rows of the unmatched detections that start a track, highest score first.

    A detection starts no track when its score is below `new_track_score`, or when it overlaps a
    track matched in this frame by more than `max_new_track_overlap` of the smaller box: it is then
    probably a second detection of the same person. The order by score, then by box, makes new ids
    independent of the order of the detections.
    """
    detections = frame.detections
    rows = unmatched[detections.score[unmatched] >= config.new_track_score]
    matched = table.state == State.CONFIRMED
    matched_xyxy = table.xyxy[matched]
    if len(matched_xyxy) and len(rows):
        xyxy = detections.xyxy[rows]
        smaller_area = np.minimum(boxes.area(matched_xyxy)[:, None], boxes.area(xyxy))
        overlap = boxes.intersection(matched_xyxy, xyxy) / smaller_area
        if not config.class_agnostic:
            overlap[other_class(table.class_id()[matched], detections.class_id[rows])] = 0
        rows = rows[overlap.max(axis=0) <= config.max_new_track_overlap]
    xyxy, score = detections.xyxy[rows], detections.score[rows]
    return rows[np.lexsort((xyxy[:, 3], xyxy[:, 2], xyxy[:, 1], xyxy[:, 0], -score))]


def start_tracks(
    config: DeepSortConfig,
    frame: FrameInput,
    unmatched: Rows,
    table: TrackTable,
    galleries: GalleryStore,
    motion_model: MotionModel,
) -> tuple[Rows, Rows]:
    """Append tracks to the table, tentative ones unless `n_init` is 1, without ids.

    Returns their table rows (K,) and detection rows (K,).
    """
    started = select_new_tracks(config, frame, unmatched, table)
    n = len(started)
    if not n:
        return started, started
    xyxy, score = frame.detections.xyxy[started], frame.detections.score[started]
    zeros, ones = np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64)
    table.append(
        motion=kalman.initiate(motion_model, motion_model.measure(xyxy)),
        smoother_state=box_smoothing.initiate(xyxy),
        xyxy=xyxy,
        score=score,
        id=zeros,
        state=ones * (State.CONFIRMED if config.n_init == 1 else State.TENTATIVE),
        hits=ones,
        age=ones,
        misses=zeros,
        detection=frame.rows[started],
        slot=galleries.allocate(n),
    )
    rows = np.arange(len(table) - n, len(table))
    table.vote(rows, frame.detections.class_id[started], score)
    return rows, started
