"""MOT sequence folders: their frames, ground truth, detections and video properties."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deepsort_reid.io.file_types import has_image_file, iter_image_files, list_video_files
from deepsort_reid.io.mot_text import Kind, read_table
from deepsort_reid.io.seqinfo import read_seqinfo

_EXPECTED = "gt/gt.txt, det/det.txt, img1/ with images, or one video file"


@dataclass(frozen=True, kw_only=True)
class MotSequence:
    """Files of one sequence and properties of its video; None where unknown."""

    name: str  # of the folder; result files have this name
    folder: Path
    frames: Path | None  # the folder of images (img1/) or the video file
    ground_truth: Path | None
    detections: Path | None
    length: int | None  # frames
    frame_rate: float | None  # frames per second
    width: int | None  # pixels
    height: int | None  # pixels


def read_sequence(folder: str | os.PathLike[str]) -> MotSequence:
    """Find the files of a sequence folder: gt/gt.txt, det/det.txt, img1/ or one video file.

    Entries of `seqinfo.ini` are used where present. Without it the length is the number of
    images, else the last frame in ground truth or detections.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: the folder has none of these files, or several videos and no img1/, or a
            seqinfo.ini that cannot be read.
    """
    folder = _existing_folder(folder)
    info = read_seqinfo(folder)
    images = folder / info.image_folder
    has_images = has_image_file(images)
    videos = list_video_files(folder)
    if not has_images and len(videos) > 1:
        names = ", ".join(video.name for video in videos)
        raise ValueError(f"{folder}: expected one video file, got {len(videos)}: {names}")
    frames = images if has_images else next(iter(videos), None)
    truth = label_file(folder, "gt")
    detections = label_file(folder, "det")
    if frames is None and truth is None and detections is None:
        raise ValueError(f"{folder}: expected {_EXPECTED}")
    length = info.length
    return MotSequence(
        name=folder.resolve().name,
        folder=folder,
        frames=frames,
        ground_truth=truth,
        detections=detections,
        length=_count_frames(frames, truth, detections) if length is None else length,
        frame_rate=info.frame_rate,
        width=info.width,
        height=info.height,
    )


def find_sequences(folder: str | os.PathLike[str]) -> list[MotSequence]:
    """Find all sequences in or below a folder, sorted by path.

    Folders inside a sequence are not searched. A folder that has one video and nothing else is a
    sequence when no other sequence is below it.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no sequence, or one cannot be read.
    """
    found = find_sequence_folders(folder)
    if not found:
        raise ValueError(f"{folder}: no sequence in it or below; expected folders with {_EXPECTED}")
    return [read_sequence(path) for path in found]


def find_sequence_folders(folder: str | os.PathLike[str]) -> list[Path]:
    """The folders of `find_sequences`, possibly none.

    Raises FileNotFoundError when there is no such folder.
    """
    # Data sets nest up to four deep: gt/mot_challenge/MOT17-train/SEQ. A limit ends loops of links.
    return list(_sequence_folders(_existing_folder(folder), depth=4))


def label_file(folder: Path, kind: Kind) -> Path | None:
    """gt/gt.txt or det/det.txt of a sequence folder, else the only text file of gt/ or det/."""
    path = folder / kind / f"{kind}.txt"
    if path.is_file():
        return path
    texts = sorted((folder / kind).glob("*.txt"))
    return texts[0] if len(texts) == 1 else None


def _existing_folder(folder: str | os.PathLike[str]) -> Path:
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    return folder


def _sequence_folders(folder: Path, depth: int) -> Iterator[Path]:
    if label_file(folder, "gt") or label_file(folder, "det") or has_image_file(folder / "img1"):
        yield folder
        return
    below: list[Path] = []
    if depth > 0:
        subfolders = (p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
        below = [found for p in sorted(subfolders) for found in _sequence_folders(p, depth - 1)]
    if below:
        yield from below
    elif len(list_video_files(folder)) == 1:
        yield folder


def _count_frames(frames: Path | None, *labels: Path | None) -> int | None:
    """Number of images in the folder, else the last frame in the label files."""
    if frames is not None and frames.is_dir():
        return sum(1 for _ in iter_image_files(frames))
    tables = [read_table(path, "det") for path in labels if path is not None]
    return max((int(table[-1, 0]) for table in tables if len(table)), default=None)
