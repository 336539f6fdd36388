"""Use your own embeddings: one row of length 1 for each box. Here: colour histograms.

python examples/your_own_embeddings.py street.mp4
"""

import sys

import cv2
import numpy as np

from deepsort_reid import DeepSort, track_video
from deepsort_reid.vision.detectors import BackgroundSubtraction


def colour_embedder(frame, xyxy):
    """BGR frame, boxes (M, 4) -> unit rows (M, 64); zeros where a box is outside the frame."""
    rows = np.zeros((len(xyxy), 64), dtype=np.float32)
    height, width = frame.shape[:2]
    for row, box in zip(rows, xyxy.astype(int), strict=True):
        left, top, right, bottom = np.clip(box, 0, [width, height, width, height])
        crop = frame[top:bottom, left:right]
        if crop.size:
            row[:] = cv2.calcHist([crop], [0, 1, 2], None, [4, 4, 4], [0, 256] * 3).ravel()
            row /= np.linalg.norm(row)
    return rows


def main(source):
    """Track `source` and return all ids."""
    # Alternatively, pass Detections(xyxy, score, embedding=rows) to a DeepSort() without embedder.
    tracker = DeepSort(embedder=colour_embedder)
    tracked = track_video(source, BackgroundSubtraction(), tracker)
    return sorted({id for _, _, tracks in tracked for id in tracks.id.tolist()})


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[-1].startswith("-"):
        sys.exit(__doc__)
    print("ids:", main(sys.argv[1]))
