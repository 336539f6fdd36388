"""Videos of an archive: those of a folder, or of a list."""

import os
from pathlib import Path
from typing import NamedTuple

from deepsort_reid.io.file_types import has_image_file, is_video_file, list_image_files
from deepsort_reid.io.stream_address import is_stream

MAX_LIST_BYTES = 2**28


class ArchiveVideo(NamedTuple):
    """A video of an archive.

    Attributes:
        name: path relative to the folder of the archive, or the line of the list; unique.
        path: absolute path of the file or folder.
    """

    name: str
    path: str


def list_archive(source: Path) -> list[ArchiveVideo]:
    """The videos of an archive in the order of their names.

    Args:
        source: a folder, which is searched recursively for video files, folders of images and MOT
            sequences; or a text file with the path of one of these in each line. Relative paths
            are relative to the folder of that file; empty lines are ignored.

    Folders that begin with a dot are not searched, and links to folders not followed. Images in a
    folder with a video, and single ones, are no video.

    Raises:
        OSError: the folder or list cannot be read.
        ValueError: there is no video in it, a line is a stream or repeated, or the file is no text.
    """
    if source.is_dir():
        videos = _videos_of_folder(source)
        if not videos:
            raise ValueError(f"{source}: expected a folder with videos, found none in it")
    else:
        videos = _videos_of_list(source)
        if not videos:
            raise ValueError(f"{source}: expected the path of a video in each line, got none")
    return sorted(videos)


def _videos_of_folder(root: Path) -> list[ArchiveVideo]:
    found: list[ArchiveVideo] = []

    def add(path: Path) -> None:
        name = root.resolve().name if path == root else path.relative_to(root).as_posix()
        # Bytes that are no UTF-8, which some file systems allow in names, as \\udcff.
        text = name.encode("utf-8", "backslashreplace").decode()
        found.append(ArchiveVideo(text, str(path.resolve())))

    def stop(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(root, onerror=stop):
        path = Path(folder)
        videos = [path / name for name in files if is_video_file(path / name)]
        if "seqinfo.ini" in files or has_image_file(path / "img1"):
            add(path)
            folders.clear()
            continue
        if not videos and len(list_image_files(path)) > 1:
            add(path)
        for video in videos:
            add(video)
        folders[:] = [name for name in folders if not name.startswith(".")]
    return found


def _videos_of_list(file: Path) -> list[ArchiveVideo]:
    if is_video_file(file) and file.exists():
        raise ValueError(f"{file}: expected a folder or a list of videos, got a video; use `track`")
    try:
        if file.stat().st_size > MAX_LIST_BYTES:
            raise ValueError(f"{file}: expected a list of videos, got a file above 256 MB")
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: expected a list of videos in UTF-8, {error.reason}") from error
    first_line: dict[str, int] = {}
    videos = []
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name:
            continue
        if is_stream(name):
            raise ValueError(f"{file}:{number}: expected a file or folder, got a stream")
        path = str((file.parent / name).resolve())
        if path in first_line:
            raise ValueError(f"{file}:{number}: the video of line {first_line[path]} again")
        first_line[path] = number
        videos.append(ArchiveVideo(name, path))
    return videos
