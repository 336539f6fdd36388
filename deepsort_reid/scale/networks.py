"""Detector and embedder for the frames of several cameras at once."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.pipeline import StageTimer
from deepsort_reid.scale.camera import Camera
from deepsort_reid.scale.rounds import Round, Rounds
from deepsort_reid.structures.detections import Detections, Detector
from deepsort_reid.structures.frame import Frame, TimedFrame
from deepsort_reid.tracking.frame_embedding import FrameEmbedder
from deepsort_reid.tracking.frame_input import is_high_score
from deepsort_reid.vision.crops import cut_crops
from deepsort_reid.vision.detectors import OnnxDetector
from deepsort_reid.vision.devices import CPU_PROVIDER
from deepsort_reid.vision.embedder import Embedder

# Crops below which a second thread costs more than it saves.
_MIN_CROPS = 4


class DetectedFrame(NamedTuple):
    """A frame of a camera with what the networks found in it.

    warp: camera motion (2, 3) since the frame before; None without an estimator.
    """

    camera: Camera
    timed: TimedFrame
    detections: Detections
    warp: NDArray[np.float64] | None


class DetectedRound(NamedTuple):
    """A round with detections; see `Round`."""

    frames: list[DetectedFrame]
    ended: list[tuple[Camera, str]]


class Networks:
    """Runs detectors, camera motion and embedder on rounds; a context manager.

    On a CPU, the frames of a round go through the detector at the same time, in as many threads,
    and the crops of all cameras through the embedder in as many equal parts: that takes less
    processor time than several threads inside one run of a network. On other devices they are one
    batch. Results are those of one frame after the other.

    Args:
        embedder: of all cameras; None where the trackers embed themselves, or nothing does.
        threads: number of threads; one for each CPU core when None.
    """

    def __init__(self, embedder: FrameEmbedder | None, threads: int | None = None) -> None:
        self._embedder = embedder
        self._threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, "networks")
        self._timer = StageTimer()

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds in the stages "read" (waiting for frames), "detect", "camera" and "embed"."""
        return self._timer.seconds

    def detected(self, rounds: Rounds) -> Iterator[DetectedRound]:
        """The rounds with their detections."""
        while (each := self._next(rounds)) is not None:
            with self._timer("detect"):
                found = self._detect(each.frames)
            with self._timer("camera"):
                warps = self._warps(each.frames, found)
            with self._timer("embed"):
                found = self._embed(each.frames, found)
            frames = [
                DetectedFrame(*frame, detections, warp)
                for frame, detections, warp in zip(each.frames, found, warps, strict=True)
            ]
            yield DetectedRound(frames, each.ended)

    def __enter__(self) -> "Networks":
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._pool.shutdown()

    def _next(self, rounds: Rounds) -> Round | None:
        with self._timer("read"):
            return next(rounds, None)

    def _detect(self, frames: Sequence[tuple[Camera, TimedFrame]]) -> list[Detections]:
        """Detections of each frame."""
        rows_of: dict[int, list[int]] = {}
        for row, (camera, _) in enumerate(frames):
            rows_of.setdefault(id(camera.detector), []).append(row)
        tasks: list[tuple[list[int], Future[list[Detections]]]] = []
        for rows in rows_of.values():
            detector = frames[rows[0]][0].detector
            for part in _parts(detector, rows):
                images = [frames[row][1].frame for row in part]
                tasks.append((part, self._pool.submit(_detect, detector, images)))
        found: dict[int, Detections] = {}
        for part, task in tasks:
            found.update(zip(part, task.result(), strict=True))
        return [_checked(found[row], *frames[row]) for row in range(len(frames))]

    def _warps(
        self, frames: Sequence[tuple[Camera, TimedFrame]], found: Sequence[Detections]
    ) -> list[NDArray[np.float64] | None]:
        """Camera motion of each frame."""

        def warp(frame: tuple[Camera, TimedFrame], detections: Detections) -> Any:
            camera, timed = frame
            if camera.camera_motion is None:
                return None
            return camera.camera_motion(timed.frame, detections.xyxy).warp

        if all(camera.camera_motion is None for camera, _ in frames):
            return [None] * len(frames)
        return list(self._pool.map(warp, frames, found))

    def _embed(
        self, frames: Sequence[tuple[Camera, TimedFrame]], found: Sequence[Detections]
    ) -> list[Detections]:
        """The detections with the embeddings that their trackers need."""
        needed = [
            _needed_rows(camera, each) for (camera, _), each in zip(frames, found, strict=True)
        ]
        if self._embedder is None or not any(rows.any() for rows in needed):
            return list(found)
        images = [timed.frame for _, timed in frames]
        boxes = [each.xyxy[rows] for each, rows in zip(found, needed, strict=True)]
        embeddings = self._embeddings(images, boxes)
        return [
            _with_rows(each, rows, embedding) if rows.any() else each
            for each, rows, embedding in zip(found, needed, embeddings, strict=True)
        ]

    def _embeddings(
        self, images: Sequence[Frame], boxes: Sequence[NDArray[np.float64]]
    ) -> list[NDArray[np.float32]]:
        """Embeddings of the boxes of each image."""
        embedder = self._embedder
        if not isinstance(embedder, Embedder):
            assert embedder is not None
            return [embedder(image, xyxy) for image, xyxy in zip(images, boxes, strict=True)]
        cut = [cut_crops(image, xyxy) for image, xyxy in zip(images, boxes, strict=True)]
        crops = [crop for found, _ in cut for crop in found]
        is_cpu = embedder.providers[0] == CPU_PROVIDER
        parts = min(self._threads, max(len(crops) // _MIN_CROPS, 1)) if is_cpu else 1
        size = max(-(-len(crops) // parts), 1)
        chunks = [crops[start : start + size] for start in range(0, len(crops), size)] or [crops]
        rows = np.concatenate(list(self._pool.map(embedder.embed_crops, chunks)))
        result, start = [], 0
        for found, visible in cut:
            embedding = np.zeros((len(visible), rows.shape[1]), dtype=np.float32)
            embedding[visible] = rows[start : start + len(found)]
            start += len(found)
            result.append(embedding)
        return result


def _parts(detector: Detector, rows: list[int]) -> list[list[int]]:
    """Rows of frames of a detector that one thread takes one after the other."""
    # A network has no memory, and several threads may use it. Of another detector that is unknown.
    is_network = isinstance(detector, OnnxDetector) and not detector.prefers_batches
    return [[row] for row in rows] if is_network else [rows]


def _detect(detector: Detector, images: Sequence[Frame]) -> list[Detections]:
    if isinstance(detector, OnnxDetector):
        return detector.detect_batch(images)
    return [detector(image) for image in images]


def _checked(found: Detections, camera: Camera, timed: TimedFrame) -> Detections:
    if not isinstance(found, Detections):
        raise ValueError(
            f"camera {camera.name}: a detector must return Detections, got {type(found).__name__} "
            f"in frame {timed.number}"
        )
    return found


def _needed_rows(camera: Camera, detections: Detections) -> NDArray[np.bool_]:
    """Detections (M,) that the tracker of the camera embeds, whatever its tracks.

    No row where that depends on the tracks: then the tracker calls the embedder itself.
    """
    config = camera.tracker.config
    if detections.embedding is not None or config.embedding_interval > 1:
        return np.zeros(len(detections), dtype=bool)
    return is_high_score(config, detections) & (detections.score >= config.min_score)


def _with_rows(
    detections: Detections, rows: NDArray[np.bool_], embedding: NDArray[np.float32]
) -> Detections:
    """The detections with the embeddings of some rows (M,), and zeros for the others."""
    full = np.zeros((len(detections), embedding.shape[1]), dtype=np.float32)
    full[rows] = embedding
    return detections.with_embedding(full)
