"""The annotated video of a run, and what the summary says about it."""

from pathlib import Path
from types import TracebackType
from typing import Any

from deepsort_reid.io.background import WriteBehind
from deepsort_reid.io.video_writer import VideoWriter, playable_suffix
from deepsort_reid.structures.frame import Frame


def video_name(stem: str) -> str:
    """File name of a video that can be written here and that browsers play."""
    return f"{stem}{playable_suffix()}"


class AnnotatedVideo:
    """Writes annotated frames to a video file in a thread; a context manager.

    Args:
        path: file name; an existing file is replaced.
        frame_rate: frames per second of frames at regular times.
        size: (width, height) in pixels.
        first_frame: number of the first frame in the source.
        audio: the source, where its audio is written too.

    Raises what `VideoWriter` raises.
    """

    def __init__(
        self,
        path: Path,
        frame_rate: float,
        size: tuple[int, int],
        first_frame: int,
        audio: Path | None = None,
    ) -> None:
        path.unlink(missing_ok=True)
        self._video = VideoWriter(path, frame_rate, size, audio=audio)
        self._behind: WriteBehind[tuple[Frame, float]] = WriteBehind(
            lambda item: self._video.write(*item)
        )
        self._first_frame = first_frame
        self._frames = 0
        self._start_time: float | None = None
        self._end_time: float | None = None
        self._has_audio = audio is not None

    @property
    def path(self) -> Path:
        """The file."""
        return self._video.path

    def add(self, image: Frame, time: float) -> float:
        """Write a frame, which is seen at `time` seconds; the caller must not change it.

        Returns the time at which the file shows it, in seconds.
        """
        self._behind.add((image, time))
        self._frames += 1
        self._start_time = time if self._start_time is None else self._start_time
        self._end_time = time
        return time - self._start_time

    def describe(self) -> dict[str, Any]:
        """What was written so far, for the summary.

        The video begins with its first frame: what is seen at `start_time` of the source is at 0 s
        of the file, and the last frame at `end_time` - `start_time`.
        """
        return {
            "file": self.path.name,
            "codec": self._video.codec,
            "audio": self._has_audio,
            "first_frame": self._first_frame,
            "frames": self._frames,
            "start_time": self._start_time,  # seconds, in the source
            "end_time": self._end_time,
        }

    def close(self) -> None:
        """Complete the file; a second call does nothing."""
        try:
            self._behind.close()
        finally:
            self._video.close()

    def __enter__(self) -> "AnnotatedVideo":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
