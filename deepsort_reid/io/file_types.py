"""File name suffixes of images and videos, and the image files of a folder."""

import re
from collections.abc import Iterator
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
VIDEO_SUFFIXES = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"}
)


def is_image_file(path: Path) -> bool:
    """Whether the name is that of an image: a known suffix (any case), not a hidden file."""
    # macOS leaves ._NAME.jpg beside NAME.jpg on foreign disks.
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def is_video_file(path: Path) -> bool:
    """Whether the name is that of a video: a known suffix (any case), not a hidden file."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")


def iter_image_files(folder: Path) -> Iterator[Path]:
    """Yield the image files of a folder in no particular order."""
    return (path for path in folder.iterdir() if is_image_file(path) and path.is_file())


def list_image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder in natural order: img2 before img10."""
    return sorted(iter_image_files(folder), key=_natural_key)


def has_image_file(folder: Path) -> bool:
    """Whether the folder exists and has at least one image file."""
    return folder.is_dir() and any(True for _ in iter_image_files(folder))


def list_video_files(folder: Path) -> list[Path]:
    """Return the video files of a folder, sorted by name."""
    return sorted(path for path in folder.iterdir() if is_video_file(path))


def _natural_key(path: Path) -> list[int | str]:
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if part.isdecimal() else part for part in parts]
