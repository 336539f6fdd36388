"""Boxes of the tracks: predicted to the next frame by the Kalman filter, and as reported."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.extras.box_smoothing import BoxSmoother, smoothed_boxes
from deepsort_reid.tracking.extras.common_motion import estimate_common_motion
from deepsort_reid.tracking.frame_input import FrameInput
from deepsort_reid.tracking.kalman import MotionModel
from deepsort_reid.tracking.track_table import TrackTable

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


def predict_tracks(
    config: DeepSortConfig,
    frame_input: FrameInput,
    table: TrackTable,
    model: MotionModel,
    box_smoother: BoxSmoother,
    camera: Array | None,
    dt: float,
) -> None:
    """Predict every track of the table to this frame.

    camera: affine camera motion (2, 3), None where unknown. dt: time since the last update, in
    frames. Camera motion, given or estimated from the tracks, moves the boxes as well.
    """
    previous_xywh = model.xywh(table.motion[:, kalman.POSITION])
    if camera is not None:
        table.motion = kalman.apply_camera_motion(model, table.motion, camera)
    coasting = table.is_coasting
    if np.count_nonzero(coasting):
        table.motion = table.motion.copy()
        decay = config.coasting_size_velocity_decay**dt
        table.motion[coasting, kalman.VELOCITY, 2:] *= decay
    table.motion = kalman.predict(model, table.motion, dt)
    if config.common_motion_compensation:
        table.motion[:, kalman.POSITION, :2] += estimate_common_motion(
            filtered_boxes(table, model).compress(table.is_confirmed, axis=0),
            frame_input.detections.xyxy.compress(frame_input.high_score, axis=0),
        )
    if config.smooth_boxes:
        table.smoother_state = box_smoother.predict(
            table.smoother_state, previous_xywh, model.xywh(table.motion[:, kalman.POSITION])
        )


def filtered_boxes(table: TrackTable, model: MotionModel) -> Array:
    """Boxes (N, 4) of the Kalman filter, in pixels."""
    return model.boxes(table.motion[:, kalman.POSITION])


def report_tracks(
    config: DeepSortConfig, table: TrackTable, model: MotionModel, rows: Rows
) -> Tracks:
    """The tracks of these rows (T,), with the boxes that the configuration reports."""
    filtered = model.boxes(table.motion[:, kalman.POSITION].take(rows, axis=0))
    matched, xyxy = table.detection.take(rows) >= 0, table.xyxy.take(rows, axis=0)
    if config.smooth_boxes:
        xyxy = smoothed_boxes(table.smoother_state.take(rows, axis=0), xyxy, matched)
    else:
        xyxy = np.where(matched[:, None], xyxy, filtered)
    return table.as_tracks(rows, xyxy=xyxy, filtered_xyxy=filtered)
