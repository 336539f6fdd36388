"""`track` with a folder of sequences: one run for each, and one result file per sequence."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from deepsort_reid.cli.output_options import source_name
from deepsort_reid.cli.progress import print_note
from deepsort_reid.cli.sequence_options import (
    NO_DETECTIONS,
    Failures,
    check_inputs,
    selected_sequences,
)
from deepsort_reid.cli.sequence_tracks import write_tracks
from deepsort_reid.cli.tracking_options import CAMERA_MOTION_NAMES

if TYPE_CHECKING:
    from deepsort_reid.io.mot_sequences import MotSequence

RUNS = "runs"


def is_folder_of_sequences(source: str) -> bool:
    """Whether a source of `track` has sequences below it, and no images or videos of its own."""
    from deepsort_reid.io.file_types import has_image_file, list_video_files
    from deepsort_reid.io.mot_sequences import find_sequence_folders

    folder = Path(source)
    if source.isdecimal() or not folder.is_dir():
        return False
    if has_image_file(folder) or list_video_files(folder):
        return False
    return any(each != folder for each in find_sequence_folders(folder))


def track_sequences(args: argparse.Namespace, track: Callable[[argparse.Namespace], int]) -> int:
    """Track every selected sequence of the folder, each into OUT/runs/SEQUENCE.

    The tracks of a complete run are copied to OUT/SEQUENCE.txt, the name that MOTChallenge wants. A
    sequence that cannot be tracked does not stop the others.

    Args:
        args: arguments of `track`.
        track: tracks one source.

    Raises ValueError at the end that names the sequences without a result.
    """
    _check_options(args)
    folder = Path(args.source)
    sequences = selected_sequences(folder, args)
    check_inputs(folder, sequences, args)
    out = args.out or Path(f"{source_name(args.source)}-tracks")
    failures = Failures()
    for number, sequence in enumerate(sequences, start=1):
        if not args.quiet:
            print_note(f"{sequence.name}, {number} of {len(sequences)}")
        with failures.noted(sequence.name):
            _track_one(args, sequence, out, track)
    finished = any(each.name not in failures for each in sequences)
    failures.report(f"; the other sequences are in {out}" if finished else "")
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for options that only one video can have."""
    if args.registry is not None:
        raise ValueError(
            f"--registry: expected one video, got the folder {args.source} of sequences; "
            "`deepsort-reid cameras` tracks several videos with one registry"
        )
    if args.camera_motion not in CAMERA_MOTION_NAMES:
        raise ValueError(
            f"--camera-motion: expected {', '.join(CAMERA_MOTION_NAMES)} for the folder "
            f"{args.source} of sequences, got {args.camera_motion!r}, a file for one video"
        )


def _track_one(
    args: argparse.Namespace,
    sequence: "MotSequence",
    out: Path,
    track: Callable[[argparse.Namespace], int],
) -> None:
    """Track one sequence into OUT/runs and copy the file of its tracks to OUT."""
    from deepsort_reid.cli.output_folder import tracks_file
    from deepsort_reid.cli.run_files import SUMMARY
    from deepsort_reid.io.atomic import write_atomically
    from deepsort_reid.io.layouts import detections_file

    given = args.detections
    if given is not None:
        given = detections_file(given, sequence.name)
    elif args.detector is None:
        given = sequence.detections
        if given is None:
            raise ValueError(f"{sequence.folder}: {NO_DETECTIONS}")
    run = out / RUNS / sequence.name
    tracks = run / tracks_file(args.format)
    result = out / f"{sequence.name}{tracks.suffix}"
    if result.exists() and not (run / SUMMARY).is_file():
        raise ValueError(
            f"{result}: expected a file of an earlier run or none, got one without its run in "
            f"{run}; move it, or choose another folder with --out"
        )
    if not args.resume:
        result.unlink(missing_ok=True)  # must not stay beside the results of this run
    if sequence.frames is None and given is not None:
        _track_detections(args, sequence, given, tracks)
    else:
        own = {"source": str(sequence.folder), "out": run, "detections": given}
        track(argparse.Namespace(**{**vars(args), **own}))
    write_atomically(result, tracks.read_bytes())


def _track_detections(
    args: argparse.Namespace, sequence: "MotSequence", file: Path, tracks: Path
) -> None:
    """Write the tracks of a sequence that has detections, but no frames, and a summary."""
    from deepsort_reid.cli.config_options import read_config
    from deepsort_reid.cli.output_folder import open_tracks, versions
    from deepsort_reid.cli.run_files import check_replaceable, remove_earlier, write_summary_file
    from deepsort_reid.tracking import DeepSort
    from deepsort_reid.vision.detectors import MotDetections
    from deepsort_reid.vision.detectors.precomputed import NpzDetections

    if args.embedder not in (None, "none") or args.camera_motion not in ("auto", "none"):
        raise ValueError(
            f"{sequence.folder}: expected img1/ or a video; without frames give --embedder none "
            "and no --camera-motion"
        )
    if (args.start, args.stop, args.every) != (1, None, 1):
        raise ValueError(
            f"{sequence.folder}: expected img1/ or a video for --start, --stop, --every"
        )
    limit = {} if args.min_score is None else {"min_score": args.min_score}
    reader = NpzDetections if file.suffix == ".npz" else MotDetections
    detector = reader(file, **limit)
    parts = read_config(args.config, args.set)
    length = sequence.length or 0
    check_replaceable(tracks.parent, [tracks.name])
    tracks.parent.mkdir(parents=True, exist_ok=True)
    remove_earlier(tracks.parent, [tracks.name], [file])
    summary = {
        "source": str(sequence.folder),
        "detector": str(file),
        "embedder": "none",
        "lag": args.lag,
        "config": parts.as_dict(),
        "files": [tracks.name],
        "versions": versions(),
    }
    write_summary_file(tracks.parent, {"status": "running", **summary})
    with open_tracks(tracks, args.format) as writer:
        frames = map(detector.at, range(1, length + 1))
        write_tracks(DeepSort(**parts._asdict()), frames, args.lag, writer)
    write_summary_file(tracks.parent, {"status": "complete", "frames": length, **summary})
