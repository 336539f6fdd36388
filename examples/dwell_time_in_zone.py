"""Measure how long each person stays in a zone, over all tracks of the person.

python examples/dwell_time_in_zone.py street.mp4 zone.jpg (a picture of the last frame)
"""

import sys
from collections import defaultdict

import cv2
import numpy as np

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.vision.detectors import BackgroundSubtraction
from deepsort_reid.vision.drawing import Drawer

YELLOW = (0, 220, 255)


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


def main(video, zone, frame_rate=25, picture=None):
    """Print the seconds of each person; `video` is a file, a camera number or frames."""
    tracker = DeepSort(embedder=Embedder())
    newest = None

    def updates():
        nonlocal newest
        for number, frame, tracks in track_video(video, BackgroundSubtraction(), tracker):
            newest = frame, tracks
            yield number / frame_rate, tracks

    times = dwell_times(updates(), zone)
    for person, seconds in sorted(times.items()):
        print(f"person {person}: {seconds:.1f} s")
    if picture is not None and newest is not None:
        draw = Drawer(person_name=lambda person: f"{person}: {times.get(person, 0):.1f} s")
        image = draw(*newest)
        cv2.polylines(image, [np.array(zone, dtype=np.int32)], True, YELLOW, 2)
        cv2.imwrite(str(picture), image)
    return times


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    source = open_video(sys.argv[1])
    width, height = source.size
    # The middle of the lower half of the picture; give the corners of your own zone.
    left, right, top, bottom = width // 4, 3 * width // 4, height // 2, height - 1
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    main(source, corners, source.frame_rate, *sys.argv[2:])
