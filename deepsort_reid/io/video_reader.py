"""Frames in from anything (file, camera, stream, images, MOT sequence), annotated video out."""

import configparser
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from deepsort_reid.io.video_writer import quiet_stderr
from deepsort_reid.structures.frame import Frame, check_frame

# Where a source does not say (images, many cameras): the middle of what cameras deliver.
DEFAULT_FRAME_RATE = 25.0
IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
VIDEOS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv"})
# FFmpeg would show text as a film of a terminal.
TABLES = frozenset({".txt", ".csv", ".json", ".jsonl", ".npz"})

Source = int | str | Path | Iterable[Frame]


class TruncatedVideo(ValueError):  # noqa: N818  # an end of the video, not a fault of the call
    """The source ended before its time; every frame that was readable has been handed out.

    frames_read: how many were; frames_promised: how many the source announced, or None.
    """

    def __init__(self, message: str, frames_read: int, frames_promised: int | None) -> None:
        super().__init__(message)
        self.frames_read = frames_read
        self.frames_promised = frames_promised


class _Reader(Protocol):
    """Frame after frame; both answer None at the end."""

    def read(self) -> Frame | None: ...
    def skip(self) -> bool | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, eq=False)
class Video:
    """An opened source; iterating yields BGR uint8 frames (height, width, 3).

    Files and folders can be iterated again and again; cameras, streams and iterators once.
    """

    name: str
    frame_rate: float  # frames per second
    size: tuple[int, int]  # width, height in pixels
    length: int | None  # frames, as announced; None for cameras, streams and iterators
    _open: Callable[[], _Reader]
    _exact_length: bool = True

    def __iter__(self) -> Iterator[Frame]:
        return (frame for _, frame in self.iter_frames())

    def iter_frames(
        self, start: int = 1, stop: int | None = None, every: int = 1
    ) -> Iterator[tuple[int, Frame]]:
        """Yield (number, frame) for the frames start, start + every, ... up to and with `stop`.

        Numbers count from 1 in the source, whatever is left out. Raises TruncatedVideo after the
        last readable frame when the source ends early, holds an image that cannot be decoded, or
        changes its frame size; ValueError when `start` lies behind the end.
        """
        _check_range(start, stop, every)
        if self.length is not None and self._exact_length and start > self.length:
            raise ValueError(f"{self.name}: start is frame {start}, but it has {self.length}")
        return self._iter_frames(start, stop, every)

    def _iter_frames(self, start: int, stop: int | None, every: int) -> Iterator[tuple[int, Frame]]:
        reader = self._open()
        number = 0
        try:
            for number in itertools.count(1):
                if stop is not None and number > stop:
                    return
                if number < start or (number - start) % every:
                    if reader.skip() is None:
                        break
                    continue
                frame = reader.read()
                if frame is None:
                    break
                yield number, self._checked(frame, number)
        except _UndecodableError as error:
            raise self._truncated(str(error), number - 1) from None
        finally:
            reader.close()
        self._check_end(number - 1)

    def _checked(self, frame: Frame, number: int) -> Frame:
        frame = check_frame(frame, f"{self.name}: frame {number}")
        size = (frame.shape[1], frame.shape[0])
        if size != self.size:
            raise self._truncated(
                f"frame {number} is {size[0]}x{size[1]} pixels, expected {self.size[0]}x"
                f"{self.size[1]} as in frame 1",
                number - 1,
            )
        return frame

    def _check_end(self, frames: int) -> None:
        """Was that the whole video? Containers that only estimate their length get some slack."""
        if self.length is None:
            return
        slack = 2.0 if self._exact_length else max(2 * self.frame_rate, 0.02 * self.length)
        if frames < self.length - slack:
            raise self._truncated("the file is cut off or damaged", frames)

    def _truncated(self, reason: str, frames: int) -> TruncatedVideo:
        of = "" if self.length is None else f" of {self.length}"
        message = f"{self.name}: {reason}: only {frames}{of} frames could be read"
        return TruncatedVideo(message, frames, self.length)


