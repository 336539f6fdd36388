"""Where a MOT sequence keeps its frames, ground truth and detections, and how long it is."""

import configparser
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deepsort_reid.io.mot_text import Kind, read_table

VIDEO_SUFFIXES = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"}
)
IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

_PARTS = "gt/gt.txt, det/det.txt, img1/ with images, or one video file"


@dataclass(frozen=True, kw_only=True)
class MotSequence:
    """Where the parts of one sequence are, and what is known of its video; None where unknown."""

    name: str  # of the folder; result files carry it
    folder: Path
    frames: Path | None  # the folder of images (img1/) or the one video file
    ground_truth: Path | None
    detections: Path | None
    length: int | None  # frames
    frame_rate: float | None  # frames per second
    width: int | None  # pixels
    height: int | None  # pixels


def read_sequence(folder: str | os.PathLike[str]) -> MotSequence:
    """Find the parts of a sequence folder: gt/gt.txt, det/det.txt, img1/ or one video file.

    `seqinfo.ini` is believed where it stands; without it the length is the number of images, else
    the last frame that ground truth or detections name.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: the folder holds none of the parts, several videos and no img1/, or a
            seqinfo.ini that cannot be read.
    """
    folder = _existing(folder)
    info_file = folder / "seqinfo.ini"
    info = _read_seqinfo(info_file)
    images = folder / info.get("imdir", "img1")
    videos = _videos_in(folder)
    if not _has_image(images) and len(videos) > 1:
        names = ", ".join(video.name for video in videos)
        raise ValueError(f"{folder}: expected one video file, got {len(videos)}: {names}")
    frames = images if _has_image(images) else next(iter(videos), None)
    truth = _labels_in(folder, "gt")
    detections = _labels_in(folder, "det")
    if frames is None and truth is None and detections is None:
        raise ValueError(f"{folder}: expected {_PARTS}")
    length = _number(info, "seqlength", info_file)
    width = _number(info, "imwidth", info_file)
    height = _number(info, "imheight", info_file)
    return MotSequence(
        name=folder.resolve().name,
        folder=folder,
        frames=frames,
        ground_truth=truth,
        detections=detections,
        length=_count_frames(frames, truth, detections) if length is None else int(length),
        frame_rate=_number(info, "framerate", info_file),
        width=None if width is None else int(width),
        height=None if height is None else int(height),
    )


def find_sequences(folder: str | os.PathLike[str]) -> list[MotSequence]:
    """All sequences in or below a folder, sorted by path; nothing inside a sequence is looked at.

    A folder with nothing but one video is a sequence when no other is below it.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no sequence is there, or one cannot be read.
    """
    folder = _existing(folder)
    # Data sets nest two deep (train/SEQ); four leaves room and ends in a loop of links.
    found = [read_sequence(place) for place in _sequence_folders(folder, depth=4)]
    if not found:
        raise ValueError(f"{folder}: no sequence in it or below; expected folders with {_PARTS}")
    return found


def _existing(folder: str | os.PathLike[str]) -> Path:
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    return folder


def _sequence_folders(folder: Path, depth: int) -> Iterator[Path]:
    if _labels_in(folder, "gt") or _labels_in(folder, "det") or _has_image(folder / "img1"):
        yield folder
        return
    below: list[Path] = []
    if depth > 0:
        inner = (at for at in folder.iterdir() if at.is_dir() and not at.name.startswith("."))
        below = [found for at in sorted(inner) for found in _sequence_folders(at, depth - 1)]
    if below:
        yield from below
    elif len(_videos_in(folder)) == 1:
        yield folder


def _labels_in(folder: Path, kind: Kind) -> Path | None:
    """gt/gt.txt or det/det.txt, else the only text file of that folder."""
    named = folder / kind / f"{kind}.txt"
    if named.is_file():
        return named
    texts = sorted((folder / kind).glob("*.txt"))
    return texts[0] if len(texts) == 1 else None


def _videos_in(folder: Path) -> list[Path]:
    return sorted(
        at
        for at in folder.iterdir()
        if at.suffix.lower() in VIDEO_SUFFIXES and not at.name.startswith(".")
    )


def _images_in(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        # macOS leaves ._NAME.jpg beside NAME.jpg on foreign disks.
        yield from (
            at
            for at in folder.iterdir()
            if at.suffix.lower() in IMAGE_SUFFIXES and not at.name.startswith(".")
        )


def _has_image(folder: Path) -> bool:
    return next(_images_in(folder), None) is not None


def _count_frames(frames: Path | None, *labels: Path | None) -> int | None:
    """Images in the folder, else the last frame that the labels name."""
    if frames is not None and frames.is_dir():
        return sum(1 for _ in _images_in(frames))
    tables = [read_table(path, "det") for path in labels if path is not None]
    return max((int(table[-1, 0]) for table in tables if len(table)), default=None)


def _read_seqinfo(path: Path) -> Mapping[str, str]:
    """Entries of seqinfo.ini with lower-case keys; none when there is no such file."""
    if not path.is_file():
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8-sig")
        return dict(parser["Sequence"])
    except (configparser.Error, UnicodeDecodeError, KeyError) as error:
        raise ValueError(f"{path}: expected a [Sequence] section with entries: {error}") from None


def _number(info: Mapping[str, str], key: str, path: Path) -> float | None:
    if key not in info:
        return None
    try:
        value = float(info[key])
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{path}: {key} must be a positive number, got {info[key]!r}")
    return value
