"""Cameras of the command `cameras`: their videos, detectors and trackers."""

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from deepsort_reid.cli.cameras_file import CameraSettings, CamerasSettings
from deepsort_reid.cli.live_options import make_live_options
from deepsort_reid.cli.output_folder import describe_input
from deepsort_reid.cli.tracking_options import make_camera_motion, make_detector
from deepsort_reid.identity import PersonRegistry
from deepsort_reid.io.stream_address import hide_secrets, is_stream
from deepsort_reid.io.video import Video
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.scale.camera import Camera
from deepsort_reid.tracking import DeepSort
from deepsort_reid.tracking.from_dict import TrackerParts
from deepsort_reid.vision.detectors import OnnxDetector, TorchvisionDetector


def open_videos(
    args: Namespace, settings: CamerasSettings
) -> tuple[dict[CameraSettings, Video], dict[str, str]]:
    """The videos of the cameras, and by name why a live one could not be reached.

    Raises OSError or ValueError for a file that cannot be opened, a wrong range of frames, and
    where no camera can be reached.
    """

    def open_camera(camera: CameraSettings) -> Video | OSError:
        live = make_live_options(args, f"cameras: {camera.name}")
        try:
            return open_video(camera.source, live=live)
        except OSError as error:
            if is_stream(camera.source) or camera.source.isdecimal():
                return error
            raise

    cameras = settings.cameras
    with ThreadPoolExecutor(len(cameras)) as pool:  # one that is off takes seconds
        opened = dict(zip(cameras, pool.map(open_camera, cameras), strict=True))
    videos = {each: video for each, video in opened.items() if not isinstance(video, OSError)}
    failed = {each.name: str(error) for each, error in opened.items() if isinstance(error, OSError)}
    if not videos:
        raise OSError("; ".join(f"{name}: {reason}" for name, reason in failed.items()))
    for name, reason in failed.items() if not args.quiet else []:
        warn(name, reason)
    for each, video in videos.items():
        if each.start_time and video.live is not None:
            raise ValueError(
                f"camera {each.name}: expected start_time of a file only, got one of a live camera"
            )
        # Raises on a wrong frame range before a model is loaded or a folder is made.
        video.iter_frames(args.start, args.stop, args.every)
    return videos, failed


def make_cameras(
    args: Namespace,
    videos: dict[CameraSettings, Video],
    embedder: Any,
    registry: PersonRegistry,
    parts: TrackerParts,
    note: Callable[[str], None],
) -> dict[Camera, dict[str, Any]]:
    """The cameras, with their descriptions for the summaries."""

    cameras = {}
    detectors = _make_detectors(args, list(videos), note)
    for each, video in videos.items():
        detector, detector_name = detectors[each]
        tracker = DeepSort(
            **parts._asdict(),
            embedder=embedder,
            registry=registry,
            camera=each.name,
            explain=args.explain,
        )
        motion = each.camera_motion or args.camera_motion
        start_time = each.start_time if video.live is None else video.live.start_time
        camera = Camera(
            each.name,
            video,
            detector,
            tracker,
            make_camera_motion(motion, args.start, args.every),
            start_time,
        )
        cameras[camera] = {
            "source": hide_secrets(each.source),
            "input": describe_input(each.source, video, args.start, args.every),
            "camera": each.name,
            "detector": detector_name,
            "embedder": "none" if embedder is None else str(embedder.name),
            "lag": 0,
            "config": parts.as_dict(),
        }
    return cameras


def _make_detectors(
    args: Namespace, cameras: list[CameraSettings], note: Callable[[str], None]
) -> dict[CameraSettings, tuple[Any, str]]:
    """Detector and its name for each camera: one network for all, or one of its own for each."""

    threads = threads_of_network(args, len(cameras))
    notes: list[str] = []
    network: tuple[Any, str] | None = None
    detectors = {}
    for each in cameras:
        if network is None or each.detections is not None:
            own = {"source": each.source, "detections": each.detections, "threads": threads}
            if each.detections is not None:
                own |= {"detector": None, "detector_weights": None}
            made = make_detector(Namespace(**{**vars(args), **own}), notes.append)
            if isinstance(made[0], OnnxDetector | TorchvisionDetector):
                network = made
            detectors[each] = made
        else:
            detectors[each] = network
    for text in dict.fromkeys(notes):
        note(text)
    return detectors


def threads_of_network(args: Namespace, cameras: int) -> int | None:
    """Threads within one run of a network, when as many run at the same time as there are cameras.

    Raises ValueError for a number of threads below 1.
    """
    if args.threads is not None and args.threads < 1:
        raise ValueError(f"--threads: expected at least 1, got {args.threads}")
    if args.device != "cpu":
        return None
    return max((args.threads or os.cpu_count() or 1) // cameras, 1)


def warn(name: str, text: str) -> None:
    print(f"deepsort-reid cameras: {name}: note: {text}", file=sys.stderr)
