"""Track initiation: which unmatched detections start a track."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.extras import box_smoothing
from deepsort_reid.tracking.frame_input import FrameInput, update_galleries
from deepsort_reid.tracking.gallery import GalleryStore
from deepsort_reid.tracking.kalman import MotionModel
from deepsort_reid.tracking.near_pairs import near_pairs
from deepsort_reid.tracking.track_table import TrackTable

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
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
    matched = table.is_confirmed
    rows = rows_without_track(
        config, detections, unmatched, table.xyxy[matched], table.class_id()[matched]
    )
    xyxy, score = detections.xyxy[rows], detections.score[rows]
    return rows[np.lexsort((xyxy[:, 3], xyxy[:, 2], xyxy[:, 1], xyxy[:, 0], -score))]


def rows_without_track(
    config: DeepSortConfig,
    detections: Detections,
    rows: Rows,
    matched_xyxy: Array,
    matched_class: Ints,
) -> Rows:
    """Those of the detection rows (K,) that may start a track beside matched tracks.

    The tracks have boxes (N, 4) and classes (N,). See `select_new_tracks`.
    """
    rows = rows[detections.score[rows] >= config.new_track_score]
    if not len(rows):
        return rows
    duplicate = np.zeros(len(rows), dtype=bool)
    for new, near in near_pairs(detections.xyxy[rows], matched_xyxy):
        xyxy, near_xyxy = detections.xyxy[rows[new]], matched_xyxy[near]
        smaller_area = np.minimum(boxes.area(xyxy), boxes.area(near_xyxy))
        overlap = boxes.intersection_of_pairs(xyxy, near_xyxy) / smaller_area
        overlaps = overlap > config.max_new_track_overlap
        if not config.class_agnostic:
            overlaps &= detections.class_id[rows[new]] == matched_class[near]
        duplicate[new[overlaps]] = True
    return rows[~duplicate]


def start_tracks(
    config: DeepSortConfig,
    frame: FrameInput,
    unmatched: Rows,
    table: TrackTable,
    galleries: GalleryStore,
    motion_model: MotionModel,
) -> int:
    """Append tracks to the table, tentative ones unless `n_init` is 1, without ids.

    Returns their number.
    """
    started = select_new_tracks(config, frame, unmatched, table)
    n = len(started)
    if not n:
        return 0
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
    first = np.zeros(n, dtype=bool)
    update_galleries(galleries, table.slot[rows], frame, started, first)
    return n
