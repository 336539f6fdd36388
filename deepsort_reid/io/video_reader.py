"""Frames of a video file, camera, stream, folder of images, MOT sequence or iterable."""

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2

from deepsort_reid.io.av_reader import AvReader, is_av_available, read_index
from deepsort_reid.io.file_types import IMAGE_SUFFIXES, list_image_files, list_video_files
from deepsort_reid.io.frame_readers import CaptureReader, ImageReader, IterableReader
from deepsort_reid.io.images import read_image
from deepsort_reid.io.live_connection import open_capture
from deepsort_reid.io.live_options import LiveOptions
from deepsort_reid.io.live_reader import LiveReader, StreamLostError
from deepsort_reid.io.native_stderr import suppress_native_stderr
from deepsort_reid.io.seqinfo import read_seqinfo
from deepsort_reid.io.stream_address import hide_secrets, is_stream
from deepsort_reid.io.video import Video
from deepsort_reid.structures.frame import Frame, check_frame

Source = int | str | Path | Iterable[Frame]

# Frames per second of sources that do not declare it: images and many cameras.
DEFAULT_FRAME_RATE = 25.0
# Rejected as a video: FFmpeg would render the text of such a file as frames.
TABLE_SUFFIXES = frozenset({".txt", ".csv", ".json", ".jsonl", ".npz"})
# Containers that store their number of frames; the others estimate it.
EXACT_LENGTH_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi"})


def open_video(
    source: Source,
    *,
    frame_rate: float | None = None,
    live: LiveOptions | None = None,
    hardware: bool = False,
) -> Video:
    """Open a source of frames.

    PyAV reads video files, and OpenCV where PyAV is missing or fails; OpenCV reads cameras and
    streams. Pixels and times are the same.

    Args:
        source: a video file, a camera (number), a stream (URL), a folder of images, a MOT
            sequence folder (with img1/ or one video file), or an iterable of BGR uint8 frames.
        frame_rate: frames per second; overrides what the source declares.
        live: time limits, reconnection and newest-frame mode of a camera or stream.
        hardware: decode a video file on the graphics card, where there is one that knows its codec.

    Raises:
        FileNotFoundError: there is no such file or folder.
        OSError: the camera or stream delivers no frame.
        ValueError: the folder has no images, or the file is not a video.
    """
    if frame_rate is not None and not (math.isfinite(frame_rate) and frame_rate > 0):
        raise ValueError(f"frame_rate: expected frames per second above 0, got {frame_rate}")
    if isinstance(source, int) or (isinstance(source, str) and source.isdecimal()):
        return _open_live(int(source), f"camera {source}", frame_rate, live or LiveOptions())
    if isinstance(source, str) and is_stream(source):
        name = f"stream {hide_secrets(source)}"
        return _open_live(source, name, frame_rate, live or LiveOptions())
    if not isinstance(source, str | Path):
        return _open_iterable(source, frame_rate)
    path = Path(source)
    if path.is_dir():
        return _open_folder(path, frame_rate, hardware)
    if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        return _open_images(path.name, [path], frame_rate)
    return _open_file(path, frame_rate, hardware)


def iter_frames(
    source: Source, start: int = 1, stop: int | None = None, every: int = 1
) -> Iterator[tuple[int, Frame]]:
    """Open a source and yield (frame number from 1, BGR uint8 frame); see `Video.iter_frames`."""
    return open_video(source).iter_frames(start, stop, every)


def _open_file(path: Path, frame_rate: float | None, hardware: bool) -> Video:
    if not path.is_file():
        raise FileNotFoundError(f"{hide_secrets(str(path))}: no such video file or folder")
    if not path.stat().st_size:
        raise ValueError(f"{path}: expected a video, got an empty file")
    suffix = path.suffix.lower()
    if suffix in TABLE_SUFFIXES:
        raise ValueError(
            f"{path}: expected a video, got a {path.suffix} file (to pass detections of a video: "
            "`track VIDEO --detections FILE`)"
        )
    exact = suffix in EXACT_LENGTH_SUFFIXES
    video = _open_av(path, frame_rate, hardware, exact) if is_av_available() else None
    if video is None:
        video = _open_container(
            str(path), lambda: cv2.VideoCapture(str(path)), frame_rate, exact_length=exact
        )
    if video is None:
        raise ValueError(
            f"{path}: expected a video, got a file without a frame that can be decoded "
            "(another kind of file, or cut off before its index was written)"
        )
    return video


