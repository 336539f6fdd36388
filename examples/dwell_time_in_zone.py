"""Measure how long each person stays in a zone, over all tracks of the person."""

from collections import defaultdict

import cv2
import numpy as np

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.vision.detectors import BackgroundSubtraction


def dwell_times(updates, zone):
    """Seconds of each person in `zone`, a polygon (K, 2) in pixels; updates: (seconds, tracks).

    A person is where the middle of the lower side of the box is. Gaps up to one second in which
    the person was not seen count.
    """
    zone = np.asarray(zone, dtype=np.float32)
    last, total = {}, defaultdict(float)
    for seconds, tracks in updates:
        for track in tracks:
            left, _, right, bottom = track.xyxy
            if cv2.pointPolygonTest(zone, ((left + right) / 2, bottom), False) < 0:
                continue
            before = last.get(track.person_id, seconds)
            total[track.person_id] += seconds - before if seconds - before <= 1 else 0.0
            last[track.person_id] = seconds
    return dict(total)


def main(video, zone, frame_rate=25):
    """Print the seconds of each person; `video` is a file, a camera number or frames."""
    tracker = DeepSort(embedder=Embedder())
    updates = (
        (number / frame_rate, tracks)
        for number, _, tracks in track_video(video, BackgroundSubtraction(), tracker)
    )
    times = dwell_times(updates, zone)
    for person, seconds in sorted(times.items()):
        print(f"person {person}: {seconds:.1f} s")
    return times


if __name__ == "__main__":
    main("street.mp4", [(200, 100), (600, 100), (600, 400), (200, 400)])
