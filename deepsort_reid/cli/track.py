"""`deepsort-reid track`: a video in, MOT tracks and an annotated video out."""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsort_reid.cli.progress import progress_bar
from deepsort_reid.cli.tracking_options import (
    count_frames,
    make_camera_motion,
    make_detector,
    make_embedder,
    read_config,
)

FORMATS = ("mot", "csv", "jsonl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "source",
        help="video file, camera number, stream URL, folder of images or MOT sequence folder",
    )
    parser.add_argument(
        "--out", type=Path, default=None, help="folder for the results (default: NAME-tracks)"
    )
    parser.add_argument(
        "--detections",
        type=Path,
        metavar="FILE",
        help="detections to track instead of detecting: a MOT det.txt, or the .npz with embeddings "
        "that --save-detections wrote",
    )
    parser.add_argument(
        "--detector",
        help="background, a YOLOX model FILE.onnx, or the name of a torchvision COCO model "
        "(default: the det.txt of a MOT sequence folder, else background)",
    )
    parser.add_argument("--detector-weights", type=Path, help="weights of a torchvision model")
    parser.add_argument(
        "--embedder", help="FILE.onnx, or none (default: the embedder of the package)"
    )
    parser.add_argument(
        "--camera-motion",
        default="none",
        help="none, flow, ecc, or a file of warps, for a camera that moves (default: none)",
    )
    parser.add_argument("--config", type=Path, help="JSON file with fields of DeepSortConfig")
    parser.add_argument("--min-score", type=float, help="leave out detections below")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every Nth frame only")
    parser.add_argument("--start", type=int, default=1, help="first frame, from 1")
    parser.add_argument("--stop", type=int, help="last frame")
    parser.add_argument("--format", choices=FORMATS, default="mot", help="(default: mot)")
    parser.add_argument(
        "--lag",
        type=int,
        default=0,
        metavar="FRAMES",
        help="hold every frame back for so many and correct it by them (default: 0)",
    )
    parser.add_argument(
        "--save-detections",
        action="store_true",
        help="detections.txt, and detections.npz with their embeddings",
    )
    parser.add_argument(
        "--record", action="store_true", help="and why each person got which box, in why.txt"
    )
    parser.add_argument("--no-video", action="store_true", help="write no annotated video")
    parser.add_argument("--show", action="store_true", help="show the frames in a window; q ends")
    parser.add_argument("--threads", type=int, help="CPU threads of detector and embedder")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no notes")


def run(args: argparse.Namespace) -> int:
    """Track the source; 2 when the video ended early, with everything until then saved."""
    from deepsort_reid.cli.diagnostics import Diagnostics
    from deepsort_reid.cli.output_folder import OutputFolder, stage_times
    from deepsort_reid.io.video_reader import TruncatedVideo, open_video
    from deepsort_reid.pipeline import StageTimer, track_frames
    from deepsort_reid.tracking import DeepSort, FixedLag

    note = _print_nothing if args.quiet else print
    if args.lag < 0:
        raise ValueError(f"--lag: expected 0 frames or more, got {args.lag}")
    if args.lag and args.record:
        raise ValueError("--record tells what was chosen at once: leave it or --lag out")
    if args.show:
        _require_display()
    video = open_video(args.source)
    # Complains at once, before a model is loaded or a folder made.
    video.iter_frames(args.start, args.stop, args.every)
    detector, detector_name = make_detector(args, note)
    embedder = make_embedder(args.embedder, args.threads)
    camera_motion = make_camera_motion(args.camera_motion, args.start, args.every)
    tracker = DeepSort(read_config(args.config), embedder=embedder, record=args.record)
    out = args.out or Path(f"{_name_of(args.source)}-tracks")
    timer = StageTimer()
    folder = OutputFolder(
        out,
        layout=args.format,
        draw=args.show or not args.no_video,
        frame_rate=None if args.no_video else video.frame_rate / args.every,
        save_detections=args.save_detections,
        record=tracker.record,
    )
    found = track_frames(
        video,
        detector,
        FixedLag(tracker, args.lag) if args.lag else tracker,
        camera_motion=camera_motion,
        start=args.start,
        stop=args.stop,
        every=args.every,
        timer=timer,
    )
    status, ended_early = "failed", ""
    doubts = Diagnostics(video.size)
    try:
        with folder:
            for step in progress_bar(found, count_frames(video.length, args), quiet=args.quiet):
                doubts.add(step.detections)
                picture = folder.add(step, timer)
                if args.show and not _show(picture):
                    break
        status = "complete"
    except TruncatedVideo as ended:
        status = ended_early = str(ended)
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        times = stage_times(timer, folder.frames)
        if folder.frames:
            folder.write_summary(
                {
                    "source": str(args.source),
                    "status": status,
                    "detector": detector_name,
                    "embedder": "none" if embedder is None else str(embedder.name),
                    "lag": args.lag,
                    "config": asdict(tracker.config),
                    **times,
                }
            )
    note(
        f"{folder.frames} frames, {len(folder.ids)} people, {folder.boxes} boxes, "
        f"{times['frames_per_second']} frames per second -> {out}"
    )
    for line in [] if args.quiet else doubts.lines(tracker.config.new_track_score):
        print(f"deepsort-reid track: note: {line}", file=sys.stderr)
    if ended_early and not folder.frames:
        raise ValueError(ended_early)
    if ended_early:
        raise ValueError(f"{ended_early}; what was tracked until then is in {out}")
    return 0


def _print_nothing(text: str) -> None:
    del text


def _name_of(source: str) -> str:
    """A folder name for the results of a source: a.mp4 -> a, rtsp://host/b -> b, 0 -> camera-0."""
    if source.isdecimal():
        return f"camera-{source}"
    if "://" in source:
        # Not every file system takes what an address may hold.
        source = re.sub(r"[^\w.-]+", "-", source.rstrip("/").rpartition("/")[2]).strip("-")
    return Path(source.rstrip("/")).stem or "video"


def _require_display() -> None:
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise ValueError("--show needs a display, and there is none; leave it out")
    # Asked in a process of its own: Qt ends the process that asks a display which does not answer.
    window = [sys.executable, "-c", "import cv2; cv2.namedWindow('deepsort-reid')"]
    if subprocess.run(window, capture_output=True, check=False).returncode:
        raise ValueError(
            "--show needs a display that answers and an OpenCV that can open windows; leave it out"
        )


def _show(picture: Any) -> bool:
    """Show a frame; False when the viewer pressed q or Escape."""
    import cv2

    cv2.imshow("deepsort-reid", picture)
    return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)
