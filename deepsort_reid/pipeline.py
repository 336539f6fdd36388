"""Frames in, identities out: detector -> camera motion -> tracker, frame by frame."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.video_reader import Source, TruncatedVideo, Video, open_video
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import DeepSort, FixedLag, LaggedTracks

Frame = NDArray[np.uint8]  # (H, W, 3) BGR
Detector = Callable[[Frame], Detections]


class CameraEstimator(Protocol):
    """Frame and people's boxes (M, 4) in; `.warp` (2, 3), previous -> current frame, out."""

    def __call__(self, frame: Frame, xyxy: NDArray[np.float64], /) -> Any: ...


@dataclass(frozen=True, eq=False)
class Step:
    """One frame of a tracked video."""

    number: int  # of the frame in its source, from 1
    frame: Frame
    detections: Detections  # as the tracker got them
    tracks: Tracks


@dataclass
class StageTimer:
    """Seconds spent in each stage of a run, by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """`with stopwatch("detect"): ...` adds the time of the block to that stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent


def track_video(
    source: Source | Video,
    detector: Detector,
    tracker: DeepSort | FixedLag | None = None,
    *,
    camera_motion: CameraEstimator | None = None,
    start: int = 1,
    stop: int | None = None,
    every: int = 1,
) -> Iterator[tuple[int, Frame, Tracks]]:
    """Track people through a video, one frame at a time.

    Args:
        source: what `io.video_reader.open_video` opens: a file, a camera number, a stream URL,
            a folder of images, a MOT sequence folder, an iterable of BGR uint8 frames; or what it
            returned.
        detector: any callable `frame -> Detections`.
        tracker: a `DeepSort`; a new one, without an embedder, when not given. Or a `FixedLag`: the
            frames, and what was found in them, then come so many later, and all of them come.
        camera_motion: an estimator of `vision.camera_motion` for a camera that moves.
        start, stop, every: frames start, start + every, ... up to and with stop, from 1.

    Yields:
        number of the frame, BGR uint8 frame (H, W, 3), and the `Tracks` seen in it.

    Raises:
        TruncatedVideo: after the last readable frame, when the source ends early.
        ValueError, OSError: the source cannot be opened.
    """
    for step in steps(
        source, detector, tracker, camera_motion=camera_motion, start=start, stop=stop, every=every
    ):
        yield step.number, step.frame, step.tracks


def steps(
    source: Source | Video,
    detector: Detector,
    tracker: DeepSort | FixedLag | None = None,
    *,
    camera_motion: CameraEstimator | None = None,
    start: int = 1,
    stop: int | None = None,
    every: int = 1,
    stopwatch: StageTimer | None = None,
) -> Iterator[Step]:
    """`track_video`, with the detections beside the tracks.

    `stopwatch` collects the seconds spent in read, detect, embed, camera and track.
    """
    tracker = tracker or DeepSort()
    clock = stopwatch or StageTimer()
    video = source if isinstance(source, Video) else open_video(source)
    frames = video.iter_frames(start, stop, every)
    held: deque[tuple[int, Frame, Detections]] = deque()  # of those the tracks are still to come
    ended: TruncatedVideo | None = None
    while True:
        try:
            with clock("read"):
                number, frame = next(frames, (0, None))
        except TruncatedVideo as error:
            frame, ended = None, error
        if frame is None:
            break
        with clock("detect"):
            found = detector(frame)
        if not isinstance(found, Detections):
            raise ValueError(
                f"a detector must return Detections, got {type(found).__name__} in frame {number}"
            )
        with clock("embed"):
            detections = tracker.embed(found, frame)
        camera = None
        if camera_motion is not None:
            with clock("camera"):
                camera = camera_motion(frame, detections.xyxy).warp
        with clock("track"):
            tracks = tracker.update(detections, frame=frame, camera=camera, dt=every)
        held.append((number, frame, detections))
        if isinstance(tracks, LaggedTracks):
            tracks = tracks.tracks
        if tracks is not None:
            yield Step(*held.popleft(), tracks)
    if isinstance(tracker, FixedLag):
        for late in tracker.flush():
            yield Step(*held.popleft(), late.tracks)
    if ended is not None:
        raise ended
