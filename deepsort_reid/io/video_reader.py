"""Frames of a video file, camera, stream, folder of images, MOT sequence or iterable."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from deepsort_reid.io.file_types import IMAGE_SUFFIXES, list_image_files, list_video_files
from deepsort_reid.io.frame_readers import CaptureReader, FrameReader, ImageReader, IterableReader
from deepsort_reid.io.images import UndecodableImageError, read_image
from deepsort_reid.io.native_stderr import suppress_native_stderr
from deepsort_reid.io.seqinfo import read_seqinfo
from deepsort_reid.structures.frame import Frame, TimedFrame, check_frame

Source = int | str | Path | Iterable[Frame]

# Frames per second of sources that do not declare it: images and many cameras.
DEFAULT_FRAME_RATE = 25.0
# Rejected as a video: FFmpeg would render the text of such a file as frames.
TABLE_SUFFIXES = frozenset({".txt", ".csv", ".json", ".jsonl", ".npz"})
# Containers that store their number of frames; the others estimate it.
EXACT_LENGTH_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi"})


class TruncatedVideo(ValueError):  # noqa: N818  # the end of a video, not a fault of the call
    """The source ended early; every frame that was readable has been yielded.

    frames_read: number of readable frames; frames_promised: number that the source declares, or
    None.
    """

    def __init__(self, message: str, frames_read: int, frames_promised: int | None) -> None:
        super().__init__(message)
        self.frames_read = frames_read
        self.frames_promised = frames_promised


@dataclass(frozen=True, eq=False)
class Video:
    """An opened source; iterating yields BGR uint8 frames (height, width, 3).

    Files and folders can be iterated many times; cameras, streams and iterators once.
    """

    name: str
    frame_rate: float  # frames per second
    size: tuple[int, int]  # width, height in pixels
    length: int | None  # declared number of frames; None for cameras, streams and iterators
    _open: Callable[[], FrameReader]
    _exact_length: bool = True
    is_file: bool = False  # frames are decoded from a file or folder, and can be read ahead

    def __iter__(self) -> Iterator[Frame]:
        return (frame for _, frame in self.iter_frames())

    def iter_frames(
        self, start: int = 1, stop: int | None = None, every: int = 1
    ) -> Iterator[tuple[int, Frame]]:
        """Yield (number, frame) of the frames start, start + every, ... up to and with `stop`.

        Frames are numbered from 1 in the source, independent of `start` and `every`. Raises what
        `iter_timed_frames` raises.
        """
        timed = self.iter_timed_frames(start, stop, every)
        return ((each.number, each.frame) for each in timed)

    def iter_timed_frames(
        self, start: int = 1, stop: int | None = None, every: int = 1
    ) -> Iterator[TimedFrame]:
        """Yield the frames of `iter_frames` with their times.

        The time of a frame is the one stored in the video, also where the frame rate varies. Where
        there is none, or where it does not grow, the frame rate gives it.

        Raises:
            TruncatedVideo: after the last readable frame, when the source ends early, has an
                image that cannot be decoded, or changes its frame size.
            ValueError: `start`, `stop` or `every` is out of range; raised by the call itself.
        """
        _check_range(start, stop, every)
        if self.length is not None and self._exact_length and start > self.length:
            raise ValueError(
                f"{self.name}: start: expected a frame up to the last one, {self.length}, "
                f"got {start}"
            )
        return self._iter_frames(start, stop, every)

    def _iter_frames(self, start: int, stop: int | None, every: int) -> Iterator[TimedFrame]:
        reader = self._open()
        number, time = 0, -math.inf
        try:
            for number in itertools.count(1):
                if stop is not None and number > stop:
                    return
                if number < start or (number - start) % every:
                    if not reader.skip():
                        break
                    time = self._time(reader.time, number, time)
                    continue
                frame = reader.read()
                if frame is None:
                    break
                time = self._time(reader.time, number, time)
                yield TimedFrame(number, time, self._check_size(frame, number), every)
        except UndecodableImageError as error:
            raise self._truncated(str(error), number - 1) from None
        finally:
            reader.close()
        self._check_length(number - 1)

    def _time(self, stored: float | None, number: int, previous: float) -> float:
        """Time of frame `number` in seconds, from the stored one and that of the frame before."""
        if stored is None:
            return (number - 1) / self.frame_rate
        return stored if stored > previous else previous + 1 / self.frame_rate

    def _check_size(self, frame: Frame, number: int) -> Frame:
        frame = check_frame(frame, f"{self.name}: frame {number}")
        size = (frame.shape[1], frame.shape[0])
        if size != self.size:
            raise self._truncated(
                f"frame {number} is {size[0]}x{size[1]} pixels, expected {self.size[0]}x"
                f"{self.size[1]} as in frame 1",
                number - 1,
            )
        return frame

    def _check_length(self, frames: int) -> None:
        """Raise TruncatedVideo when fewer frames were read than declared.

        Containers that only estimate their length get a tolerance.
        """
        if self.length is None:
            return
        tolerance = 2.0 if self._exact_length else max(2 * self.frame_rate, 0.02 * self.length)
        if frames < self.length - tolerance:
            raise self._truncated("the file is cut off or damaged", frames)

    def _truncated(self, reason: str, frames: int) -> TruncatedVideo:
        of = "" if self.length is None else f" of {self.length}"
        message = f"{self.name}: {reason}: only {frames}{of} frames could be read"
        return TruncatedVideo(message, frames, self.length)


def open_video(source: Source, *, frame_rate: float | None = None) -> Video:
    """Open a source of frames.

    Args:
        source: a video file, a camera (number), a stream (URL), a folder of images, a MOT
            sequence folder (with img1/ or one video file), or an iterable of BGR uint8 frames.
        frame_rate: frames per second; overrides what the source declares.

    Raises:
        FileNotFoundError: there is no such file or folder.
        OSError: the camera or stream delivers no frame.
        ValueError: the folder has no images, or the file is not a video.
    """
    if frame_rate is not None and not (math.isfinite(frame_rate) and frame_rate > 0):
        raise ValueError(f"frame_rate: expected frames per second above 0, got {frame_rate}")
    if isinstance(source, int) or (isinstance(source, str) and source.isdecimal()):
        return _open_live(int(source), f"camera {source}", frame_rate)
    if isinstance(source, str) and "://" in source:
        return _open_live(source, f"stream {source}", frame_rate)
    if not isinstance(source, str | Path):
        return _open_iterable(source, frame_rate)
    path = Path(source)
    if path.is_dir():
        return _open_folder(path, frame_rate)
    if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        return _open_images(path.name, [path], frame_rate)
    return _open_file(path, frame_rate)


def iter_frames(
    source: Source, start: int = 1, stop: int | None = None, every: int = 1
) -> Iterator[tuple[int, Frame]]:
    """Open a source and yield (frame number from 1, BGR uint8 frame); see `Video.iter_frames`."""
    return open_video(source).iter_frames(start, stop, every)


def _open_file(path: Path, frame_rate: float | None) -> Video:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such video file or folder")
    if not path.stat().st_size:
        raise ValueError(f"{path}: expected a video, got an empty file")
    suffix = path.suffix.lower()
    if suffix in TABLE_SUFFIXES:
        raise ValueError(
            f"{path}: expected a video, got a {path.suffix} file (to pass detections of a video: "
            "`track VIDEO --detections FILE`)"
        )
    capture, first = _open_capture(str(path))
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT) if first is not None else 0
    rate = frame_rate or _plausible_frame_rate(capture)
    capture.release()
    if first is None:
        raise ValueError(
            f"{path}: expected a video, got a file without a frame that can be decoded "
            "(another kind of file, or cut off before its index was written)"
        )
    return Video(
        name=str(path),
        frame_rate=rate,
        size=(first.shape[1], first.shape[0]),
        length=int(count) if math.isfinite(count) and count > 0 else None,
        # A frame rate of the caller, or of seqinfo.ini, overrides the stored times.
        _open=lambda: CaptureReader(_reopen(path), has_times=frame_rate is None),
        _exact_length=suffix in EXACT_LENGTH_SUFFIXES,
        is_file=True,
    )


def _open_live(address: int | str, name: str, frame_rate: float | None) -> Video:
    capture, first = _open_capture(address)
    if first is None:
        capture.release()
        raise OSError(f"{name}: expected frames, got none (is it connected and free?)")
    # A camera cannot be rewound: its first frame is kept for the reader.
    reader = CaptureReader(capture, first)
    size = (first.shape[1], first.shape[0])
    return Video(name, frame_rate or _plausible_frame_rate(capture), size, None, lambda: reader)


def _open_capture(address: int | str) -> tuple[Any, Frame | None]:
    """Open a cv2.VideoCapture and read its first frame; None when it delivers none."""
    with suppress_native_stderr():
        capture = cv2.VideoCapture(address)
        success, first = capture.read() if capture.isOpened() else (False, None)
    if not success or first is None:
        return capture, None
    return capture, np.asarray(first, dtype=np.uint8)


def _reopen(path: Path) -> Any:
    with suppress_native_stderr():
        return cv2.VideoCapture(str(path))


def _open_folder(path: Path, frame_rate: float | None) -> Video:
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
        return _open_file(videos[0], frame_rate)
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


def _plausible_frame_rate(capture: Any) -> float:
    """Declared frame rate of a capture, or the default.

    Files without timing declare 0 or the tick rate of the container.
    """
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if math.isfinite(rate) and 0 < rate <= 1000 else DEFAULT_FRAME_RATE


def _check_range(start: int, stop: int | None, every: int) -> None:
    if start < 1:
        raise ValueError(f"start: expected a frame number from 1, got {start}")
    if stop is not None and stop < start:
        raise ValueError(f"stop: expected a frame number from start = {start} on, got {stop}")
    if every < 1:
        raise ValueError(f"every: expected at least 1, got {every}")
