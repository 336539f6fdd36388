"""Source of a run: where its frames are now."""

from pathlib import Path
from typing import Any

from deepsort_reid.io.file_types import list_video_files
from deepsort_reid.io.video import Video
from deepsort_reid.io.video_reader import open_video


def find_source(folder: Path, summary: dict[str, Any], described: dict[str, Any]) -> Path | None:
    """The source of the run: at its path, or moved together with the run folder."""
    given = summary.get("source")
    candidates = []
    for name in (described.get("path"), given):
        if isinstance(name, str) and name and "://" not in name and not name.isdecimal():
            candidates += [Path(name), folder / name, folder / Path(name).name]
            candidates.append(folder.resolve().parent / Path(name).name)
    own = folder.resolve()  # the annotated video in it is not the source
    return next((path for path in candidates if path.exists() and path.resolve() != own), None)


def open_source(source: Path, last: int) -> tuple[Video | None, str]:
    """The opened source; None, and why, where it is not the one of the run."""
    try:
        video = open_video(source)
    except (OSError, ValueError) as error:
        return None, str(error)
    if video.length is not None and video.length < last:
        return None, (
            f"{source}: expected the video of the run with {last} frames or more, got one with "
            f"{video.length}"
        )
    return video, ""


def open_annotated(
    folder: Path, summary: dict[str, Any], described: dict[str, Any], last: int
) -> tuple[Video | None, Path | None]:
    """The video that the run has drawn, where it has all frames: to look at, not for crops.

    Not where its frames have other numbers than those of the run: with --start and --every, and
    where frames of a camera were left out or repeated.
    """
    if (described.get("start", 1), described.get("every", 1)) != (1, 1):
        return None, None
    for path in (folder / "video.mp4", folder / "video.webm"):
        opened = open_source(path, last)[0] if path.is_file() else None
        if opened is not None and opened.length == summary.get("frames", opened.length):
            return opened, path
    return None, None


def video_file(source: Path) -> Path | None:
    """The file that a browser can play: the source, or the only video of a sequence folder."""
    if source.is_file():
        return source
    videos = list_video_files(source)
    return videos[0] if len(videos) == 1 and not (source / "img1").is_dir() else None


def shown_source(summary: dict[str, Any], described: dict[str, Any]) -> str:
    """The source as the summary names it, for messages."""
    name = described.get("path") or summary.get("source")
    return f"{str(name)[:200]}" if name else "a source in the summary"
