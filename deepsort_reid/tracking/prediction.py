"""Boxes of the tracks: predicted to the next frame by the Kalman filter, and as reported."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State, Tracks
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
    previous_xyxy = filtered_boxes(table, model) if config.smooth_boxes else None
    if camera is not None:
        table.motion = kalman.apply_camera_motion(model, table.motion, camera)
    coasting = table.state == State.COASTING
    if coasting.any():
        table.motion = table.motion.copy()
        decay = config.coasting_size_velocity_decay**dt
        table.motion[coasting, kalman.VELOCITY, 2:] *= decay
    table.motion = kalman.predict(model, table.motion, dt)
    if config.common_motion_compensation:
        table.motion[:, kalman.POSITION, :2] += estimate_common_motion(
            filtered_boxes(table, model)[table.state == State.CONFIRMED],
            frame_input.detections.xyxy[frame_input.high_score],
        )
    if previous_xyxy is not None:
        table.smoother_state = box_smoother.predict(
            table.smoother_state, previous_xyxy, filtered_boxes(table, model)
        )


def filtered_boxes(table: TrackTable, model: MotionModel) -> Array:
    """Boxes (N, 4) of the Kalman filter, in pixels."""
    return model.boxes(table.motion[:, kalman.POSITION])


def report_tracks(
    config: DeepSortConfig, table: TrackTable, model: MotionModel, rows: Rows
) -> Tracks:
    """The tracks of these rows (T,), with the boxes that the configuration reports."""
    filtered = filtered_boxes(table, model)[rows]
    matched = table.detection[rows] >= 0
    if config.smooth_boxes:
        xyxy = smoothed_boxes(table.smoother_state[rows], table.xyxy[rows], matched)
    else:
        xyxy = np.where(matched[:, None], table.xyxy[rows], filtered)
    return table.as_tracks(rows, xyxy=xyxy, filtered_xyxy=filtered)
