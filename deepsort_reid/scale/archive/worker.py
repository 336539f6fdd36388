"""The worker of an archive: loads the models once, then tracks one video after the other."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from deepsort_reid.identity import PersonRegistry
from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.identity.track_relation import TrackRelation
from deepsort_reid.io.video import TruncatedVideo, Video
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.pipeline import CameraMotionEstimator, TrackedFrame, track_frames
from deepsort_reid.scale.archive.tables import (
    Tracklet,
    TrackTable,
    VideoFiles,
    files_of,
    read_metadata,
    write_tracklets,
)
from deepsort_reid.scale.archive.videos import ArchiveVideo
from deepsort_reid.structures.detections import Detector
from deepsort_reid.tracking import DeepSort
from deepsort_reid.tracking.from_dict import TrackerParts, tracker_parts
from deepsort_reid.vision.camera_motion import ESTIMATORS
from deepsort_reid.vision.detectors import MotDetections, TorchvisionDetector, load_detector
from deepsort_reid.vision.detectors.factory import DEFAULT_MIN_SCORE, TORCHVISION_PREFIX
from deepsort_reid.vision.embedder import Embedder

MAX_ATTEMPTS = 3  # of a video whose worker is killed
_CAMERA = "camera"  # name in the registry of one video
_BACKGROUND = "background"


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """What all videos of an archive are tracked with; plain data, for other processes.

    Attributes:
        detector: as for `load_detector`; None for det/det.txt of MOT sequences and background
            subtraction for everything else.
        detector_weights: weights of a torchvision detector.
        min_score: of detections; None for the default of the detector.
        classes: numbers or names of classes, `("all",)` for all; None for persons, and all of a
            file.
        embedder: an ONNX file, "none", or None for the embedder of the package.
        camera_motion: "none", or a name of `vision.camera_motion.ESTIMATORS`.
        parts: configuration and association of the tracker.
        every: use every Nth frame.
        device: where networks run.
    """

    detector: str | None = None
    detector_weights: str | None = None
    min_score: float | None = None
    classes: tuple[int | str, ...] | None = None
    embedder: str | None = None
    camera_motion: str = "auto"
    parts: TrackerParts = field(default_factory=lambda: tracker_parts({}))
    every: int = 1
    device: str = "cpu"

    @property
    def selection(self) -> tuple[int | str, ...] | None:
        """`classes`; None where all are meant."""
        return None if self.classes == ("all",) else self.classes

    def as_dict(self) -> dict[str, Any]:
        """All that results depend on, as plain data."""
        values = {k: v for k, v in vars(self).items() if k not in ("device", "parts")}
        return {**values, "config": self.parts.as_dict()}


class ArchiveWorker:
    """Tracks videos of an archive, one in a call, and writes their files.

    Args:
        settings: of the tracking.
        out: folder of the archive's results, which exists.
        threads: CPU threads of this worker.

    Raises ValueError or OSError when a model cannot be loaded.
    """

    def __init__(self, settings: TrackingSettings, out: Path, threads: int) -> None:
        self._settings, self._out, self._threads = settings, out, threads
        cv2.setNumThreads(threads)
        network = settings.detector not in (None, _BACKGROUND)
        self._detector = self._load_detector(str(settings.detector)) if network else None
        self._embedder = None
        if settings.embedder != "none":
            self._embedder = Embedder(settings.embedder, threads=threads, device=settings.device)

    def __call__(self, video: ArchiveVideo) -> str | None:
        """Track a video, unless it is done; returns why that failed, None after success.

        A video that was begun `MAX_ATTEMPTS` times and never ended has killed its worker.
        """
        files = files_of(self._out, video.name)
        if is_done(files, video):
            return None
        number = sum(1 for _ in attempts(files))
        if number >= MAX_ATTEMPTS:
            remove_attempts(files)
            return f"its worker was killed {number} times, for example for lack of memory"
        attempt = files.attempts.with_name(f"{files.attempts.name}.{number + 1}")
        attempt.write_text(f"{socket.gethostname()} {os.getpid()}\n", encoding="utf-8")
        try:
            self._track(video, files)
        except Exception as error:  # whatever is wrong with one video, the others are tracked
            return " ".join(str(error).split()) or type(error).__name__
        finally:
            remove_attempts(files)
        return None

    def _track(self, video: ArchiveVideo, files: VideoFiles) -> None:
        settings = self._settings
        opened = open_video(video.path)
        state = source_state(video)
        # All tracks are needed at the end, however long ago they were seen.
        with PersonRegistry(keep_for=None) as registry:
            tracker = DeepSort(
                **settings.parts._asdict(),
                embedder=self._embedder,
                registry=registry,
                camera=_CAMERA,
            )
            frames = track_frames(
                opened,
                self._detector or self._detector_of(Path(video.path)),
                tracker,
                camera_motion=_camera_motion(settings.camera_motion),
                every=settings.every,
            )
            summary = _Summary()
            with TrackTable(files.tracks, video.name) as table:
                for frame in summary.frames_of(frames):
                    table.append(frame.number, frame.time, frame.tracks)
            registry.start_camera(_CAMERA)  # ends the tracks of the last frames
            tracklets = summary.tracklets(_appearance(registry))
        metadata = {"source": state, **summary.as_dict(), **_properties(opened)}
        write_tracklets(files.tracklets, video.name, tracklets, metadata)

    def _detector_of(self, path: Path) -> Detector:
        """A detector that begins with this video: detections in a file, or a model of the scene."""
        file = path / "det" / "det.txt"
        if self._settings.detector is None and file.is_file():
            limit = self._settings.min_score or 0.0
            every, classes = self._settings.every, self._settings.selection
            return MotDetections(file, every=every, min_score=limit, classes=classes)
        return self._load_detector(_BACKGROUND)

    def _load_detector(self, name: str) -> Detector:
        settings = self._settings
        limit, device = settings.min_score, settings.device
        classes = (0,) if settings.classes is None else settings.selection
        if settings.detector_weights is None:
            threads = self._threads
            return load_detector(
                name, min_score=limit, classes=classes, threads=threads, device=device
            )
        return TorchvisionDetector(
            name.removeprefix(TORCHVISION_PREFIX),
            weights=Path(settings.detector_weights),
            min_score=DEFAULT_MIN_SCORE if limit is None else limit,
            classes=classes,
            device=device,
        )


class _Summary:
    """First and last box of each track, counted while a video is tracked."""

    def __init__(self) -> None:
        self._tracks: dict[int, tuple[int, int, float, float, int]] = {}
        self._frames, self._boxes = 0, 0
        self._last_time: float | None = None
        self._truncated: str | None = None

    def frames_of(self, frames: Iterator[TrackedFrame]) -> Iterator[TrackedFrame]:
        """Pass frames on; a video that is cut off ends with its last readable frame."""
        try:
            for frame in frames:
                self._add(frame)
                yield frame
        except TruncatedVideo as error:
            if not self._frames:
                raise
            self._truncated = str(error)

    def tracklets(self, appearance: dict[int, tuple[Prototypes, list[int]]]) -> list[Tracklet]:
        nothing: tuple[Prototypes, list[int]] = (_no_prototypes(), [])
        return [
            Tracklet(id, *self._tracks[id], *appearance.get(id, nothing))
            for id in sorted(self._tracks)
        ]

    def as_dict(self) -> dict[str, Any]:
        return {
            "frames": self._frames,
            "boxes": self._boxes,
            "last_time": self._last_time,
            "error": self._truncated,
        }

    def _add(self, frame: TrackedFrame) -> None:
        self._frames += 1
        self._boxes += len(frame.tracks)
        self._last_time = frame.time
        number, time = frame.number, frame.time
        for id in frame.tracks.id.tolist():
            first, _, begin, _, count = self._tracks.get(id, (number, number, time, time, 0))
            self._tracks[id] = first, number, begin, time, count + 1


def is_done(files: VideoFiles, video: ArchiveVideo) -> bool:
    """Whether a video was tracked, and has not changed since then."""
    if not files.tracklets.exists() or not files.tracks.exists():
        return False
    metadata = read_metadata(files.tracklets)
    try:
        return metadata is not None and metadata.get("source") == source_state(video)
    except OSError:  # the video is no longer there, its tracks are
        return True


def source_state(video: ArchiveVideo) -> list[int]:
    """Size in bytes and latest modification of the files of a video, which change with it."""
    path = Path(video.path)
    files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    states = [each.stat() for each in files]
    return [
        sum(each.st_size for each in states),
        max((each.st_mtime_ns for each in states), default=0),
    ]


def attempts(files: VideoFiles) -> Iterator[Path]:
    """Marks of the attempts at a video that did not end."""
    return files.attempts.parent.glob(f"{files.attempts.name}.*")


def remove_attempts(files: VideoFiles) -> None:
    """Remove the marks of attempts."""
    for mark in list(attempts(files)):
        with suppress(OSError):
            mark.unlink()


def _camera_motion(name: str) -> CameraMotionEstimator | None:
    if name == "none":
        return None
    return ESTIMATORS[name]()


def _properties(video: Video) -> dict[str, Any]:
    width, height = video.size
    return {"frame_rate": video.frame_rate, "width": width, "height": height}


def _appearance(registry: PersonRegistry) -> dict[int, tuple[Prototypes, list[int]]]:
    """Prototypes of each track, by id, and the ids of the tracks that were seen with it."""
    state = registry.state_dict()["records"]
    first, ids = int(state["first_key"]), state["rows"]["id"]
    gallery, seen_together = state["gallery"], TrackRelation()
    seen_together.load_state_dict(state["seen_together"])
    found = {}
    for key, id in enumerate(ids.tolist(), start=first):
        rows = gallery["track"] == key
        prototypes = Prototypes(gallery["embedding"][rows], gallery["count"][rows])
        together = [int(ids[other - first]) for other in seen_together.of(key)]
        found[id] = prototypes, sorted(together)
    return found


def _no_prototypes() -> Prototypes:
    return Prototypes(np.empty((0, 1), dtype=np.float32), np.empty(0))
