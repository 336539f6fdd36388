"""Command-line options shared by the commands that track."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deepsort_reid.cli.config_options import add_config_arguments

DETECTOR_HELP = (
    "background (background subtraction); yolox_tiny or yolox_s, downloaded once; a detector "
    "network FILE.onnx; or torchvision:NAME, a COCO model of torchvision"
)


CAMERA_MOTION_NAMES = ("auto", "flow", "ecc", "none")


def add_frame_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --start, --stop and --every, which select the frames of the source."""
    group = parser.add_argument_group("frames")
    group.add_argument(
        "--start", type=int, default=1, metavar="N", help="first frame, from 1 (default: 1)"
    )
    group.add_argument(
        "--stop", type=int, metavar="N", help="last frame, included (default: the last frame)"
    )
    group.add_argument(
        "--every", type=int, default=1, metavar="N", help="use every Nth frame (default: 1)"
    )


def add_detector_arguments(parser: argparse.ArgumentParser, *, file: bool = True) -> None:
    """Add the options that `make_detector` reads, besides the source and --start and --every.

    Without `file`, --detections is left out.
    """
    group = parser.add_argument_group("detections")
    if file:
        group.add_argument(
            "--detections",
            type=Path,
            metavar="FILE",
            help="read detections from FILE instead of detecting: MOT det.txt, or .npz with "
            "embeddings, as written by track --save-detections (default: those of --detector)",
        )
    group.add_argument(
        "--detector",
        metavar="NAME|FILE.onnx",
        help=f"{DETECTOR_HELP} (default: det/det.txt of a MOT sequence folder, else background)",
    )
    group.add_argument(
        "--detector-weights",
        type=Path,
        metavar="FILE",
        help="weights of the torchvision model (default: the COCO weights of torchvision)",
    )
    group.add_argument(
        "--classes",
        type=parse_classes,
        metavar="NAME,...|all",
        help="classes to track, by name or number, such as person,bicycle or 0,1; person is 0 in "
        "COCO (default: person for a detector, all classes of a file)",
    )
    group.add_argument(
        "--min-score",
        type=float,
        metavar="SCORE",
        help="ignore detections with a lower score, 0 to 1 (default: 0.1 for a detector, all "
        "detections of a file)",
    )


