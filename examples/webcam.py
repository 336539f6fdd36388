"""Track people in front of a camera and show them; the key q ends it.

python examples/webcam.py 0
"""

import sys

import cv2

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.detectors import BackgroundSubtraction
from deepsort_reid.draw import Drawer


def show(frame):
    """Show a frame in a window; False when the key q was pressed."""
    cv2.imshow("deepsort-reid", frame)
    return cv2.waitKey(1) & 0xFF != ord("q")


def main(camera, show=show):
    """Track what `camera` (a number, a stream URL) sees until `show` says stop."""
    draw = Drawer()
    tracker = DeepSort(embedder=Embedder())
    for _, frame, tracks in track_video(camera, BackgroundSubtraction(), tracker):
        if not show(draw(frame, tracks)):
            break


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
