"""Print a line when somebody comes back who had left, from the events of the tracker."""

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.vision.detectors import BackgroundSubtraction


def returns(frames_of_events):
    """(person, frame of the return, frames away) for each return, from the events of each frame."""
    left = {}
    for events in frames_of_events:
        for event in events:
            if event.kind == "left":
                left[event.person_id] = event.frame
            elif event.kind in ("appeared", "reidentified") and event.person_id in left:
                yield event.person_id, event.frame, event.frame - left.pop(event.person_id)


def main(video):
    """Print returns; `video` is a file, a camera number or frames."""
    tracker = DeepSort(embedder=Embedder())
    updates = track_video(video, BackgroundSubtraction(), tracker)
    found = []
    for person, frame, away in returns(tracker.events for _ in updates):
        print(f"frame {frame}: person {person} is back after {away} frames")
        found.append(person)
    return found


if __name__ == "__main__":
    main("street.mp4")