def open_video(source: Source, *, frame_rate: float | None = None) -> Video:
    """Open a video file, a camera (number), a stream (URL), a folder of images, or a MOT
    sequence folder (with img1/ or one video file); an iterable of BGR frames works as well.

    frame_rate: frames per second, when it is known better than the source tells.

    Raises FileNotFoundError for a missing source, OSError for a camera or stream that does not
    answer, ValueError for a folder without images and for a file that is not a video.
    """
    if frame_rate is not None and not (math.isfinite(frame_rate) and frame_rate > 0):
        raise ValueError(f"frame_rate: expected frames per second above 0, got {frame_rate}")
    if isinstance(source, int) or (isinstance(source, str) and source.isdecimal()):
        return _open_live(int(source), f"camera {source}", frame_rate)
    if isinstance(source, str) and "://" in source:
        return _open_live(source, f"stream {source}", frame_rate)
    if not isinstance(source, str | Path):
        return _open_frames(source, frame_rate)
    path = Path(source)
    if path.is_dir():
        return _open_folder(path, frame_rate)
    if path.suffix.lower() in IMAGES and path.is_file():
        return _open_images(path.name, [path], frame_rate)
    return _open_file(path, frame_rate)


def iter_frames(
    source: Source, start: int = 1, stop: int | None = None, every: int = 1
) -> Iterator[tuple[int, Frame]]:
    """Open a source and yield (frame number from 1, BGR uint8 frame); see `Video.iter_frames`."""
    return open_video(source).iter_frames(start, stop, every)


class _UndecodableError(ValueError):
    pass


class _CaptureReader:
    def __init__(self, capture: Any, first: Frame | None = None) -> None:
        self._capture = capture
        self._first = first  # already taken from a camera, to learn its size

    def read(self) -> Frame | None:
        if self._first is not None:
            frame, self._first = self._first, None
            return frame
        good, image = self._capture.read()
        return image if good else None

    def skip(self) -> bool | None:
        if self._first is not None:
            self._first = None
            return True
        return self._capture.grab() or None

    def close(self) -> None:
        self._capture.release()


class _ImageReader:
    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = iter(paths)

    def read(self) -> Frame | None:
        path = next(self._paths, None)
        return None if path is None else read_image(path)

    def skip(self) -> bool | None:
        return None if next(self._paths, None) is None else True

    def close(self) -> None:
        pass


class _FrameReader:
    def __init__(self, frames: Iterable[Frame]) -> None:
        self._numbered = enumerate(frames, start=1)

    def read(self) -> Frame | None:
        for number, frame in self._numbered:
            return check_frame(frame, f"frames: frame {number}")  # None is not yet the end
        return None

    def skip(self) -> bool | None:
        for _ in self._numbered:
            return True
        return None

    def close(self) -> None:
        pass


def read_image(path: Path | str) -> Frame:
    """Read an image file as BGR uint8 (H, W, 3), grey ones too; ValueError when it is none."""
    # Not cv2.imread: it cannot open paths beyond ASCII on Windows.
    content = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image is None:
        state = "an empty file" if not content.size else "one that cannot be decoded"
        raise _UndecodableError(f"{path}: expected an image, got {state}")
    return np.asarray(image, dtype=np.uint8)


def _open_file(path: Path, frame_rate: float | None) -> Video:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such video file or folder")
    if not path.stat().st_size:
        raise ValueError(f"{path}: expected a video, got an empty file")
    if path.suffix.lower() in TABLES:
        raise ValueError(
            f"{path}: expected a video, got a {path.suffix} file (detections of a video go beside "
            "it: `track VIDEO --detections FILE`)"
        )
    with quiet_stderr():
        capture = cv2.VideoCapture(str(path))
        good, first = capture.read() if capture.isOpened() else (False, None)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT) if good else 0
    rate = frame_rate or _plausible_rate(capture)
    capture.release()
    if not good or first is None:
        raise ValueError(
            f"{path}: expected a video, got a file without a frame that can be decoded "
            "(another kind of file, or cut off before its index was written)"
        )
    length = int(count) if math.isfinite(count) and count > 0 else None
    exact = path.suffix.lower() in {".mp4", ".m4v", ".mov", ".avi"}
    size = (first.shape[1], first.shape[0])
    return Video(
        str(path), rate, size, length, lambda: _CaptureReader(_reopen(path)), _exact_length=exact
    )


