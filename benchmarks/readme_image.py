"""Write the image of the README: one tracked frame of the rendered street.

python -m benchmarks.readme_image                  # writes docs/images/demo.jpg
"""

from collections.abc import Sequence

import cv2

from benchmarks.lib import cli_options
from deepsort_reid import DeepSort, Embedder, track_video
from deepsort_reid.scene import Street
from deepsort_reid.vision.detectors import BackgroundSubtraction
from deepsort_reid.vision.drawing import Drawer


def main(argv: Sequence[str] | None = None) -> None:
    """Track the street up to the frame and write the annotated image."""
    parser = cli_options.make_parser("readme_image", __doc__)
    cli_options.add_image_file(parser, "docs/images/demo.jpg")
    cli_options.add_number(parser, "--seed", 9, "random seed of the street")
    cli_options.add_number(parser, "--frame", 200, "number of the frame")
    cli_options.add_embedder(parser)
    args = parser.parse_args(argv)
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