def _open_av(path: Path, frame_rate: float | None, hardware: bool, exact: bool) -> Video | None:
    """A video file that PyAV reads; None where it finds no frame that can be decoded."""
    from av.error import FFmpegError

    index = functools.cache(lambda: read_index(path))

    def open_reader() -> AvReader:
        return AvReader(path, has_times=frame_rate is None, hardware=hardware, read_index=index)

    try:
        with contextlib.closing(open_reader()) as reader:
            first = reader.read()
            if first is None:
                return None
            length, is_counted = reader.declared_length()
            rate = frame_rate or _plausible_frame_rate(reader.declared_frame_rate)
    except FFmpegError:
        return None
    size = (first.shape[1], first.shape[0])
    exact = exact and is_counted
    return Video(str(path), rate, size, length, open_reader, _exact_length=exact, is_file=True)


def _open_live(
    address: int | str, name: str, frame_rate: float | None, options: LiveOptions
) -> Video:
    # OpenCV gives up a second after the reader, which knows why.
    limits = options.open_timeout + 1, options.stall_timeout + 1

    def capture() -> Any:
        return open_capture(address, *limits)

    no_frames = OSError(f"{name}: expected frames, got none (is it connected and free?)")
    try:
        reader = LiveReader(capture, options)
    except StreamLostError:
        raise no_frames from None
    if isinstance(address, int) or _plausible_length(reader.declared_length) is None:
        rate = frame_rate or _plausible_frame_rate(reader.declared_frame_rate)
        return Video(name, rate, reader.size, None, reader)
    # A file behind an address: it has an end and stored times.
    reader.close()
    video = _open_container(name, capture, frame_rate, exact_length=False)
    if video is None:
        raise no_frames
    return video


def _open_container(
    name: str, open: Callable[[], Any], frame_rate: float | None, *, exact_length: bool
) -> Video | None:
    """A video with an end; None when it has no frame that can be decoded."""

    def quiet_open() -> Any:
        with suppress_native_stderr():
            return open()

    with suppress_native_stderr():
        capture = open()
        success, first = capture.read() if capture.isOpened() else (False, None)
    count = float(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if success else 0.0
    rate = frame_rate or _plausible_frame_rate(float(capture.get(cv2.CAP_PROP_FPS)))
    capture.release()
    if not success or first is None:
        return None
    return Video(
        name=name,
        frame_rate=rate,
        size=(first.shape[1], first.shape[0]),
        length=_plausible_length(count),
        # A frame rate of the caller, or of seqinfo.ini, overrides the stored times.
        _open=lambda: CaptureReader(quiet_open(), has_times=frame_rate is None),
        _exact_length=exact_length,
        is_file=True,
    )


def _open_folder(path: Path, frame_rate: float | None, hardware: bool) -> Video:
    """Open a MOT sequence where seqinfo.ini or img1/ is present, else the folder's images."""
    info = read_seqinfo(path)
    declared_rate = info.frame_rate
    frame_rate = frame_rate or declared_rate
    images = path / info.image_folder
    if images.is_dir():
        return _open_images(str(path), list_image_files(images), frame_rate)
    paths = list_image_files(path)
    if paths:
        return _open_images(str(path), paths, frame_rate)
    videos = list_video_files(path)
    if len(videos) == 1:
        return _open_file(videos[0], frame_rate, hardware)
    found = ", ".join(video.name for video in videos) if videos else "neither"
    raise ValueError(f"{path}: expected images (here or in img1/) or one video file, got {found}")


def _open_images(name: str, paths: list[Path], frame_rate: float | None) -> Video:
    if not paths:
        raise ValueError(f"{name}: expected images, got a folder without any")
    first = read_image(paths[0])
    size = (first.shape[1], first.shape[0])
    rate = frame_rate or DEFAULT_FRAME_RATE
    return Video(name, rate, size, len(paths), lambda: ImageReader(paths), is_file=True)


def _open_iterable(frames: Iterable[Frame], frame_rate: float | None) -> Video:
    name = "frames"
    if not isinstance(frames, Iterable):
        raise ValueError(
            "source: expected a path, a camera number, a URL or an iterable of frames, "
            f"got {type(frames).__name__}"
        )
    rate = frame_rate or DEFAULT_FRAME_RATE
    if isinstance(frames, list | tuple):
        if not frames:
            raise ValueError(f"{name}: expected at least one, got none")
        first = check_frame(frames[0], f"{name}: frame 1")
        size = (first.shape[1], first.shape[0])
        return Video(name, rate, size, len(frames), lambda: IterableReader(frames))
    rest = iter(frames)
    first = check_frame(next(rest, None), f"{name}: frame 1")
    reader = IterableReader(itertools.chain([first], rest))
    return Video(name, rate, (first.shape[1], first.shape[0]), None, lambda: reader)


def _plausible_length(declared: float) -> int | None:
    """Declared number of frames; None where there is none."""
    return int(declared) if math.isfinite(declared) and declared > 0 else None


def _plausible_frame_rate(rate: float) -> float:
    """Declared frame rate, or the default.

    Files without timing declare 0 or the tick rate of the container.
    """
    return rate if math.isfinite(rate) and 0 < rate <= 1000 else DEFAULT_FRAME_RATE