def _reopen(path: Path) -> Any:
    with quiet_stderr():
        return cv2.VideoCapture(str(path))


def _open_live(address: int | str, name: str, frame_rate: float | None) -> Video:
    with quiet_stderr():
        capture = cv2.VideoCapture(address)
        good, first = capture.read() if capture.isOpened() else (False, None)
    if not good or first is None:
        capture.release()
        raise OSError(f"{name}: expected frames, got none (is it connected and free?)")
    reader = _CaptureReader(capture, np.asarray(first, dtype=np.uint8))
    size = (first.shape[1], first.shape[0])
    return Video(name, frame_rate or _plausible_rate(capture), size, None, lambda: reader)


def _open_folder(path: Path, frame_rate: float | None) -> Video:
    """A MOT sequence where seqinfo.ini or img1/ says so, else the images of the folder."""
    information = path / "seqinfo.ini"
    images = path / "img1"
    if information.is_file():
        told_rate, folder = _read_seqinfo(information)
        frame_rate = frame_rate or told_rate
        images = path / folder
    if images.is_dir():
        return _open_images(str(path), _images_in(images), frame_rate)
    listed = _images_in(path)
    if listed:
        return _open_images(str(path), listed, frame_rate)
    videos = sorted(p for p in path.iterdir() if p.suffix.lower() in VIDEOS)
    if len(videos) == 1:
        return _open_file(videos[0], frame_rate)
    found = ", ".join(p.name for p in videos) if videos else "neither"
    raise ValueError(f"{path}: expected images (here or in img1/) or one video file, got {found}")


def _open_images(name: str, paths: list[Path], frame_rate: float | None) -> Video:
    if not paths:
        raise ValueError(f"{name}: expected images, got a folder without any")
    first = read_image(paths[0])
    size = (first.shape[1], first.shape[0])
    rate = frame_rate or DEFAULT_FRAME_RATE
    return Video(name, rate, size, len(paths), lambda: _ImageReader(paths))


def _open_frames(frames: Iterable[Frame], frame_rate: float | None) -> Video:
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
        return Video(name, rate, size, len(frames), lambda: _FrameReader(frames))
    rest = iter(frames)
    first = check_frame(next(rest, None), f"{name}: frame 1")
    reader = _FrameReader(itertools.chain([first], rest))
    return Video(name, rate, (first.shape[1], first.shape[0]), None, lambda: reader)


def _images_in(folder: Path) -> list[Path]:
    """Image files in natural order: img2 before img10."""
    images = [p for p in folder.iterdir() if p.suffix.lower() in IMAGES and p.is_file()]
    return sorted(
        (p for p in images if not p.name.startswith(".")),
        key=lambda p: [int(s) if s.isdecimal() else s for s in re.split(r"(\d+)", p.name)],
    )


def _read_seqinfo(path: Path) -> tuple[float | None, str]:
    """Frame rate, where it is told, and the name of the image folder."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), source=str(path))
        rate = parser.getfloat("Sequence", "frameRate", fallback=None)
        folder = parser.get("Sequence", "imDir", fallback="img1")
    except (configparser.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: expected a [Sequence] of key=value lines: {reason}") from error
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"{path}: frameRate: expected frames per second above 0, got {rate}")
    return rate, folder


def _plausible_rate(capture: Any) -> float:
    """What the capture tells; files without a clock say 0 or the tick rate of the container."""
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if math.isfinite(rate) and 0 < rate <= 1000 else DEFAULT_FRAME_RATE


def _check_range(start: int, stop: int | None, every: int) -> None:
    if start < 1:
        raise ValueError(f"start: expected a frame number from 1, got {start}")
    if stop is not None and stop < start:
        raise ValueError(f"stop: expected a frame number from start = {start} on, got {stop}")
    if every < 1:
        raise ValueError(f"every: expected at least 1, got {every}")
