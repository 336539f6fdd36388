"""Tracks of a sequence from its detections alone, without images."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsort_reid.io.track_writers import TrackWriter
    from deepsort_reid.structures.detections import Detections
    from deepsort_reid.tracking import DeepSort


def write_tracks(
    tracker: "DeepSort", frames: "Iterable[Detections]", lag: int, writer: "TrackWriter"
) -> float:
    """Track and write all frames; returns the time of the tracker in seconds.

    Args:
        tracker: a new one.
        frames: detections of each frame, from the first on.
        lag: delay of the output in frames; 0 for none.
        writer: gets the tracks of each frame.
    """
    from deepsort_reid.tracking import FixedLag

    delayed = FixedLag(tracker, lag) if lag else None
    seconds = 0.0
    for number, detections in enumerate(frames, start=1):
        start = time.perf_counter()
        if delayed is None:
            done = [(number, tracker.update(detections))]
        else:
            lagged = delayed.update(detections)
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
