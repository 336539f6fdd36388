"""Track the videos of several cameras together, with one detector and one embedder."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from typing import NamedTuple

from deepsort_reid.io.background import read_ahead
from deepsort_reid.pipeline import StageTimer, TrackedFrame
from deepsort_reid.scale.camera import Camera
from deepsort_reid.scale.networks import DetectedFrame, Networks
from deepsort_reid.scale.rounds import FileRounds, FrameRange, LiveRounds, Rounds
from deepsort_reid.tracking.frame_embedding import FrameEmbedder


class TrackedRound(NamedTuple):
    """Tracked frames of about one time.

    Attributes:
        time: of the first of them in seconds, on the clock of all cameras; that of the round before
            where there is none.
        frames: cameras and frames in the order of time; at most one of each camera.
        ended: cameras that have ended before, and why; "" for the regular end.
    """

    time: float
    frames: list[tuple[Camera, TrackedFrame]]
    ended: list[tuple[Camera, str]]


def track_cameras(
    cameras: Sequence[Camera],
    embedder: FrameEmbedder | None = None,
    *,
    start: int = 1,
    stop: int | None = None,
    every: int = 1,
    threads: int | None = None,
    timer: StageTimer | None = None,
) -> Generator[TrackedRound, None, None]:
    """Track people through the videos of several cameras, which advance together in time.

    The frames of a camera and their tracks are those of `track_frames` with the same registry.
    Files are read to their end, every frame of them; of cameras and streams, the newest frame is
    taken. A camera that ends or breaks does not stop the others.

    Args:
        cameras: all files, or all live; their trackers share a `PersonRegistry`.
        embedder: that of the trackers, to be called once for the boxes of all cameras. Without it,
            every tracker calls its own.
        start, stop, every: use frames start, start + every, ... up to and including stop of every
            camera, counted from 1.
        threads: threads of the networks; one for each CPU core when None. Networks should be loaded
            with `threads=1`.
        timer: receives the seconds of the stage "track", of waiting for the networks, "wait", and
            in the end those of the networks meanwhile, "read", "detect", "camera" and "embed".

    Yields:
        A `TrackedRound` whenever cameras have new frames.

    Raises:
        ValueError: two cameras have one name, some are files and others live, or an argument is
            invalid.
    """
    _check_cameras(cameras)
    timer, time = timer or StageTimer(), 0.0
    span = FrameRange(start, stop, every)
    is_live = any(each.video.live is not None for each in cameras)
    rounds: Rounds = LiveRounds(cameras, span) if is_live else FileRounds(cameras, span)
    with ExitStack() as stack:
        stack.enter_context(closing(rounds))
        networks = stack.enter_context(Networks(embedder, threads))
        # The networks work on the next round meanwhile.
        detected = stack.enter_context(closing(read_ahead(networks.detected(rounds), 1)))
        # First of all: the thread may wait for the next frame of a live camera.
        stack.callback(rounds.stop)
        while True:
            with timer("wait"):
                each = next(detected, None)
            if each is None:
                break
            with timer("track"):
                frames = [(found.camera, _track(found)) for found in each.frames]
            if frames:
                time = frames[0][0].start_time + frames[0][1].time
            yield TrackedRound(time, frames, each.ended)
        timer.seconds.update(networks.seconds)


def _check_cameras(cameras: Sequence[Camera]) -> None:
    names = [each.name for each in cameras]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"cameras must differ in their names, got {name!r:.80} twice")
    if len({each.video.live is None for each in cameras}) > 1:
        live = [each.name for each in cameras if each.video.live is not None]
        raise ValueError(
            f"cameras must be all files or all live: of {', '.join(names)}, live are "
            f"{', '.join(live)}"
        )


def _track(found: DetectedFrame) -> TrackedFrame:
    camera, timed, detections, warp = found
    tracks = camera.tracker.update(
        detections,
        frame=timed.frame,
        camera=warp,
        dt=timed.dt,
        time=camera.start_time + timed.time,
    )
    last = camera.tracker.last_detections
    return TrackedFrame(timed.number, timed.time, timed.frame, last, tracks)
