"""Track people in a video and write their boxes in MOT format.

python examples/track_a_video.py street.mp4 tracks.txt
"""

import sys

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.io.track_writers import MotWriter
from deepsort_reid.vision.detectors import BackgroundSubtraction


def main(source, results):
    """Track `source` (anything that open_video accepts); return the number of people."""
    tracker = DeepSort(embedder=Embedder())
    detector = BackgroundSubtraction()  # needs no weights, but a static camera
    ids = set()
    with MotWriter(results) as file:
        for number, _, tracks in track_video(source, detector, tracker):
            file.append(number, tracks)
            ids.update(tracks.id.tolist())
    return len(ids)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(main(*sys.argv[1:]), "people")
