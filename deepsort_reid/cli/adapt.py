"""`deepsort-reid adapt`: fine-tune an embedder on the people of unlabelled videos."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.config_options import read_config
from deepsort_reid.cli.progress import progress_bar
from deepsort_reid.cli.tracking_options import (
    add_detector_arguments,
    add_device_argument,
    add_frame_arguments,
    add_motion_and_config_arguments,
    count_frames,
    make_camera_motion,
    make_detector,
)

if TYPE_CHECKING:
    from deepsort_reid.reid.training.adaptation import Adaptation
    from deepsort_reid.reid.training.adaptation_data import TrackedVideo
    from deepsort_reid.vision.embedder import Embedder

NOT_IMPROVED = 3  # exit status
DEFAULT = "(default: %(default)s)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = (
        f"Exit status {NOT_IMPROVED}: the adapted embedder does not separate the people in the "
        "last part of the videos better, and nothing is written. Needs the extra [train]."
    )
    parser.add_argument(
        "videos",
        nargs="+",
        metavar="VIDEO",
        help="video file, folder of images or MOT sequence folder; several ones are taken for "
        "different cameras, whose people may be the same or not",
    )
    add_frame_arguments(parser)
    add_detector_arguments(parser)
    group = parser.add_argument_group("tracker")
    add_motion_and_config_arguments(group)
    add_device_argument(group, "detector and embedder")
    _add_adaptation_arguments(parser)


def _add_adaptation_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("adaptation").add_argument
    add(
        "--embedder",
        type=Path,
        metavar="FILE.onnx",
        help="embedder to start from, exported by this package (default: the embedder of the "
        "package)",
    )
    add(
        "--out",
        type=Path,
        default=Path("adapted.onnx"),
        metavar="FILE.onnx",
        help=f"file to write {DEFAULT}",
    )
    add(
        "--holdout-share",
        type=float,
        default=0.25,
        metavar="SHARE",
        help="last part of each video, as a fraction of its frames, on which the result is judged "
        f"and not trained {DEFAULT}",
    )
    add("--steps", type=int, default=200, metavar="N", help=f"training steps {DEFAULT}")
    add("--seed", type=int, default=0, metavar="N", help=f"seed of all random numbers {DEFAULT}")
    add("--threads", type=int, metavar="N", help="CPU threads (default: all cores)")
    add("--quiet", action="store_true", help="print no progress bar and no notes (default: off)")


def run(args: argparse.Namespace) -> int:
    """Track the videos, adapt the embedder, and write it if it separates the people better."""
    from deepsort_reid.vision.embedder import Embedder, shipped_embedder_path

    start = time.monotonic()
    _check_options(args)
    path = args.embedder or shipped_embedder_path()
    embedder = Embedder(path, threads=args.threads, device=args.device)
    import torch

    from deepsort_reid.reid.models.onnx_weights import load_onnx_model
    from deepsort_reid.reid.training.adaptation import AdaptConfig, adapt

    if args.threads:
        torch.set_num_threads(args.threads)
    model, _ = load_onnx_model(path)  # refuses foreign files before the videos are tracked
    videos = [_track(source, args, embedder) for source in args.videos]
    tracked = time.monotonic()
    config = AdaptConfig(steps=args.steps, holdout_share=args.holdout_share, seed=args.seed)
    steps = progress_bar(range(args.steps), args.steps, quiet=args.quiet, unit="step")
    result = adapt(model, videos, config, steps)
    _note(args, result.describe())
    times = f"{tracked - start:.0f} s tracking, {time.monotonic() - tracked:.0f} s training"
    if not result.is_better:
        print(
            f"not written: {result.describe_separation()} on the last {args.holdout_share:.0%} of "
            f"the frames; the embedder stays as it is ({times})"
        )
        return NOT_IMPROVED
    _export(result, embedder, args)
    print(f"{args.out}: {result.describe_separation()} ({times})")
    return 0


def _check_options(args: argparse.Namespace) -> None:
    if not 0 < args.holdout_share < 1:
        raise ValueError(
            f"--holdout-share: expected a number between 0 and 1, got {args.holdout_share}"
        )
    if args.steps < 1:
        raise ValueError(f"--steps: expected at least 1, got {args.steps}")
    if args.detections is not None and len(args.videos) > 1:
        raise ValueError(
            f"--detections: expected one VIDEO, got {len(args.videos)}; MOT sequence folders with "
            "det/det.txt need no --detections"
        )


def _note(args: argparse.Namespace, text: str) -> None:
    if not args.quiet:
        print(text)


def _track(source: str, args: argparse.Namespace, embedder: "Embedder") -> "TrackedVideo":
    """Track one video and collect the boxes and images of its tracks."""
    from deepsort_reid.io.video_reader import open_video
    from deepsort_reid.pipeline import track_frames
    from deepsort_reid.reid.training.adaptation_data import VideoCollector
    from deepsort_reid.tracking import DeepSort

    video = open_video(source)
    detector, _ = make_detector(
        argparse.Namespace(**{**vars(args), "source": source}), lambda text: _note(args, text)
    )
    tracker = DeepSort(**read_config(args.config, args.set)._asdict(), embedder=embedder)
    frames: Any = track_frames(
        video,
        detector,
        tracker,
        camera_motion=make_camera_motion(args.camera_motion, args.start, args.every),
        start=args.start,
        stop=args.stop,
        every=args.every,
    )
    total = count_frames(video.length, args)
    collector = VideoCollector(embedder.input_size, every=args.every)
    for tracked in progress_bar(frames, total, quiet=args.quiet, title=Path(source).name):
        collector.add(
            tracked.number, tracked.frame, tracked.detections, tracked.tracks, tracker.tracks
        )
    result = collector.finish()
    _note(args, f"{source}: {len(result.boxes)} boxes of {result.num_tracks} tracks")
    return result


def _export(result: "Adaptation", embedder: "Embedder", args: argparse.Namespace) -> None:
    """Write the adapted embedder with the metadata of the original."""
    from deepsort_reid.reid.export import export_onnx

    old = embedder.metadata
    names = ", ".join(Path(source).name for source in args.videos)
    metadata = {
        **old,
        "name": f"{old.get('name', 'embedder')}-adapted",
        "training_data": f"{old.get('training_data', 'unknown')}; adapted without labels to "
        f"{names}",
    }
    export_onnx(result.model, args.out, result.images[:64], metadata)
