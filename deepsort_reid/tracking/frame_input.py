"""Input of one update: the detections that are used, with their masks, and the argument checks."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detection_sources import type_name
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.structures.numbers import as_float, as_numbers
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.extras.visibility import ImageBorder, occlusion_ratio
from deepsort_reid.tracking.gallery import GalleryStore
from deepsort_reid.tracking.kalman import AspectMotion, SizeMotion
from deepsort_reid.tracking.settings import require_type

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

# Packages of other detections -> how to convert them.
_CONVERSIONS = {
    "supervision": "Detections.from_supervision(...)",
    "ultralytics": "Detections.from_ultralytics(...)",
}
_MAX_DT = 1_000_000  # frames: nine hours at 30 frames per second
_MAX_CAMERA = 1e6  # of a factor, or of a translation in pixels


class FrameInput(NamedTuple):
    """The detections of one frame with `min_score` or more, and what is known of each.

    Made once in each update. M counts the used detections.

    Attributes:
        given: all detections of the caller, with embeddings where the tracker computed them; zeros
            where it did not.
        rows: rows (M,) of `given` that are used.
        detections: these M detections.
        high_score: detections (M,) that may be matched to every track.
        has_embedding: detections (M,) whose row of `detections.embedding` is not zero.
        reliable_embedding: `has_embedding` and `high_score` (M,). Other embeddings neither enter a
            gallery nor the distance calibration.
        storable: detections (M,) that probably show one complete person, so that their embedding
            represents the person: score, truncation and occlusion are within the limits of the
            configuration.
        calibrates: whether the embeddings may be compared to calibrate distances. Not when the
            tracker chose which detections are embedded: they are mostly people who overlap.
    """

    given: Detections
    rows: Rows
    detections: Detections
    high_score: Flags
    has_embedding: Flags
    reliable_embedding: Flags
    storable: Flags
    calibrates: bool


def make_frame_input(
    config: DeepSortConfig, given: Detections, rows: Rows, border: ImageBorder
) -> FrameInput:
    """The input of an update that uses these rows (M,) of the caller's embedded detections."""
    detections = given if len(rows) == len(given) else given[rows]
    high_score = is_high_score(config, detections)
    has_embedding: Flags = np.zeros(len(rows), dtype=bool)
    if detections.embedding is not None:
        has_embedding = rows_not_zero(detections.embedding)
    reliable = has_embedding & high_score
    storable = high_score & _is_storable(config, detections, border)
    return FrameInput(given, rows, detections, high_score, has_embedding, reliable, storable, True)


def rows_not_zero(embedding: NDArray[np.float32]) -> Flags:
    """Embeddings (M, D) that are not rows of zeros: (M,)."""
    # All others have length 1: the product is faster than a search for an entry that is not zero.
    return np.asarray(np.einsum("md,md->m", embedding, embedding) > 0)


def update_galleries(
    galleries: GalleryStore,
    slots: NDArray[np.int64],
    frame_input: FrameInput,
    matched: Rows,
    consecutive: Flags,
) -> None:
    """Store the embeddings of detections `matched` (K,) in the galleries at `slots` (K,).

    consecutive: tracks (K,) that were matched in the previous frame, too; their distances
    calibrate the intra-identity distance.
    """
    reliable = frame_input.reliable_embedding.take(matched)
    storable = frame_input.storable.take(matched)
    skipped = storable & ~reliable
    if np.count_nonzero(skipped):
        galleries.skip(slots.compress(skipped))
    if frame_input.detections.embedding is None or not np.count_nonzero(reliable):
        return
    galleries.update(
        slots.compress(reliable),
        frame_input.detections.embedding.take(matched.compress(reliable), axis=0),
        storable=storable.compress(reliable),
        consecutive=consecutive.compress(reliable) & frame_input.calibrates,
    )


