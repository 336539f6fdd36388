"""Tracks of a sequence from its detections alone, without images."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsort_reid.io.track_writers import TrackWriter
    from deepsort_reid.structures.detections import Detections
    from deepsort_reid.tracking import DeepSort
    from deepsort_reid.vision.camera_motion import CameraMotionFromFile


def write_tracks(
    tracker: "DeepSort",
    frames: "Iterable[Detections]",
    lag: int,
    writer: "TrackWriter",
    *,
    camera_motion: "CameraMotionFromFile | None" = None,
) -> float:
    """Track and write all frames; returns the time of the tracker in seconds.

    Args:
        tracker: a new one.
        frames: detections of each frame, from the first on.
        lag: delay of the output in frames; 0 for none.
        writer: gets the tracks of each frame.
        camera_motion: of the frames, from the first on; None for none.
    """
    from deepsort_reid.tracking import FixedLag

    delayed = FixedLag(tracker, lag) if lag else None
    seconds = 0.0
    for number, detections in enumerate(frames, start=1):
        camera = None if camera_motion is None else camera_motion().warp
        start = time.perf_counter()
        if delayed is None:
            done = [(number, tracker.update(detections, camera=camera))]
        else:
            lagged = delayed.update(detections, camera=camera)
            done = [] if lagged is None else [(lagged.number, lagged.tracks)]
        seconds += time.perf_counter() - start
        for each in done:
            writer.append(*each)
    start = time.perf_counter()
    rest = [] if delayed is None else delayed.flush()
    seconds += time.perf_counter() - start
    for lagged in rest:
        writer.append(lagged.number, lagged.tracks)
    return seconds
