"""Embedding of a frame: the embedder is called where an embedding can change a decision.

Most detections are matched to their track by motion alone. An embedding is needed

- where the matching is not certain by motion: near other tracks, near coasting tracks, far from the
  prediction, or for a tentative track,
- for a detection that may start a track,
- for a track whose gallery has no embedding yet that represents it.

Every `DeepSortConfig.embedding_interval` updates, always with the default of 1, all detections are
embedded. That keeps the galleries up to date, and the distance calibration learns from such frames
alone: people whose matching is uncertain overlap, so distances between them are smaller than
distances in general.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame
from deepsort_reid.tracking.association import (
    Association,
    AssociationInput,
    MotionFirstAssociation,
    MotionMatches,
)
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.frame_input import FrameInput, rows_not_zero
from deepsort_reid.tracking.track_birth import rows_without_track

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class FrameEmbedder(Protocol):
    """Type of `DeepSort(embedder=...)`: frame and boxes (M, 4) in, unit rows (M, D) out."""

    def __call__(self, frame: Frame, xyxy: Array, /) -> NDArray[np.float32]: ...


def checked_embedder(embedder: FrameEmbedder | None) -> FrameEmbedder | None:
    """The embedder; ValueError when it cannot be called."""
    if not (embedder is None or callable(embedder)):
        raise ValueError(
            "embedder must be callable with a frame and boxes, got "
            f"{type(embedder).__name__}; load a file with DeepSort(embedder=Embedder('FILE.onnx'))"
        )
    return embedder


def check_frame_given(
    config: DeepSortConfig,
    embedder: FrameEmbedder | None,
    detections: Detections,
    frame: Frame | None,
) -> None:
    """Raise ValueError when detections have to be embedded and there is no frame."""
    embeds = embedder is not None and detections.embedding is None
    if embeds and frame is None and (detections.score >= config.min_score).any():
        raise ValueError(
            "this tracker embeds: pass update(detections, frame=frame), "
            "or detections with embeddings"
        )


def embed_needed(
    config: DeepSortConfig,
    embedder: FrameEmbedder,
    association: Association,
    inputs: AssociationInput,
    frame_input: FrameInput,
    frame: Frame,
    all_rows: bool,
) -> FrameInput:
    """The input with embeddings of the detections that need one, and zero rows for the others.

    Detections below `high_score_threshold` are matched by IoU alone and never embedded. All others
    are with `all_rows`, while the embedder is not judged yet (`Calibration.needs_frame`), and for
    an association that does not tell which matches are certain by motion.

    Raises ValueError when the embedder does not return one unit row for each box.
    """
    needed, galleries = frame_input.high_score, inputs.galleries
    all_rows |= galleries.calibration.needs_frame(int(needed.sum()))
    if isinstance(association, MotionFirstAssociation) and not all_rows:
        matches = association.match_by_motion(inputs)
        needed = needed & _needed_rows(config, inputs, matches, frame_input.storable)
    else:
        all_rows = True
    embedded = _with_embeddings(frame_input, needed, embedder, frame, galleries.dim)
    return embedded._replace(calibrates=all_rows)


def _needed_rows(
    config: DeepSortConfig, inputs: AssociationInput, matches: MotionMatches, storable: Flags
) -> Flags:
    """Detections (M,) that are undecided, may start a track, or represent a track."""
    table, xyxy, needed = inputs.table, inputs.detections.xyxy, matches.undecided.copy()
    tracks, matched = matches.pairs[:, 0], matches.pairs[:, 1]
    free = ~needed
    free[matched] = False
    classes = table.class_id()[tracks]
    rows = np.flatnonzero(free)
    needed[rows_without_track(config, inputs.detections, rows, xyxy[matched], classes)] = True
    needed[matched] = inputs.galleries.needs_embedding(table.slot[tracks], storable[matched])
    return needed


def _with_embeddings(
    frame_input: FrameInput, needed: Flags, embedder: FrameEmbedder, frame: Frame, dim: int
) -> FrameInput:
    """The input with embeddings of the needed detections (M,); `dim` is 0 if not known yet."""
    given, detections = frame_input.given, frame_input.detections[needed]
    if len(detections):
        rows = detections.with_embedding(embedder(frame, detections.xyxy)).embedding
        if rows is None:
            raise ValueError("an embedder must return one row for each box, got None")
    elif dim and len(given):
        rows = np.empty((0, dim), dtype=np.float32)
    else:
        return frame_input
    embedding = np.zeros((len(given), rows.shape[1]), dtype=np.float32)
    embedding[frame_input.rows[needed]] = rows
    given = given.with_embedding(embedding)
    has_embedding = rows_not_zero(embedding[frame_input.rows])
    return frame_input._replace(
        given=given,
        detections=given[frame_input.rows],
        has_embedding=has_embedding,
        reliable_embedding=has_embedding & frame_input.high_score,
    )
