"""`deepsort-reid track`: track people through a video, write MOT tracks and an annotated video."""

import argparse
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli.config_options import read_config
from deepsort_reid.cli.live_options import add_live_arguments, make_live_options
from deepsort_reid.cli.output_options import add_result_arguments, source_name
from deepsort_reid.cli.progress import print_note
from deepsort_reid.cli.sequence_options import add_selection_arguments
from deepsort_reid.cli.track_folder import is_folder_of_sequences, track_sequences
from deepsort_reid.cli.tracking_options import (
    add_detector_arguments,
    add_device_argument,
    add_embedder_argument,
    add_frame_arguments,
    add_motion_and_config_arguments,
    add_registry_argument,
    has_several_classes,
    make_camera_motion,
    make_detector,
    make_embedder,
)

if TYPE_CHECKING:
    from deepsort_reid.cli.checkpoint import Run
    from deepsort_reid.cli.output_folder import OutputFolder
    from deepsort_reid.io.video import Video
    from deepsort_reid.tracking import DeepSort, FixedLag
    from deepsort_reid.tracking.from_dict import TrackerParts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "source",
        help="video file, camera number, stream URL, folder of images, MOT sequence folder, or "
        "folder of sequences: MOTChallenge, DanceTrack, SportsMOT or TrackEval",
    )
    add_selection_arguments(parser.add_argument_group("sequences of a folder"))
    add_frame_arguments(parser)
    parser.add_argument(
        "--hardware-decoding",
        action="store_true",
        help="decode a video file on the graphics card, where there is one that knows its codec "
        "(default: on the CPU)",
    )
    add_live_arguments(parser)
    add_detector_arguments(parser)
    _add_tracker_arguments(parser)
    _add_output_arguments(parser)


def _add_tracker_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("tracker")
    add_embedder_argument(group)
    add_motion_and_config_arguments(group)
    add_registry_argument(group)
    group.add_argument(
        "--camera",
        default="camera",
        metavar="NAME",
        help="name of the camera in the registry and in people.csv (default: camera)",
    )
    group.add_argument(
        "--lag",
        type=int,
        default=0,
        metavar="FRAMES",
        help="delay output by FRAMES to correct ids and boxes (default: 0)",
    )
    group.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="CPU threads of detector and embedder (default: all cores)",
    )
    add_device_argument(group, "detector and embedder")


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="output folder; of a folder of sequences with SEQUENCE.txt of each, and their runs in "
        "runs/SEQUENCE (default: NAME-tracks, NAME from the source)",
    )
    add_result_arguments(group)
    group.add_argument(
        "--audio",
        action="store_true",
        help="give the annotated video the audio of the source, a video file (default: off)",
    )
    group.add_argument(
        "--checkpoint-every",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="save the state of the run for --resume, so often that a kill loses at most this much "
        "work; 0 for never (default: 1)",
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in the output folder that was stopped or killed: repeat its options "
        "and add this one; without such a run, track from the first frame on (default: off)",
    )
    group.add_argument(
        "--show",
        action="store_true",
        help="show the annotated frames in a window; press q to end (default: off)",
    )


def run(args: argparse.Namespace) -> int:
    """Track the source and write the output folder.

    Raises ValueError after a source that ended early; the frames before its end are written.
    """
    show = _show if args.show else None
    parts = read_config(args.config, args.set)

    def track_one(args: argparse.Namespace) -> int:
        return track_source(args, parts, _open_registry, show)

    if is_folder_of_sequences(args.source):
        return track_sequences(args, track_one)
    for option, given in (("--only", args.only), ("--seqmap", args.seqmap)):
        if given:
            raise ValueError(f"{option}: expected a folder of sequences, got {args.source}")
    return track_one(args)


def track_source(
    args: argparse.Namespace,
    parts: "TrackerParts",
    open_registry: Callable[[Path | None, Any], AbstractContextManager[Any]],
    show: Callable[[Any], bool] | None,
) -> int:
    """Track a source with the options of `track`.

    Args:
        args: arguments of the command.
        parts: configuration and association of the tracker.
        open_registry: opens the registry of --registry for an embedder.
        show: gets each annotated frame; the run ends when it returns False. None to show nothing.

    Raises as `run`.
    """
    from deepsort_reid.cli.checkpoint import Run
    from deepsort_reid.cli.diagnostics import Diagnostics
    from deepsort_reid.io.stream_address import hide_secrets
    from deepsort_reid.io.video_reader import open_video
    from deepsort_reid.pipeline import StageTimer
    from deepsort_reid.tracking import DeepSort, FixedLag

    _check_options(args)
    note = _print_nothing if args.quiet else print_note
    video = open_video(args.source, live=make_live_options(args), hardware=args.hardware_decoding)
    # Raises on a wrong frame range before a model is loaded or a folder is made.
    video.iter_frames(args.start, args.stop, args.every)
    detector, detector_name = make_detector(args, note)
    embedder = make_embedder(args.embedder, args.threads, args.device)
    camera_motion = make_camera_motion(args.camera_motion, args.start, args.every)
    description = {
        "source": hide_secrets(args.source),
        "detector": detector_name,
        "embedder": "none" if embedder is None else str(embedder.name),
        "lag": args.lag,
    }
    timer = StageTimer()
    with open_registry(args.registry, embedder) as registry:
        online = DeepSort(
            **parts._asdict(),
            embedder=embedder and timer.timed("embed", embedder),
            registry=registry,
            camera=args.camera,
            explain=args.explain,
        )
        description["config"] = parts.as_dict()
        tracker = FixedLag(online, args.lag) if args.lag else online
        with _make_output_folder(args, video, tracker) as folder:
            run = Run(
                folder=folder,
                tracker=tracker,
                detector=detector,
                camera_motion=camera_motion,
                timer=timer,
                diagnostics=Diagnostics(video.size, static_camera=detector_name == "background"),
                pending=deque(),
            )
            return _track(args, video, run, description, note, show)


