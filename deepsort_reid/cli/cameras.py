"""`deepsort-reid cameras`: track people through several cameras, as the same persons in all."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.config_options import read_config
from deepsort_reid.cli.live_options import add_live_arguments
from deepsort_reid.cli.output_options import add_result_arguments
from deepsort_reid.cli.progress import print_note
from deepsort_reid.cli.stop_signals import interrupted_or_failed
from deepsort_reid.cli.tracking_options import (
    add_detector_arguments,
    add_device_argument,
    add_embedder_argument,
    add_frame_arguments,
    add_motion_and_config_arguments,
    add_registry_argument,
    count_frames,
    has_several_classes,
    make_embedder,
)

if TYPE_CHECKING:
    from deepsort_reid.cli.cameras_file import CamerasSettings
    from deepsort_reid.cli.cameras_folder import CamerasFolder
    from deepsort_reid.pipeline import StageTimer
    from deepsort_reid.scale.camera import Camera
    from deepsort_reid.tracking.from_dict import TrackerParts

Note = Callable[[str], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="FILE.toml|SOURCE",
        help="a TOML file with cameras and settings, or video files, camera numbers, stream URLs, "
        "folders of images or MOT sequence folders, each as SOURCE or NAME=SOURCE",
    )
    add_frame_arguments(parser)
    add_live_arguments(parser, latest=False)
    add_detector_arguments(parser, file=False)
    group = parser.add_argument_group("tracker")
    add_embedder_argument(group)
    add_motion_and_config_arguments(group)
    add_registry_argument(group)
    group.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="frames, and parts of the crops, that go through the networks at the same time "
        "(default: the number of CPU cores)",
    )
    add_device_argument(group, "detector and embedder")
    group.add_argument(
        "--address",
        metavar="auto|HOST:PORT",
        help="run each camera in a process of a Ray cluster, which is started again when it dies: "
        "auto for the cluster of this machine, HOST:PORT of a head node, or local to start Ray "
        "here; needs --registry (default: one process, without Ray)",
    )
    group = parser.add_argument_group("output")
    group.add_argument(
        "--out", type=Path, metavar="DIR", help="output folder (default: cameras-tracks)"
    )
    add_result_arguments(group)
    group.add_argument(
        "--no-wall",
        action="store_true",
        help="write no video of all cameras (default: write wall.mp4, unless --no-video)",
    )


def run(args: argparse.Namespace) -> int:
    """Track the cameras and write the output folder.

    Raises ValueError after cameras that ended early; all that was tracked is written.
    """
    from deepsort_reid.cli.cameras_file import read_settings
    from deepsort_reid.cli.cameras_setup import make_cameras, open_videos, threads_of_network
    from deepsort_reid.identity import PersonRegistry
    from deepsort_reid.pipeline import StageTimer

    settings = read_settings(args.source)
    _use_options_of_file(args, settings)
    parts = _read_config(args)
    if args.address is not None:
        from deepsort_reid.cli.cameras_ray import run_on_ray

        return run_on_ray(args, settings, parts)
    note = _print_nothing if args.quiet else print_note
    videos, failed = open_videos(args, settings)
    embedder = make_embedder(args.embedder, threads_of_network(args, 1), args.device)
    name = None if embedder is None else str(embedder.name)
    identity = None if embedder is None else embedder.identity
    with PersonRegistry(args.registry, topology=settings.topology, embedder=identity) as registry:
        cameras = make_cameras(args, videos, embedder, registry, parts, note)
        with _make_folder(args, cameras, name, failed) as folder:
            timer = StageTimer()
            try:
                _track(args, list(cameras), embedder, folder, timer)
                registry.reconsider()
                folder.finish("complete", timer)
            except BaseException as error:
                with suppress(OSError):  # of a full disk, for example: the first error is reported
                    folder.finish(interrupted_or_failed(error), timer)
                raise
            note(f"{folder.describe()} -> {folder.folder}")
            ended = {each.name: reason for each, reason in folder.ended.items() if reason}
            failed = {**failed, **ended}
    if failed:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise ValueError(
            f"{len(failed)} of {len(settings.cameras)} cameras ended early, and all that came of "
            f"them is in {folder.folder}: {reasons}"
        )
    return 0


def _use_options_of_file(args: Namespace, settings: "CamerasSettings") -> None:
    """Set the options that the command line leaves open to those of the TOML file."""
    for name, value in settings.options.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    args.out = args.out or Path("cameras-tracks")


def _read_config(args: Namespace) -> "TrackerParts":
    """Configuration and association of --config, or of the table in the TOML file, and of --set."""
    try:
        return read_config(args.config, args.set)
    except ValueError as error:
        in_file = isinstance(args.config, dict) and str(error).startswith("config: ")
        raise ValueError(f"{args.source[0]}: {error}" if in_file else str(error)) from error


def _make_folder(
    args: Namespace,
    cameras: dict["Camera", dict[str, Any]],
    embedder: str | None,
    unreachable: dict[str, str],
) -> "CamerasFolder":
    from deepsort_reid.cli.cameras_folder import CamerasFolder
    from deepsort_reid.cli.output_folder import OutputFolder

    wall = not (args.no_video or args.no_wall)

    def make_folder(camera: "Camera", folder: Path) -> OutputFolder:
        return OutputFolder(
            folder,
            layout=args.format,
            draw=not args.no_video,
            frame_rate=None if args.no_video else camera.video.frame_rate / args.every,
            save_detections=args.save_detections,
            person_ids=args.ids == "person",
            class_names=has_several_classes(args),
            tracker=camera.tracker,
            page=not args.no_page,
        )

    settings = {
        "embedder": "none" if embedder is None else embedder,
        "registry": None if args.registry is None else str(args.registry),
    }
    return CamerasFolder(
        args.out,
        cameras,
        make_folder,
        wall=wall,
        every=args.every,
        settings=settings,
        unreachable=unreachable,
    )


def _track(
    args: Namespace,
    cameras: list["Camera"],
    embedder: Any,
    folder: "CamerasFolder",
    timer: "StageTimer",
) -> None:
    """Track all cameras to their ends, and write what comes of them."""
    from tqdm import tqdm

    from deepsort_reid.cli.cameras_setup import warn
    from deepsort_reid.cli.diagnostics import Diagnostics
    from deepsort_reid.scale.cameras import track_cameras

    counts = [count_frames(each.video.length, args) for each in cameras]
    total = None if None in counts else sum(filter(None, counts))
    tracked = track_cameras(
        cameras,
        embedder,
        start=args.start,
        stop=args.stop,
        every=args.every,
        threads=args.threads,
        timer=timer,
    )
    # None: tqdm shows no bar where stderr is not a terminal.
    disable = True if args.quiet else None
    notes = {each: Diagnostics(each.video.size, _is_background(each)) for each in cameras}
    with closing(tracked), tqdm(total=total, unit="frame", disable=disable) as bar:
        for each in tracked:
            for camera, frame in each.frames:
                notes[camera].add(frame.detections, frame.tracks, frame.frame)
            folder.add(each)
            bar.update(len(each.frames))
            for camera, reason in each.ended:
                new_track_score = camera.tracker.config.new_track_score
                lines = notes[camera].lines(new_track_score)
                for line in [*([reason] if reason else []), *lines] if not args.quiet else []:
                    warn(camera.name, line)


def _is_background(camera: "Camera") -> bool:
    from deepsort_reid.vision.detectors import BackgroundSubtraction

    return isinstance(camera.detector, BackgroundSubtraction)


def _print_nothing(text: str) -> None:
    del text
