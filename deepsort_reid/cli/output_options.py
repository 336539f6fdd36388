"""Command-line options of the files that the commands write which track."""

import argparse
import re
from pathlib import Path

FORMATS = ("mot", "csv", "jsonl")


def add_result_arguments(group: argparse._ActionsContainer) -> None:
    """Add --format, --no-video, --no-page, --ids, --save-detections, --explain and --quiet."""
    group.add_argument(
        "--format",
        choices=FORMATS,
        default="mot",
        help="tracks.txt in MOT format, tracks.csv or tracks.jsonl (default: mot)",
    )
    group.add_argument(
        "--no-video",
        action="store_true",
        help="write no annotated video (default: write video.mp4)",
    )
    add_page_argument(group)
    group.add_argument(
        "--ids",
        choices=("person", "track"),
        default="person",
        help="number on the boxes of the video: person is the same whenever and wherever a person "
        "returns, as far as is known in that frame; track is that of tracks.txt (default: person)",
    )
    group.add_argument(
        "--save-detections",
        action="store_true",
        help="write detections.txt, and detections.npz with embeddings (default: off)",
    )
    group.add_argument(
        "--explain",
        action="store_true",
        help="write explanations.txt: for every frame and track, the scores of the candidate "
        "detections and the reason for the choice (default: off)",
    )
    group.add_argument(
        "--quiet", action="store_true", help="print no progress bar and no notes (default: off)"
    )


def add_page_argument(group: argparse._ActionsContainer) -> None:
    """Add --no-page."""
    group.add_argument(
        "--no-page",
        action="store_true",
        help="write no results page (default: write index.html, with images of the people)",
    )


def source_name(source: str) -> str:
    """Name of a source for its output folder: a.mp4 -> a, rtsp://host/b -> b, 0 -> camera-0."""
    from deepsort_reid.io.stream_address import hide_secrets, is_stream

    if source.isdecimal():
        return f"camera-{source}"
    if is_stream(source):
        source = hide_secrets(source)
        # Characters of an address that a file system may not allow.
        source = re.sub(r"[^\w.-]+", "-", source.rstrip("/").rpartition("/")[2]).strip("-")
    return Path(source.rstrip("/")).stem or "video"
