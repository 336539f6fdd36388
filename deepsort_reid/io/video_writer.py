"""Writing of video files: H.264 with PyAV, else VP9 with OpenCV."""

import math
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import cv2

from deepsort_reid.io.av_writer import AV_FORMATS, AvSink, encoder_of
from deepsort_reid.io.native_stderr import suppress_native_stderr
from deepsort_reid.io.video_pace import VideoPace
from deepsort_reid.structures.frame import Frame, check_frame

# Suffix -> four-character codes to try where PyAV does not write it, and names of the codecs.
_OPENCV_CODECS = {
    ".webm": (("VP90", "VP9"), ("VP80", "VP8")),
    ".avi": (("XVID", "MPEG-4 part 2"), ("MJPG", "Motion JPEG")),
}
SUFFIXES = frozenset({*AV_FORMATS, *_OPENCV_CODECS})


def playable_suffix() -> str:
    """Suffix of the video files that can be written here and that browsers play.

    ".mp4" where PyAV with libx264 is installed, otherwise ".webm".
    """
    return ".mp4" if encoder_of(".mp4") else ".webm"


class VideoWriter:
    """Writes BGR frames of one size to a video file; a context manager.

        with VideoWriter("out.mp4", frame_rate=25, size=(640, 480)) as video:
            video.write(frame)

    `codec` names the codec of the file. PyAV writes H.264 into .mp4, .m4v, .mov and .mkv files
    and VP9 into .webm files, all of which browsers play but .mkv. OpenCV writes .avi files, and
    .webm files where PyAV is missing.

    Sides of H.264 videos are even: an odd last row or column is repeated. Files of PyAV can be
    played while they are written, and after the process was killed. The file is complete after
    `close`, which the end of the `with` block calls, also on Ctrl-C. No file is left when no frame
    was written.

    Args:
        path: file name; its suffix, one of SUFFIXES, chooses the container.
        frame_rate: frames per second, of frames without a time.
        size: (width, height) in pixels.
        audio: video file whose audio is written too, where the times of `write` are those of its
            frames. Only with PyAV.

    Raises:
        ValueError: the suffix, frame rate or size is not supported, or `audio` has no audio.
        OSError: the folder is missing or not writable.
    """

    def __init__(
        self,
        path: Path | str,
        frame_rate: float,
        size: tuple[int, int],
        *,
        audio: Path | None = None,
    ) -> None:
        self.path = Path(path)
        self.size = _checked_size(size)
        self.frames = 0  # number of frames written
        if not (math.isfinite(frame_rate) and frame_rate > 0):
            raise ValueError(f"frame_rate: expected frames per second above 0, got {frame_rate}")
        suffix = self.path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(
                f"{self.path}: expected a video file name ending in "
                f"{', '.join(sorted(SUFFIXES))}, got {suffix or 'no suffix'}"
            )
        _check_writable(self.path)
        self._sink: _Sink | None
        self._sink, self.codec = _open_sink(self.path, frame_rate, self.size, audio)

    def write(self, frame: Frame, time: float | None = None) -> None:
        """Append a frame.

        Args:
            frame: BGR uint8 (H, W, 3), of the writer's size.
            time: seconds at which it is shown, on any clock; the video begins with its first
                frame. None: one frame after the last one.

        Raises:
            ValueError: another size or type, or the video is closed.
            OSError: the file cannot be written, as on a full disk.
        """
        if self._sink is None:
            raise ValueError(f"{self.path}: the video is closed")
        frame = check_frame(frame)
        if frame.shape[:2] != self.size[::-1]:
            raise ValueError(
                f"{self.path}: expected frames of {self.size[0]}x{self.size[1]} pixels, "
                f"got {frame.shape[1]}x{frame.shape[0]} as frame {self.frames + 1}"
            )
        self._sink.write(frame, time)
        self.frames += 1

    def close(self) -> None:
        """Complete the file; a second call does nothing.

        Raises OSError that names the file when it could not be completed, as on a full disk.
        """
        sink, self._sink = self._sink, None
        if sink is None:
            return
        try:
            sink.release()
        finally:
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
    """An encoder."""

    def write(self, frame: Frame, time: float | None, /) -> None: ...
    def release(self) -> None: ...


class _OpenCvSink:
    """Encoder of OpenCV, which knows no times: frames are repeated or left out instead."""

    def __init__(self, path: Path, writer: Any, frame_rate: float) -> None:
        self._path = path
        self._writer = writer
        self._pace = VideoPace(frame_rate)
        self._written = 0

    def write(self, frame: Frame, time: float | None) -> None:
        with suppress_native_stderr():  # a warning for every frame on a full disk
            for image in [frame] if time is None else self._pace.images(time, frame):
                self._writer.write(image)
                self._written += 1

    def release(self) -> None:
        with suppress_native_stderr():
            self._writer.release()
        # OpenCV reports no errors of writing. Some containers only estimate their length.
        if _count_frames(self._path) < 0.9 * self._written - 2:
            raise OSError(f"cannot complete {self._path}: is the disk full?")


def _open_sink(
    path: Path, frame_rate: float, size: tuple[int, int], audio: Path | None
) -> tuple[_Sink, str]:
    """Open the encoder of a file; returns it with the name of its codec."""
    suffix = path.suffix.lower()
    codec = encoder_of(suffix)
    if codec is not None:
        return AvSink(path, frame_rate, size, audio), codec
    if audio is not None:
        raise ValueError(f"{path}: expected a file with audio that PyAV writes (pip install av)")
    for code, name in _OPENCV_CODECS.get(suffix, ()):
        writer = _opencv_writer(path, code, frame_rate, size)
        if writer is not None:
            return _OpenCvSink(path, writer, frame_rate), name
    if suffix in _OPENCV_CODECS:
        raise ValueError(
            f"{path}: neither PyAV nor OpenCV {cv2.__version__} can write {suffix} files of "
            f"{size[0]}x{size[1]} pixels here: pip install av"
        )
    raise ValueError(
        f"{path}: writing {suffix} files needs PyAV with the encoder libx264 (pip install av); "
        ".webm files need neither"
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


def _count_frames(path: Path) -> float:
    """Number of frames that a file declares; 0 where its first one cannot be read."""
    with suppress_native_stderr():
        capture = cv2.VideoCapture(str(path))
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.read()[0] else 0.0
        capture.release()
    return float(count)


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
