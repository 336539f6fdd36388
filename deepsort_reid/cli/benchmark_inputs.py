"""Detections, embeddings and camera motion of the sequences of `benchmark`, computed once."""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.progress import progress_bar
from deepsort_reid.cli.sequence_options import NO_DETECTIONS
from deepsort_reid.cli.tracking_options import DETECTOR_HELP, add_device_argument, make_embedder

if TYPE_CHECKING:
    from deepsort_reid.io.detections_npz import SequenceDetections
    from deepsort_reid.io.mot_sequences import MotSequence


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `input_detections` reads."""
    parser.add_argument(
        "--detections",
        type=Path,
        metavar="DIR",
        help="folder with detections as SEQUENCE.npz or SEQUENCE.txt "
        "(default: det/det.txt of each sequence)",
    )
    parser.add_argument(
        "--detector",
        metavar="NAME|FILE.onnx",
        help=f"detect in the frames instead: {DETECTOR_HELP} (default: none)",
    )
    parser.add_argument(
        "--embedder",
        metavar="FILE.onnx|none",
        help="embedder for sequences with frames (default: the embedder of the package; none for "
        "sequences without frames)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder for detections, embeddings and camera motion, read by later runs "
        "(default: OUT/cache)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="CPU threads of detector and embedder (default: all cores)",
    )
    add_device_argument(parser, "detector and embedder")


def input_detections(sequence: "MotSequence", args: argparse.Namespace) -> "SequenceDetections":
    """The detections of a sequence, with embeddings: the same for every configuration.

    Raises:
        OSError: a file cannot be read.
        ValueError: there are no detections or frames, or a file is invalid.
    """
    from deepsort_reid.io.detections_npz import read_detections_npz
    from deepsort_reid.io.layouts import detections_file
    from deepsort_reid.vision.detectors import MotDetections, load_detector
    from deepsort_reid.vision.detectors.cache import cached_detections

    file = sequence.detections
    if args.detections is not None:
        file = detections_file(args.detections, sequence.name)
        if file.suffix == ".npz":
            return read_detections_npz(file, sequence.length)
    if args.detector is None and file is None:
        raise ValueError(f"{sequence.folder}: {NO_DETECTIONS}")
    source = str(args.detector or file)
    has_embedder = args.embedder != "none" and (
        args.embedder is not None or sequence.frames is not None
    )
    sources = [_content_key(source)]
    if has_embedder:
        sources.append(_embedder_file(args.embedder, args.device))
    if args.device != "cpu":
        # Other hardware rounds differently.
        sources.append(f"device {args.device}")

    def make_detector() -> Any:
        if args.detector is None:
            return MotDetections(source)
        return load_detector(args.detector, threads=args.threads, device=args.device)

    def progress(frames: Iterator[Any], total: int | None) -> Iterator[Any]:
        return progress_bar(frames, total, quiet=args.quiet)

    return cached_detections(
        sequence,
        args.cache or args.out / "cache",
        make_detector=make_detector,
        make_embedder=partial(make_embedder, args.embedder, args.threads, args.device)
        if has_embedder
        else None,
        sources=sources,
        progress=progress,
    )


def input_camera_motion(
    sequence: "MotSequence", detections: "SequenceDetections", args: argparse.Namespace
) -> Path | None:
    """The file of the camera motion of a sequence; None for none, and without frames.

    Raises OSError or ValueError when the frames cannot be read.
    """
    from deepsort_reid.vision.camera_motion import ESTIMATORS
    from deepsort_reid.vision.detectors.cache import cached_camera_motion

    if sequence.frames is None or args.camera_motion == "none":
        return None

    def progress(frames: Iterator[Any], total: int | None) -> Iterator[Any]:
        return progress_bar(frames, total, quiet=args.quiet, title="camera motion")

    return cached_camera_motion(
        sequence,
        detections,
        args.cache or args.out / "cache",
        estimator=ESTIMATORS[args.camera_motion](),
        sources=[args.camera_motion],
        progress=progress,
    )


def _content_key(source: str) -> Path | str:
    """A file, or words, that determine the content of a detector or file of detections."""
    from deepsort_reid.vision.model_files import DETECTORS

    if source in DETECTORS:
        return f"{source} {DETECTORS[source].sha256}"
    return Path(source) if Path(source).is_file() else source


def _embedder_file(name: str | None, device: str) -> Path | str:
    if name is not None:
        return Path(name)
    from deepsort_reid.vision.embedder import default_precision, shipped_embedder_path

    return shipped_embedder_path(default_precision(device))