def parse_classes(text: str) -> list[int | str]:
    """Classes of --classes: numbers, names, or "all" alone."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts) or ("all" in parts and len(parts) > 1):
        raise argparse.ArgumentTypeError(
            f"expected names or numbers such as person,bicycle or 0,1, or all, got {text!r}"
        )
    return [int(part) if part.isdecimal() else part for part in parts]


def classes_option(classes: Sequence[int | str] | None) -> dict[str, Any]:
    """The argument `classes` of a detector for the value of --classes, if it was given."""
    if classes is None:
        return {}
    return {"classes": None if list(classes) == ["all"] else classes}


def has_several_classes(args: argparse.Namespace) -> bool:
    """Whether --classes selects more than one class; tracks are then labelled with theirs."""
    return args.classes is not None and (len(args.classes) > 1 or args.classes == ["all"])


def add_embedder_argument(parser: argparse._ActionsContainer) -> None:
    """Add --embedder, which `make_embedder` reads."""
    parser.add_argument(
        "--embedder",
        metavar="FILE.onnx|none",
        help="appearance model; none: only motion and overlap (default: the embedder of the "
        "package)",
    )


def add_camera_motion_argument(
    group: argparse._ActionsContainer, *, file: bool = True, where: str = ""
) -> None:
    """Add --camera-motion, which `make_camera_motion` reads; without `file`, names alone.

    where: a limit of the default, for its help.
    """
    group.add_argument(
        "--camera-motion",
        default="auto",
        choices=None if file else CAMERA_MOTION_NAMES,
        metavar="|".join((*CAMERA_MOTION_NAMES, "FILE") if file else CAMERA_MOTION_NAMES),
        help="compensate the motion of a moving camera. auto: sparse optical flow while the view "
        "moves; flow: sparse optical flow in every frame; ecc: ECC image alignment; "
        + ("a FILE with one affine warp per frame; " if file else "")
        + f"none: no compensation (default: auto{where})",
    )


def add_motion_and_config_arguments(group: argparse._ActionsContainer) -> None:
    """Add --camera-motion, --config and --set."""
    add_camera_motion_argument(group)
    add_config_arguments(group)


def add_registry_argument(group: argparse._ActionsContainer) -> None:
    """Add --registry."""
    group.add_argument(
        "--registry",
        type=Path,
        metavar="FILE.sqlite",
        help="keep the persons in FILE, so that later runs and other cameras know them again "
        "(default: in memory, for this run)",
    )


def add_device_argument(parser: argparse._ActionsContainer, networks: str) -> None:
    """Add --device, which says where the named networks run."""
    parser.add_argument(
        "--device",
        default="cpu",
        metavar="DEVICE",
        help=f"where {networks} run: cpu, cuda, cuda:1, tensorrt, openvino, directml or coreml; "
        "all but cpu need another build of onnxruntime (default: cpu)",
    )


def absolute_model(name: str | None) -> str | None:
    """The absolute path of a model file, for a process in another folder; a name stays as it is."""
    is_file = name is not None and bool(Path(name).suffix) and Path(name).is_file()
    return str(Path(name).resolve()) if name is not None and is_file else name


def make_detector(args: argparse.Namespace, note: Callable[[str], None]) -> tuple[Any, str]:
    """Make the detector that the arguments select.

    Args:
        args: source, detections, detector, detector_weights, min_score, threads, device, start and
            every; classes, where it is there, as from `parse_classes`.
        note: prints a note about a detector that was chosen by default.

    Returns:
        The detector and its name.

    Raises:
        ValueError: the options contradict each other, or a file has the wrong content.
        OSError: a file cannot be read.
    """
    from deepsort_reid.vision.detectors import MotDetections, TorchvisionDetector, load_detector
    from deepsort_reid.vision.detectors.factory import TORCHVISION_PREFIX
    from deepsort_reid.vision.detectors.precomputed import NpzDetections

    _check_detector_options(args)
    limit: dict[str, Any] = {} if args.min_score is None else {"min_score": args.min_score}
    limit |= classes_option(vars(args).get("classes"))
    file = _detections_file(args)
    if file is not None:
        if args.detections is None and args.detector is None:
            note(f"no detector given: using the detections in {file}")
        is_npz = file.suffix.lower() == ".npz"
        reader: Callable[..., Any] = NpzDetections if is_npz else MotDetections
        return reader(file, start=args.start, every=args.every, **limit), str(file)
    if args.detector_weights is not None:
        weights = args.detector_weights
        name = args.detector.removeprefix(TORCHVISION_PREFIX)
        detector = TorchvisionDetector(name, weights=weights, device=args.device, **limit)
        return detector, args.detector
    if args.detector is None:
        note(
            "no detector given: using background subtraction (static camera, moving people only); "
            "see --detector"
        )
    name = args.detector or "background"
    if name == "background" and "classes" in limit:
        raise ValueError(
            "--classes: expected a --detector with classes, got background subtraction, which "
            "finds whatever moves"
        )
    options = {**limit, "threads": args.threads, "device": args.device}
    return load_detector(name, **options), name


def _check_detector_options(args: argparse.Namespace) -> None:
    """Raise ValueError when detector options are out of range or contradict each other."""
    if args.min_score is not None and not 0 <= args.min_score <= 1:
        raise ValueError(f"--min-score: expected a number from 0 to 1, got {args.min_score}")
    if args.detections is not None and args.detector is not None:
        raise ValueError("--detections and --detector: expected one of them, got both")
    name = args.detector or "none"
    if args.detector_weights is not None and not name.startswith("torchvision:"):
        raise ValueError(
            f"--detector-weights: expected --detector torchvision:NAME, got --detector {name}"
        )


def _detections_file(args: argparse.Namespace) -> Path | None:
    """The file to read detections from; None where a detector runs."""
    if args.detections is not None:
        return Path(args.detections)
    if args.detector is not None:
        file = Path(args.detector)
        return file if file.suffix.lower() in {".txt", ".npz"} else None
    public = Path(args.source) / "det" / "det.txt"
    return public if public.is_file() else None


def make_embedder(name: str | None, threads: int | None, device: str) -> Any:
    """Load an embedder.

    Args:
        name: an ONNX file, "none", or None for the embedder of the package.
        threads: CPU threads; None for all.
        device: where the network runs, as for `Embedder`.

    Returns:
        The embedder; None for "none".
    """
    if name == "none":
        return None
    from deepsort_reid.vision.embedder import Embedder

    return Embedder(name, threads=threads, device=device)


def make_camera_motion(name: str, start: int, every: int) -> Any:
    """Make a camera motion estimator.

    Args:
        name: "auto", "flow", "ecc", "none" or a file of affine warps.
        start, every: frames that are tracked, for warps from a file.

    Returns:
        The estimator; None for "none".
    """
    if name == "none":
        return None
    from deepsort_reid.vision import camera_motion

    if name in camera_motion.ESTIMATORS:
        return camera_motion.ESTIMATORS[name]()
    return camera_motion.CameraMotionFromFile(name, start=start, every=every)


def count_frames(length: int | None, args: argparse.Namespace) -> int | None:
    """Number of frames that --start, --stop and --every select from a video of `length` frames.

    None where the video has no known end and there is no --stop.
    """
    last = length if args.stop is None else min(args.stop, length or args.stop)
    return None if last is None else len(range(args.start, last + 1, args.every))
