"""The picture in the README: one frame of the rendered street as the tracker sees it.

python -m benchmarks.readme_image                  # writes docs/demo.jpg
"""

import argparse
from pathlib import Path

import cv2

from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.scene import Street
from deepsort_reid.vision.detectors import BackgroundSubtraction
from deepsort_reid.vision.drawing import Drawer


def main() -> None:
    """Track the street up to the frame and write the annotated frame."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/demo.jpg"))
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--frame", type=int, default=200)
    parser.add_argument("--embedder", help="FILE.onnx (default: the package's own)")
    args = parser.parse_args()
    street = Street(seed=args.seed, frames=args.frame)
    frames = (frame for _, frame, _ in street)
    drawer = Drawer()
    tracker = DeepSort(embedder=Embedder(args.embedder))
    for _, frame, tracks in track_video(frames, BackgroundSubtraction(), tracker):
        picture = drawer(frame, tracks)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.out), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
