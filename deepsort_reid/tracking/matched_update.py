"""Update of the matched tracks with their detections."""

from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import Matching
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.extras.box_smoothing import BoxSmoother
from deepsort_reid.tracking.frame_input import FrameInput, update_galleries
from deepsort_reid.tracking.gallery import GalleryStore
from deepsort_reid.tracking.kalman import MotionModel
from deepsort_reid.tracking.track_table import TrackTable


def update_matched(
    config: DeepSortConfig,
    table: TrackTable,
    galleries: GalleryStore,
    model: MotionModel,
    box_smoother: BoxSmoother,
    frame_input: FrameInput,
    matching: Matching,
) -> None:
    """Update motion, smoothed box, class and gallery of the matched tracks."""
    detections = frame_input.detections
    rows, matched = matching.pairs[:, 0], matching.pairs[:, 1]
    xyxy, score = detections.xyxy.take(matched, axis=0), detections.score.take(matched)
    noise_scale = kalman.nsa_noise_scale(score) if config.nsa_kalman else 1.0
    motion = table.motion.take(rows, axis=0)
    table.motion[rows] = kalman.correct(model, motion, model.measure(xyxy), noise_scale)
    if config.smooth_boxes:
        table.smoother_state = box_smoother.update(
            table.smoother_state, rows, xyxy, table.is_coasting.take(rows)
        )
    table.record_match(rows, xyxy, score, frame_input.rows.take(matched))
    table.vote(rows, detections.class_id.take(matched), score)
    consecutive = table.is_confirmed.take(rows)
    update_galleries(galleries, table.slot.take(rows), frame_input, matched, consecutive)