def _track(
    args: argparse.Namespace,
    video: "Video",
    run: "Run",
    description: dict[str, Any],
    note: Callable[[str], None],
    show: Callable[[Any], bool] | None,
) -> int:
    """Track the frames of a run; see `run`."""
    from deepsort_reid.cli.checkpoint import is_complete
    from deepsort_reid.cli.track_run import track_run

    folder = run.folder
    if args.resume and is_complete(folder.folder):
        folder.remove_checkpoint()  # in case that it was killed just before that
        note(f"the run in {folder.folder} is complete; nothing to resume")
        return 0
    truncated = track_run(args, video, run, description, note, show)
    for line in [] if args.quiet else run.notes(description):
        print(f"deepsort-reid track: note: {line}", file=sys.stderr)
    if truncated:
        saved = f"; the frames before are tracked in {folder.folder}" if folder.frames else ""
        raise ValueError(f"{truncated}{saved}")
    return 0


def _open_registry(path: Path | None, embedder: Any) -> AbstractContextManager[Any]:
    """The registry of a file; None without a file: the tracker then makes one in memory."""
    from deepsort_reid.identity import PersonRegistry

    if path is None:
        return nullcontext()
    return PersonRegistry(path, embedder=None if embedder is None else embedder.identity)


def _check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for options that are out of range or contradict each other."""
    if args.lag < 0:
        raise ValueError(f"--lag: expected 0 frames or more, got {args.lag}")
    if not 0 <= args.checkpoint_every < float("inf"):
        raise ValueError(
            f"--checkpoint-every: expected 0 seconds or more, got {args.checkpoint_every}"
        )
    if args.show:
        _require_display()


def _make_output_folder(
    args: argparse.Namespace, video: "Video", tracker: "DeepSort | FixedLag"
) -> "OutputFolder":
    from deepsort_reid.cli.output_folder import OutputFolder, describe_input

    return OutputFolder(
        args.out or Path(f"{source_name(args.source)}-tracks"),
        layout=args.format,
        draw=args.show or not args.no_video,
        frame_rate=None if args.no_video else video.frame_rate / args.every,
        audio=_audio_source(args, video) if args.audio else None,
        save_detections=args.save_detections,
        person_ids=args.ids == "person",
        class_names=has_several_classes(args),
        tracker=tracker,
        page=not args.no_page,
        inputs=[Path(name) for name in (args.detections, args.detector) if name is not None],
        video_input=describe_input(args.source, video, args.start, args.every),
    )


def _audio_source(args: argparse.Namespace, video: "Video") -> Path:
    """The file of --audio. Raises ValueError where it has no audio, or no video is written."""
    from deepsort_reid.io.av_audio import has_audio
    from deepsort_reid.io.av_reader import is_av_available

    path = Path(video.name)
    if args.no_video:
        raise ValueError("--audio: expected an annotated video, got --no-video")
    if not is_av_available():
        raise ValueError("--audio: needs PyAV, which is not installed: pip install av")
    if video.live is not None or not path.is_file():
        raise ValueError(f"--audio: expected a video file as source, got {video.name}")
    if not has_audio(path):
        raise ValueError(f"--audio: expected a video with audio, got {path} without")
    return path


def _print_nothing(text: str) -> None:
    del text


def _require_display() -> None:
    """Raise ValueError where no window can be opened."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise ValueError("--show: expected a display, found none; leave --show out")
    # Tested in a process of its own: Qt ends the process where the display does not respond.
    window = [sys.executable, "-c", "import cv2; cv2.namedWindow('deepsort-reid')"]
    if subprocess.run(window, capture_output=True, check=False).returncode:
        raise ValueError(
            "--show: expected a display that responds and an OpenCV that can open windows; "
            "leave --show out"
        )


def _show(image: Any) -> bool:
    """Show an image in the window; False after q or Escape was pressed."""
    import cv2

    cv2.imshow("deepsort-reid", image)
    return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)
