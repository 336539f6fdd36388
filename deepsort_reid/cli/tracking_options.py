"""Command-line options shared by the commands that track."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepsort_reid.tracking import DeepSortConfig


def read_config(path: Path | None) -> "DeepSortConfig | None":
    """The configuration in a JSON file; None without a file.

    Raises ValueError when the file is not a JSON object of `DeepSortConfig`'s fields.
    """
    from deepsort_reid.tracking import DeepSortConfig

    if path is None:
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: expected JSON, {error.msg}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected JSON in UTF-8, {error.reason}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(values).__name__}")
    try:
        return DeepSortConfig.from_dict(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def make_detector(args: argparse.Namespace, note: Callable[[str], None]) -> tuple[Any, str]:
    """The detector that the arguments name, or the one that fits the source; and its name."""
    from deepsort_reid.vision.detectors import MotDetections, TorchvisionDetector, load_detector
    from deepsort_reid.vision.detectors.precomputed import NpzDetections

    if args.min_score is not None and not 0 <= args.min_score <= 1:
        raise ValueError(f"--min-score: expected a number from 0 to 1, got {args.min_score}")
    limit = {} if args.min_score is None else {"min_score": args.min_score}
    file = args.detections
    if file is not None and args.detector is not None:
        raise ValueError("--detections and --detector: expected one of them, got both")
    if args.detector is not None and Path(args.detector).suffix.lower() in {".txt", ".npz"}:
        file = Path(args.detector)
    word = args.detector or ""
    if args.detector_weights is not None and (word in {"", "background"} or Path(word).suffix):
        got = repr(word) if word else "none"
        raise ValueError(f"--detector-weights needs --detector, the name of their model: got {got}")
    beside = Path(args.source) / "det" / "det.txt"
    if file is None and args.detector is None and beside.is_file():
        file = beside
        note(f"no detector named: using the detections in {file}")
    if file is not None:
        saved = file.suffix.lower() == ".npz"
        reader: Callable[..., Any] = NpzDetections if saved else MotDetections
        return reader(file, start=args.start, every=args.every, **limit), str(file)
    if args.detector_weights is not None:
        detector = TorchvisionDetector(args.detector, weights=args.detector_weights, **limit)
        return detector, args.detector
    if args.detector is None:
        note(
            "no detector named: using background subtraction, which sees moving people before a "
            "camera that stands still; --detector FILE.onnx or a torchvision name sees all"
        )
    name = args.detector or "background"
    return load_detector(name, min_score=args.min_score, threads=args.threads), name


def make_embedder(name: str | None, threads: int | None) -> Any:
    """The embedder in a file, the package's own, or None for "none"."""
    if name == "none":
        return None
    from deepsort_reid.vision.embedder import Embedder

    return Embedder(name, threads=threads)


def make_camera_motion(name: str, start: int, every: int) -> Any:
    """The estimator that a word stands for, or one that reads a file of warps; None for "none"."""
    if name == "none":
        return None
    from deepsort_reid.vision import camera_motion

    if name == "flow":
        return camera_motion.SparseFlow()
    if name == "ecc":
        return camera_motion.Ecc()
    return camera_motion.CameraMotionFromFile(name, start=start, every=every)


def count_frames(length: int | None, args: argparse.Namespace) -> int | None:
    """Number of frames that --start, --stop and --every select from a video of `length` frames.

    None where the video has no known end and there is no --stop.
    """
    last = length if args.stop is None else min(args.stop, length or args.stop)
    return None if last is None else len(range(args.start, last + 1, args.every))
