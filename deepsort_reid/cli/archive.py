"""`deepsort-reid archive`: track all videos of a folder, then link their persons."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deepsort_reid.cli.config_options import add_config_arguments, read_config
from deepsort_reid.cli.progress import print_note, progress_bar
from deepsort_reid.cli.tracking_options import (
    absolute_model,
    add_camera_motion_argument,
    add_detector_arguments,
    add_device_argument,
    add_embedder_argument,
)

if TYPE_CHECKING:
    from deepsort_reid.scale.archive.folder import ArchiveFolder
    from deepsort_reid.scale.archive.videos import ArchiveVideo
    from deepsort_reid.scale.archive.worker import TrackingSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "source",
        type=Path,
        metavar="FOLDER|LIST",
        help="folder that is searched for video files, folders of images and MOT sequences, or a "
        "text file with one of their paths in each line, relative to that file",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="output folder; that of an earlier run is continued (default: NAME-archive, NAME from "
        "the source)",
    )
    parser.add_argument(
        "--cameras",
        choices=("video", "folder"),
        default="video",
        help="which videos are of one camera: every video has its own, or those of a folder share "
        "one (default: video)",
    )
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="use every Nth frame (default: 1)"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print no progress bar and no notes (default: off)"
    )
    _add_tracking_arguments(parser)
    _add_process_arguments(parser)


def _add_tracking_arguments(parser: argparse.ArgumentParser) -> None:
    add_detector_arguments(parser, file=False)
    group = parser.add_argument_group("tracker")
    add_embedder_argument(group)
    add_camera_motion_argument(group, file=False)
    add_config_arguments(group)
    add_device_argument(group, "detector and embedder")


def _add_process_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("processes")
    group.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="videos that are tracked at the same time, each by a process that loads the models "
        "once (default: the number of CPU cores, of the cluster with --address)",
    )
    group.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="CPU threads of each worker (default: cores divided by workers; with --address 1)",
    )
    group.add_argument(
        "--address",
        metavar="auto|HOST:PORT",
        help="run the workers on a Ray cluster: auto for the one of this machine, HOST:PORT of a "
        "head node, or local to start Ray here (default: processes of this machine, without Ray)",
    )


def run(args: argparse.Namespace) -> int:
    """Track the videos that are not done, link the persons of all, and write the tables.

    Raises ValueError when no video could be tracked.
    """
    from deepsort_reid.scale.archive.videos import list_archive

    settings = _settings(args)
    videos = list_archive(args.source)
    import pyarrow  # noqa: F401  # before anything is written

    from deepsort_reid.scale.archive.folder import ArchiveFolder
    from deepsort_reid.scale.archive.linking import CAMERAS

    if args.address is not None:
        from deepsort_reid.scale.ray_cluster import connect

        connect(args.address)
    out = args.out or Path(f"{args.source.resolve().stem}-archive")
    with ArchiveFolder(out, settings) as folder:
        errors: dict[str, str] = {}
        unfinished = folder.unfinished(videos)
        if not args.quiet and len(unfinished) < len(videos):
            print_note(f"{len(videos) - len(unfinished)} of {len(videos)} videos are done")
        if unfinished:
            results = _track(args, folder, unfinished)
            for video, error in progress_bar(
                results, len(unfinished), quiet=args.quiet, unit="video"
            ):
                if error is not None:
                    errors[video.name] = error
                    print(f"deepsort-reid archive: {video.name}: {error}", file=sys.stderr)
        counts = folder.link(videos, errors, CAMERAS[args.cameras])
    if not counts.videos:
        raise ValueError(f"{args.source}: none of {len(videos)} videos could be tracked, see above")
    if not args.quiet:
        print_note(
            f"{counts.videos} of {len(videos)} videos, {counts.frames} frames, {counts.tracks} "
            f"tracks, {counts.persons} persons -> {out}"
        )
    return 0


def _settings(args: argparse.Namespace) -> "TrackingSettings":
    from deepsort_reid.scale.archive.worker import TrackingSettings

    for name in ("every", "workers", "threads"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name}: expected at least 1, got {value}")
    if args.min_score is not None and not 0 <= args.min_score <= 1:
        raise ValueError(f"--min-score: expected a number from 0 to 1, got {args.min_score}")
    if (args.detector or "").lower().endswith((".txt", ".npz")):
        raise ValueError(
            f"--detector: expected a detector, got the detections of one video, {args.detector}"
        )
    if args.classes is not None and args.detector in (None, "background"):
        raise ValueError(f"--classes: expected a --detector with classes, got {args.detector}")
    is_torchvision = (args.detector or "").startswith("torchvision:")
    if args.detector_weights is not None and not is_torchvision:
        raise ValueError(
            "--detector-weights: expected --detector torchvision:NAME, got --detector "
            f"{args.detector}"
        )
    return TrackingSettings(
        detector=absolute_model(args.detector),
        detector_weights=args.detector_weights and str(args.detector_weights.resolve()),
        min_score=args.min_score,
        classes=None if args.classes is None else tuple(args.classes),
        embedder=absolute_model(args.embedder),
        camera_motion=args.camera_motion,
        parts=read_config(args.config, args.set),
        every=args.every,
        device=args.device,
    )


def _track(
    args: argparse.Namespace, folder: "ArchiveFolder", videos: "list[ArchiveVideo]"
) -> "Iterator[tuple[ArchiveVideo, str | None]]":
    """Track the videos on the cluster, or in processes of this machine."""
    if args.address is not None:
        from deepsort_reid.scale.archive.on_ray import track_on_ray

        parts = folder.settings, folder.folder, videos
        return track_on_ray(*parts, workers=args.workers, threads=args.threads or 1)
    cores = _num_cores()
    workers = min(args.workers or cores, len(videos))
    threads = args.threads or max(1, cores // workers)
    return folder.track_locally(videos, workers=workers, threads=threads)


def _num_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
