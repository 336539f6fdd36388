"""Use your own detector: any function from a frame to Detections. Here: difference to a still.

python examples/your_own_detector.py street.mp4
"""

import sys

import cv2
import numpy as np

from deepsort_reid import Detections, track_video
from deepsort_reid.io.video_reader import open_video


def make_detector(background):
    """A detector of everything that differs from `background`, a BGR frame of the empty scene."""

    def detect(frame):
        changed = cv2.absdiff(frame, background).max(axis=2) > 40
        mask = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((15, 7)))
        _, _, blobs, _ = cv2.connectedComponentsWithStats(mask)
        tlwh = blobs[1:, :4]  # the first blob is the background
        return Detections.from_tlwh(tlwh[tlwh[:, 3] > 40])

    return detect


def main(source):
    """Track `source` and return the number of people in each frame."""
    sample = [frame for frame, _ in zip(open_video(source), range(30), strict=False)]
    detector = make_detector(np.median(sample, axis=0).astype(np.uint8))
    return [len(tracks) for _, _, tracks in track_video(source, detector)]


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[-1].startswith("-"):
        sys.exit(__doc__)
    print("people per frame:", main(sys.argv[1]))
