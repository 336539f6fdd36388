"""Frames out to a video file: H.264 where this machine can, else MPEG-4."""

import contextlib
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import cv2
import numpy as np

from deepsort_reid.structures.frame import Frame, check_frame

H264 = "H.264"
# Four-character codes to try for each kind of file, best first, and what they are.
CODECS: dict[str, tuple[tuple[str, str], ...]] = {
    ".mp4": (("avc1", H264), ("mp4v", "MPEG-4 part 2")),
    ".m4v": (("avc1", H264), ("mp4v", "MPEG-4 part 2")),
    ".mov": (("avc1", H264), ("mp4v", "MPEG-4 part 2")),
    ".mkv": (("avc1", H264), ("mp4v", "MPEG-4 part 2")),
    ".avi": (("XVID", "MPEG-4 part 2"), ("MJPG", "Motion JPEG")),
    ".webm": (("VP80", "VP8"), ("VP90", "VP9")),
}


class VideoWriter:
    """Writes BGR frames of one size to a video file; use it as a context manager.

        with VideoWriter("out.mp4", frame_rate=25, size=(640, 480)) as video:
            video.write(frame)

    size: (width, height) in pixels. `codec` tells which codec the file has: H.264 needs an
    OpenCV that can encode it (the wheels on Linux cannot) or an `ffmpeg` on the PATH; MPEG-4
    part 2, the fallback, plays in players but in no browser. A .webm file plays in browsers.
    H.264 and MPEG-4 hold even sizes only: an odd last row or column is left out.

    The file is complete after `close`, which leaving the `with` block calls, also on Ctrl-C.
    A writer that was given no frame leaves no file.

    Raises ValueError for a file name or size that cannot be written, OSError for the folder.
    """

    def __init__(self, path: Path | str, frame_rate: float, size: tuple[int, int]) -> None:
        self.path = Path(path)
        self.size = _checked_size(size)
        self.frames = 0  # written so far
        if not (math.isfinite(frame_rate) and frame_rate > 0):
            raise ValueError(f"frame_rate: expected frames per second above 0, got {frame_rate}")
        kind = self.path.suffix.lower()
        if kind not in CODECS:
            raise ValueError(
                f"{self.path}: expected a video file name ending in "
                f"{', '.join(sorted(CODECS))}, got {kind or 'no ending'}"
            )
        _check_writable(self.path)
        self._sink: _Sink | None
        self._sink, self.codec = _open_sink(self.path, frame_rate, self.size)

    def write(self, frame: Frame) -> None:
        """Append one BGR uint8 frame (height, width, 3) of the writer's size."""
        if self._sink is None:
            raise ValueError(f"{self.path}: the video is closed")
        frame = check_frame(frame)
        if frame.shape[:2] != self.size[::-1]:
            raise ValueError(
                f"{self.path}: expected frames of {self.size[0]}x{self.size[1]} pixels, "
                f"got {frame.shape[1]}x{frame.shape[0]} as frame {self.frames + 1}"
            )
        self._sink.write(frame)
        self.frames += 1

    def close(self) -> None:
        """Complete the file; a second call does nothing."""
        sink, self._sink = self._sink, None
        if sink is None:
            return
        sink.release()
        if not self.frames:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Sink(Protocol):
    def write(self, frame: Any, /) -> Any: ...
    def release(self) -> None: ...


class _FfmpegSink:
    """H.264 through a pipe to the ffmpeg program."""

    def __init__(
        self, program: list[str], path: Path, frame_rate: float, size: tuple[int, int]
    ) -> None:
        self._path = path
        # yuv420p, the one layout that every browser decodes, needs even sides.
        even = "crop=trunc(iw/2)*2:trunc(ih/2)*2"
        command = [*program, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr24"]
        command += ["-s", f"{size[0]}x{size[1]}", "-r", f"{frame_rate:.6g}", "-i", "-"]
        command += ["-vf", even, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
        command += ["-movflags", "+faststart", str(path.absolute())]
        # A session of its own: Ctrl-C in the terminal reaches us, who then end the file properly.
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # POSIX
            creationflags=0x200 if os.name == "nt" else 0,  # CREATE_NEW_PROCESS_GROUP
        )

    def write(self, frame: Frame) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(frame).data)
        except OSError as error:
            raise OSError(f"{self._path}: ffmpeg stopped while the video was written") from error

    def release(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if self._process.wait() != 0:
            raise OSError(f"{self._path}: ffmpeg could not complete the video")


def _open_sink(path: Path, frame_rate: float, size: tuple[int, int]) -> tuple[_Sink, str]:
    for code, codec in CODECS[path.suffix.lower()]:
        writer = _opencv_writer(path, code, frame_rate, size)
        if writer is not None:
            return writer, codec
        program = _ffmpeg() if codec == H264 and min(size) > 1 else None
        if program is not None and _encodes_h264(program):
            return _FfmpegSink(program, path, frame_rate, size), codec
    raise ValueError(
        f"{path}: this OpenCV {cv2.__version__} cannot write {path.suffix} files "
        f"of {size[0]}x{size[1]} pixels; try .mp4 or .avi"
    )


def _opencv_writer(path: Path, code: str, rate: float, size: tuple[int, int]) -> Any | None:
    # Builds without an encoder say so on stderr before they say no: ask quietly.
    with quiet_stderr():
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, size)
        if writer.isOpened():
            return writer
        writer.release()
    path.unlink(missing_ok=True)
    return None


def _ffmpeg() -> list[str] | None:
    program = shutil.which("ffmpeg")
    return None if program is None else [program]


def _encodes_h264(program: list[str]) -> bool:
    try:
        listed = subprocess.run(
            [*program, "-hide_banner", "-encoders"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return "libx264" in listed.stdout


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Silence what native libraries write to file descriptor 2 for as long as the block runs."""
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all, as in a windowed program
        yield
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nothing)
        os.close(kept)


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    sides = tuple(size)
    if len(sides) != 2 or not all(float(side).is_integer() and side > 0 for side in sides):
        raise ValueError(f"size: expected (width, height) in whole pixels, got {size}")
    return int(sides[0]), int(sides[1])


def _check_writable(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{path}: expected an existing folder, got {folder}")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: expected a file to write, got a folder")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise PermissionError(f"{path}: expected a place to write, no permission")
