"""Frames of a video file by their numbers, in any order."""

from types import TracebackType

from deepsort_reid.io.video import Video
from deepsort_reid.structures.frame import Frame


class FrameAccess:
    """Reads single frames of a video that can be read many times; a context manager.

        with FrameAccess(open_video("street.mp4")) as frames:
            image = frames.read(1200)

    A frame is the same, pixel by pixel, as when the video is read from its start. Where a file
    has no index of its frames (some .avi files, raw streams), frames before it are decoded.
    """

    def __init__(self, video: Video) -> None:
        self._video = video
        self._reader = video.open_reader()
        self._next = 1  # number of the frame that the reader reads next

    def read(self, number: int) -> Frame:
        """Return frame `number`, from 1, as BGR uint8 (H, W, 3).

        Raises ValueError when the video has no such frame.
        """
        if number < 1:
            raise ValueError(f"number: expected a frame number from 1, got {number}")
        if number != self._next and not self._reader.seek(number):
            if number < self._next:
                self._reopen()
            while self._next < number and self._reader.skip():
                self._next += 1
        frame = self._reader.read()
        if frame is None:
            self._reopen()
            raise ValueError(f"{self._video.name}: expected a frame of the video, got {number}")
        self._next = number + 1
        return frame

    def close(self) -> None:
        """Release the file; a second call does nothing."""
        self._reader.close()

    def _reopen(self) -> None:
        self._reader.close()
        self._reader, self._next = self._video.open_reader(), 1

    def __enter__(self) -> "FrameAccess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
