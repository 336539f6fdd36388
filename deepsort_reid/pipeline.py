"""Frames in, identities out: detector -> camera motion -> tracker, frame by frame."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.detections import Detections
from deepsort_reid.tracking import DeepSort
from deepsort_reid.tracks import Tracks
from deepsort_reid.video import Source, open_video

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


def track_video(
    source: Source,
    detector: Detector,
    tracker: DeepSort | None = None,
    *,
    camera_motion: CameraEstimator | None = None,
    start: int = 1,
    stop: int | None = None,
    every: int = 1,
) -> Iterator[tuple[int, Frame, Tracks]]:
    """Track people through a video, one frame at a time.

    Args:
        source: what `deepsort_reid.video.open_video` opens: a file, a camera number, a stream URL,
            a folder of images, a MOT sequence folder, or an iterable of BGR uint8 frames.
        detector: any callable `frame -> Detections`.
        tracker: a `DeepSort`; a new one, without an embedder, when not given.
        camera_motion: an estimator of `deepsort_reid.camera_motion` for a camera that moves.
        start, stop, every: frames start, start + every, ... up to and with stop, from 1.

    Yields:
        number of the frame, BGR uint8 frame (H, W, 3), and the `Tracks` seen in it.

    Raises:
        TruncatedVideo: after the last readable frame, when the source ends early.
        ValueError, OSError: the source cannot be opened.
    """
    for step in steps(source, detector, tracker, camera_motion, start, stop, every):
        yield step.number, step.frame, step.tracks


def steps(
    source: Source,
    detector: Detector,
    tracker: DeepSort | None = None,
    camera_motion: CameraEstimator | None = None,
    start: int = 1,
    stop: int | None = None,
    every: int = 1,
) -> Iterator[Step]:
    """`track_video`, with the detections beside the tracks."""
    tracker = tracker or DeepSort()
    for number, frame in open_video(source).numbered(start, stop, every):
        found = detector(frame)
        if not isinstance(found, Detections):
            raise ValueError(
                f"a detector must return Detections, got {type(found).__name__} in frame {number}"
            )
        detections = tracker.embed(found, frame)
        camera = None if camera_motion is None else camera_motion(frame, detections.xyxy).warp
        tracks = tracker.update(detections, frame=frame, camera=camera, dt=every)
        yield Step(number, frame, detections, tracks)
