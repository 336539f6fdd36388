"""Count the people who cross a line with their feet, in each direction.

python examples/count_across_a_line.py street.mp4 100 400 800 400
"""

import sys

import numpy as np

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.vision.detectors import BackgroundSubtraction


def count_crossings(tracked, start, end):
    """Crossings to the right and to the left of the line from `start` to `end`, as seen from it."""
    start, along = np.asarray(start, float), np.subtract(end, start)
    last, to_right, to_left = {}, 0, 0
    for _, _, tracks in tracked:  # frame number, frame, tracks
        feet = np.column_stack([tracks.xyxy[:, [0, 2]].mean(axis=1), tracks.xyxy[:, 3]]) - start
        position = feet @ along / (along @ along)  # 0 at the start of the line, 1 at its end
        side = np.sign(along[0] * feet[:, 1] - along[1] * feet[:, 0])  # 1 is right: y points down
        for id, now, along_line in zip(tracks.id.tolist(), side.tolist(), position, strict=True):
            if now != 0:
                crossed = last.get(id, now) != now and 0 <= along_line <= 1
                to_right += crossed and now > 0
                to_left += crossed and now < 0
                last[id] = now
    return int(to_right), int(to_left)


def main(source, start, end):
    """Track `source` and count across the line between two points (x, y) in pixels."""
    tracker = DeepSort(embedder=Embedder())
    return count_crossings(track_video(source, BackgroundSubtraction(), tracker), start, end)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(f"{__doc__}\nexpected a video and the line's two ends: x y x y")
    print("right, left:", main(sys.argv[1], *np.array(sys.argv[2:], float).reshape(2, 2)))
