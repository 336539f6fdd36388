"""Track people in front of a camera and show them in a window; press q to stop.

python examples/webcam.py 0 (or a stream's URL, or a video file)
"""

import sys

import cv2

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.io.live_options import LiveOptions
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.vision.detectors import BackgroundSubtraction
from deepsort_reid.vision.drawing import Drawer


def show(frame):
    """Show a frame in a window; return False if q was pressed."""
    cv2.imshow("deepsort-reid", frame)
    return cv2.waitKey(1) & 0xFF != ord("q")


def main(camera, show=show):
    """Track people in `camera` (anything that open_video accepts) until `show` returns False."""
    draw = Drawer()
    tracker = DeepSort(embedder=Embedder())
    # The newest frame each time: the window shows what happens now.
    video = open_video(camera, live=LiveOptions(latest=True))
    for _, frame, tracks in track_video(video, BackgroundSubtraction(), tracker):
        if not show(draw(frame, tracks)):
            break


if __name__ == "__main__":
    if len(sys.argv) > 2 or sys.argv[-1].startswith("-"):
        sys.exit(__doc__)
    main(sys.argv[1] if len(sys.argv) > 1 else 0)
