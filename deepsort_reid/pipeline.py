"""Track one video frame by frame: detector -> embedder -> camera motion -> tracker."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.background import read_ahead
from deepsort_reid.io.video import TruncatedVideo, Video
from deepsort_reid.io.video_reader import Source, open_video
from deepsort_reid.structures.detections import Detections, Detector
from deepsort_reid.structures.frame import Frame, TimedFrame
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import DeepSort, FixedLag, LaggedTracks

Result = TypeVar("Result")


class CameraMotionEstimator(Protocol):
    """Estimator of camera motion from a frame and the boxes (M, 4) of the people in it.

    The result's `warp` is an affine matrix (2, 3) that maps the previous frame to this one.
    """

    def __call__(self, frame: Frame, xyxy: NDArray[np.float64], /) -> Any: ...


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame of a tracked video."""

    number: int  # frame number in the source, from 1
    time: float  # seconds since the first frame of the source
    frame: Frame
    detections: Detections  # of the detector, with the embeddings that the tracker computed
    tracks: Tracks


# Frames with their detections, oldest first.
Pending = deque[tuple[TimedFrame, Detections]]


@dataclass
class StageTimer:
    """Seconds spent in each stage of a run, by stage name; a stage may contain another one."""

    seconds: dict[str, float] = field(default_factory=dict)
    _inner: float = 0.0  # seconds of the stages that the current one contains

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """`with timer("detect"): ...` adds the time of the block to that stage.

        The time of stages inside the block is theirs alone.
        """
        outer, self._inner = self._inner, 0.0
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent - self._inner
            self._inner = outer + spent

    def timed(self, stage: str, function: Callable[..., Result]) -> Callable[..., Result]:
        """The function, the time of whose calls is added to a stage."""

        def call(*arguments: Any) -> Result:
            with self(stage):
                return function(*arguments)

        return call


def track_video(
    source: Source | Video,
    detector: Detector,
    tracker: DeepSort | FixedLag | None = None,
    *,
    camera_motion: CameraMotionEstimator | Literal["auto"] | None = "auto",
    start: int = 1,
    stop: int | None = None,
    every: int = 1,
) -> Iterator[tuple[int, Frame, Tracks]]:
    """Track people through a video, one frame at a time.

    Args:
        source: anything that `io.video_reader.open_video` accepts (a file, a camera number, a
            stream URL, a folder of images, a MOT sequence folder, an iterable of BGR uint8
            frames), or a video that it returned.
        detector: any callable `frame -> Detections`.
        tracker: `DeepSort` (a new one without an embedder when not given) or `FixedLag`. With
            `FixedLag` each frame is yielded with its own tracks, a fixed number of frames later.
        camera_motion: an estimator of `vision.camera_motion`; "auto" for `SparseFlow()`, which
            takes little time while the camera is static; None for no compensation.
        start, stop, every: process frames start, start + every, ... up to and including stop,
            counted from 1. `every` is also the time step `dt` of the tracker.

    Yields:
        Frame number, BGR uint8 frame (H, W, 3), and the `Tracks` of that frame.

    Raises:
        TruncatedVideo: the source ends early; raised after its last readable frame.
        ValueError: an argument is invalid, the source cannot be opened, or the detector returns
            something other than `Detections`.
        OSError: the source cannot be opened.
    """
    for tracked in track_frames(
        source, detector, tracker, camera_motion=camera_motion, start=start, stop=stop, every=every
    ):
        yield tracked.number, tracked.frame, tracked.tracks


def track_frames(
    source: Source | Video,
    detector: Detector,
    tracker: DeepSort | FixedLag | None = None,
    *,
    camera_motion: CameraMotionEstimator | Literal["auto"] | None = "auto",
    start: int = 1,
    stop: int | None = None,
    every: int = 1,
    timer: StageTimer | None = None,
) -> Generator[TrackedFrame, None, None]:
    """`track_video`, but yields the time of each frame and its detections as well.

    A thread reads files a few frames ahead, and ends with the iteration. `timer` collects the
    seconds spent in the stages read (waiting for the next frame), detect, camera and track, and
    those of an embedder that is passed to the tracker as `timer.timed("embed", embedder)`.
    """
    if camera_motion == "auto":
        from deepsort_reid.vision.camera_motion import SparseFlow

        camera_motion = SparseFlow()
    video = source if isinstance(source, Video) else open_video(source)
    with open_frames(video, start, stop, every) as frames:
        yield from track_timed_frames(
            frames, detector, tracker or DeepSort(), camera_motion=camera_motion, timer=timer
        )


def track_timed_frames(
    frames: Iterator[TimedFrame],
    detector: Detector,
    tracker: DeepSort | FixedLag,
    *,
    camera_motion: CameraMotionEstimator | None = None,
    timer: StageTimer | None = None,
    pending: Pending | None = None,
    while_buffering: Callable[[], None] = lambda: None,
    before_flush: Callable[[], None] = lambda: None,
) -> Generator[TrackedFrame, None, None]:
    """`track_frames` of frames that are read elsewhere.

    `pending` holds the frames that the tracker has, but whose tracks are not out yet. It is kept up
    to date; a run that is continued passes it with its frames. `while_buffering` is called after
    each update without output, at the beginning of a `FixedLag`, and `before_flush` after the last
    update, before the frames that it holds back.
    """
    timer = timer or StageTimer()
    pending = deque() if pending is None else pending
    truncated: TruncatedVideo | None = None
    while True:
        try:
            with timer("read"):
                timed = next(frames, None)
        except TruncatedVideo as error:
            timed, truncated = None, error
        if timed is None:
            break
        frame = timed.frame
        with timer("detect"):
            detections = _detect(detector, frame, timed.number)
        camera = None
        if camera_motion is not None:
            with timer("camera"):
                camera = camera_motion(frame, detections.xyxy).warp
        with timer("track"):
            tracks = tracker.update(
                detections, frame=frame, camera=camera, dt=timed.dt, time=timed.time
            )
        pending.append((timed, tracker.last_detections))
        if isinstance(tracks, LaggedTracks):
            tracks = tracks.tracks
        if tracks is None:
            while_buffering()
        else:
            yield _tracked_frame(*pending.popleft(), tracks)
    before_flush()
    if isinstance(tracker, FixedLag):
        for lagged in tracker.flush():
            yield _tracked_frame(*pending.popleft(), lagged.tracks)
    if truncated is not None:
        raise truncated


@contextmanager
def open_frames(
    video: Video, start: int, stop: int | None, every: int
) -> Iterator[Iterator[TimedFrame]]:
    """The frames of the video; those of a file are read ahead by a thread, which ends here."""
    frames = video.iter_timed_frames(start, stop, every)
    # Cameras have a thread of their own; the caller's iterator may use one array again, or need
    # its thread.
    with closing(read_ahead(frames) if video.is_file else frames) as read:
        yield read


def _tracked_frame(timed: TimedFrame, detections: Detections, tracks: Tracks) -> TrackedFrame:
    return TrackedFrame(timed.number, timed.time, timed.frame, detections, tracks)


def _detect(detector: Detector, frame: Frame, number: int) -> Detections:
    found = detector(frame)
    if not isinstance(found, Detections):
        raise ValueError(
            f"a detector must return Detections, got {type(found).__name__} in frame {number}"
        )
    return found
