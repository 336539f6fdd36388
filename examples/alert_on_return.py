"""Print a line when somebody comes back who had left, from the events of the tracker.

python examples/alert_on_return.py street.mp4 return.jpg (a picture of the latest return)
"""

import sys

import cv2

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.vision.detectors import BackgroundSubtraction
from deepsort_reid.vision.drawing import Drawer


def returns(frames_of_events):
    """(person, frame of the return, frames away) for each return, from the events of each frame."""
    left = {}
    for events in frames_of_events:
        for event in events:
            if event.kind == "left":
                left[event.person_id] = event.frame
            elif event.kind in ("appeared", "reidentified") and event.person_id in left:
                yield event.person_id, event.frame, event.frame - left.pop(event.person_id)


def main(video, picture=None):
    """Print returns; `video` is a file, a camera number or frames."""
    tracker = DeepSort(embedder=Embedder())
    newest, found = None, []

    def events():
        nonlocal newest
        for _, frame, tracks in track_video(video, BackgroundSubtraction(), tracker):
            newest = frame, tracks
            yield tracker.events

    for person, number, away in returns(events()):
        print(f"frame {number}: person {person} is back after {away} frames")
        found.append(person)
        if picture is not None:
            frame, tracks = newest
            name = {person: f"{person} is back"}.get
            cv2.imwrite(str(picture), Drawer(person_name=name)(frame, tracks))
    return found


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
