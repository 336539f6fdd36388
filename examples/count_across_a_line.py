"""Count the people who cross a line with their feet, in each direction.

python examples/count_across_a_line.py street.mp4 100 400 800 400 count.jpg

The picture is the last frame with the line; it may be left out.
"""

import sys

import cv2
import numpy as np

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.vision.detectors import BackgroundSubtraction
from deepsort_reid.vision.drawing import Drawer, draw_label

YELLOW = (0, 220, 255)


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


def main(source, start, end, picture=None):
    """Track `source` and count across the line between two points (x, y) in pixels."""
    tracker, draw, image = DeepSort(embedder=Embedder()), Drawer(), None

    def updates():
        nonlocal image
        for number, frame, tracks in track_video(source, BackgroundSubtraction(), tracker):
            image = draw(frame, tracks)
            yield number, frame, tracks

    to_right, to_left = count_crossings(updates(), start, end)
    if picture is not None and image is not None:
        first, last = (tuple(np.array(point, int).tolist()) for point in (start, end))
        cv2.line(image, first, last, YELLOW, 3)
        draw_label(image, f"{to_right} to the right, {to_left} to the left", first, YELLOW)
        cv2.imwrite(str(picture), image)
    return to_right, to_left


if __name__ == "__main__":
    if len(sys.argv) not in (6, 7):
        sys.exit(f"{__doc__}\nexpected a video and the line's two ends: x y x y")
    ends = np.array(sys.argv[2:6], float).reshape(2, 2)
    print("right, left:", main(sys.argv[1], *ends, *sys.argv[6:]))