def checked_parts(association: Any, motion: Any, appearance: Any, registry: Any) -> None:
    """Raise ValueError when a part of a tracker is neither None nor what it must be."""
    if not (association is None or callable(association)):
        raise ValueError(
            "association must be callable with an AssociationInput, such as LikelihoodRatio(), "
            f"got {type(association).__name__} {association!r:.80}"
        )
    if not (appearance is None or callable(getattr(appearance, "create_store", None))):
        raise ValueError(
            "appearance must be MeanAppearance() or GalleryAppearance(), "
            f"got {type(appearance).__name__} {appearance!r:.80}"
        )
    require_type("motion", motion, AspectMotion, SizeMotion, type(None))
    if not (registry is None or callable(getattr(registry, "undo_update", None))):
        raise ValueError(
            f"registry must be a PersonRegistry, got {type(registry).__name__} {registry!r:.80}"
        )


def checked_detections(detections: Detections) -> Detections:
    """The detections; ValueError when they are something else."""
    if not isinstance(detections, Detections):
        module = type(detections).__module__.partition(".")[0]
        hint = _CONVERSIONS.get(module, "Detections(xyxy, score)")
        if isinstance(detections, list | tuple):
            hint += ", or Detections.from_list([([left, top, width, height], score, class), ...])"
        raise ValueError(
            f"update expects Detections, got {type_name(detections)}; make them with {hint}"
        )
    return detections


def is_high_score(config: DeepSortConfig, detections: Detections) -> Flags:
    """Detections (M,) whose score reaches `high_score_threshold`."""
    return np.asarray(detections.score >= config.high_score_threshold)


def _is_storable(config: DeepSortConfig, detections: Detections, border: ImageBorder) -> Flags:
    """Detections (M,) whose embedding may represent a track; see `FrameInput.storable`."""
    storable = np.asarray(detections.score >= config.min_gallery_score)
    if not config.store_truncated:
        storable &= ~border.is_truncated(detections.xyxy)
    if config.max_stored_occlusion < 1:
        storable &= occlusion_ratio(detections.xyxy) <= config.max_stored_occlusion
    return storable


def checked_frame_shape(
    frame: Frame | None, expected: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """Shape of the frame, `expected` when there is no frame.

    Raises ValueError when the frame is not a BGR uint8 image or has another shape than earlier
    frames.
    """
    if frame is None:
        return expected
    shape = check_frame(frame).shape
    if expected is not None and shape != expected:
        raise ValueError(
            f"frames must keep their size: expected {expected}, got {shape}; "
            "call reset() before another video"
        )
    return shape


def checked_camera(camera: Array | None) -> Array | None:
    """The camera motion (2, 3) as float64, None when there is none.

    Raises ValueError when it is not a finite affine transform.
    """
    if camera is None:
        return None
    expected = "camera must be a finite affine (2, 3)"
    warp = as_numbers(camera, np.float64, expected)
    if warp.shape != (2, 3):
        raise ValueError(f"{expected}, got shape {warp.shape}")
    if not (np.abs(warp) <= _MAX_CAMERA).all():  # also refuses NaN
        raise ValueError(
            f"{expected} with values from {-_MAX_CAMERA:.0e} to {_MAX_CAMERA:.0e}, "
            f"got {warp.tolist()}"
        )
    return warp


def checked_dt(dt: Any) -> float:
    """The time since the last update, in frames.

    Raises ValueError when it is not a number above 0 and at most 1e6: a longer time has no
    meaning in numbers of frames, and would overflow ages.
    """
    if isinstance(dt, np.ndarray) and not dt.ndim:
        dt = dt.item()
    is_number = isinstance(dt, int | float | np.integer | np.floating)
    if not is_number or not 0 < dt < np.inf:
        raise ValueError(f"dt must be a positive number of frames, got {dt!r:.80}")
    if dt > _MAX_DT:
        raise ValueError(f"dt must be at most {_MAX_DT} frames, got {dt!r:.80}; call reset()")
    return float(dt)


def checked_time(time: Any) -> float | None:
    """The time of a frame, None when it is not given; ValueError when it is no finite number."""
    if time is None:
        return None
    value = as_float(time)
    if not np.isfinite(value):
        raise ValueError(f"time must be a finite number of seconds, got {time!r:.80}")
    return value


def elapsed_frames(dt: float) -> int:
    """Whole frames, at least 1, by which an update `dt` frames later raises ages and misses."""
    return max(1, round(dt))
