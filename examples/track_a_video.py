"""Track people through a video and write their boxes as MOT text.

python examples/track_a_video.py street.mp4 tracks.txt
"""

import sys

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.io.track_writers import MotWriter
from deepsort_reid.vision.detectors.factory import (
    BackgroundSubtraction,  # needs no weights; the camera must stand
)


def main(source, results):
    """Track `source` (anything that open_video opens) and return how many people there were."""
    tracker = DeepSort(embedder=Embedder())
    people = set()
    with MotWriter(results) as file:
        for number, _, tracks in track_video(source, BackgroundSubtraction(), tracker):
            file.append(number, tracks)
            people.update(tracks.id.tolist())
    return len(people)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(main(*sys.argv[1:]), "people")
