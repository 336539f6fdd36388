"""Writing of video files: H.264 where an encoder is available, else MPEG-4 part 2."""

import contextlib
import math
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import cv2
import numpy as np

from deepsort_reid.io.native_stderr import suppress_native_stderr
from deepsort_reid.structures.frame import Frame, check_frame

H264 = "H.264"
# Four-character codes to try for each file suffix, best first, with the name of the codec.
CODECS: dict[str, tuple[tuple[str, str], ...]] = {
    ".mp4": (("avc1", H264), ("mp4v", "MPEG-4 part 2")),
    ".m4v": (("avc1", H264), ("mp4v", "MPEG-4 part 2")),
    ".mov": (("avc1", H264), ("mp4v", "MPEG-4 part 2")),
    ".mkv": (("avc1", H264), ("mp4v", "MPEG-4 part 2")),
    ".avi": (("XVID", "MPEG-4 part 2"), ("MJPG", "Motion JPEG")),
    ".webm": (("VP80", "VP8"), ("VP90", "VP9")),
}


class VideoWriter:
    """Writes BGR frames of one size to a video file; a context manager.

        with VideoWriter("out.mp4", frame_rate=25, size=(640, 480)) as video:
            video.write(frame)

    `codec` names the codec of the file. H.264 needs an OpenCV build with an encoder (the wheels
    for Linux have none) or `ffmpeg` on the PATH. The fallback, MPEG-4 part 2, plays in video
    players but not in browsers; a .webm file plays in browsers. H.264 and MPEG-4 have even sizes
    only: an odd last row or column is dropped.

    The file is complete after `close`, which the end of the `with` block calls, also on Ctrl-C.
    No file is left when no frame was written.

    Args:
        path: file name; the suffix (a key of CODECS) chooses the container.
        frame_rate: frames per second.
        size: (width, height) in pixels.

    Raises:
        ValueError: the suffix, frame rate or size is not supported.
        OSError: the folder is missing or not writable.
    """

    def __init__(self, path: Path | str, frame_rate: float, size: tuple[int, int]) -> None:
        self.path = Path(path)
        self.size = _checked_size(size)
        self.frames = 0  # number of frames written
        if not (math.isfinite(frame_rate) and frame_rate > 0):
            raise ValueError(f"frame_rate: expected frames per second above 0, got {frame_rate}")
        suffix = self.path.suffix.lower()
        if suffix not in CODECS:
            raise ValueError(
                f"{self.path}: expected a video file name ending in "
                f"{', '.join(sorted(CODECS))}, got {suffix or 'no suffix'}"
            )
        _check_writable(self.path)
        self._sink: _Sink | None
        self._sink, self.codec = _open_sink(self.path, frame_rate, self.size)

    def write(self, frame: Frame) -> None:
        """Append one BGR uint8 frame (H, W, 3) of the writer's size; ValueError for another."""
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
        """Complete the file; a second call does nothing.

        Raises OSError that names the file when it could not be completed, as on a full disk.
        """
        sink, self._sink = self._sink, None
        if sink is None:
            return
        sink.release()
        if not self.frames:
            self.path.unlink(missing_ok=True)
        elif not isinstance(sink, _FfmpegSink) and not _is_readable(self.path):
            # OpenCV reports no errors of writing.
            raise OSError(f"cannot complete {self.path}: is the disk full?")

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
    """An encoder: cv2.VideoWriter or `_FfmpegSink`."""

    def write(self, frame: Any, /) -> Any: ...
    def release(self) -> None: ...


class _FfmpegSink:
    """H.264 encoder: frames go through a pipe to the ffmpeg program."""

    def __init__(
        self, program: list[str], path: Path, frame_rate: float, size: tuple[int, int]
    ) -> None:
        self._path = path
        # yuv420p is the only pixel format that every browser decodes; it needs even sides.
        even = "crop=trunc(iw/2)*2:trunc(ih/2)*2"
        command = [*program, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr24"]
        command += ["-s", f"{size[0]}x{size[1]}", "-r", f"{frame_rate:.6g}", "-i", "-"]
        command += ["-vf", even, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
        command += ["-movflags", "+faststart", str(path.absolute())]
        # In its own process group, Ctrl-C in the terminal does not stop ffmpeg before `release`.
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
    """Open the best encoder that works here; returns it with the name of its codec."""
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
    """A cv2.VideoWriter of this four-character code; None when this build cannot encode it."""
    # OpenCV builds without the encoder print an error to stderr.
    with suppress_native_stderr():
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, size)
        if writer.isOpened():
            return writer
        writer.release()
    path.unlink(missing_ok=True)
    return None


def _is_readable(path: Path) -> bool:
    """Whether a first frame can be read; not where the index at the end of the file is missing."""
    with suppress_native_stderr():
        capture = cv2.VideoCapture(str(path))
        found = bool(capture.read()[0])
        capture.release()
    return found


def _ffmpeg() -> list[str] | None:
    """Command of the ffmpeg program on the PATH; None when there is none."""
    program = shutil.which("ffmpeg")
    return None if program is None else [program]


def _encodes_h264(program: list[str]) -> bool:
    try:
        encoders = subprocess.run(
            [*program, "-hide_banner", "-encoders"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return "libx264" in encoders.stdout


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
        raise PermissionError(f"{path}: expected a writable file, got no permission to write")
