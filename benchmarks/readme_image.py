"""Write the image of the README: one tracked frame of the rendered street.

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
    """Track the street up to the frame and write the annotated image."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.readme_image", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("docs/demo.jpg"),
        metavar="FILE",
        help="image file to write (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=9, help="random seed of the street (default: %(default)s)"
    )
    parser.add_argument(
        "--frame", type=int, default=200, help="number of the frame (default: %(default)s)"
    )
    parser.add_argument(
        "--embedder", metavar="ONNX", help="embedder (default: the one of the package)"
    )
    args = parser.parse_args()
    street = Street(seed=args.seed, frames=args.frame)
    frames = (frame for _, frame, _ in street)
    drawer = Drawer()
    tracker = DeepSort(embedder=Embedder(args.embedder))
    for _, frame, tracks in track_video(frames, BackgroundSubtraction(), tracker):
        image = drawer(frame, tracks)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.out), image, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
