"""Frames at irregular times as frames of a video with a constant frame rate."""

from collections.abc import Iterator

from deepsort_reid.structures.frame import Frame


class VideoPace:
    """Repeats and leaves out frames so that a video runs at the speed of the clock.

    frame_rate: frames per second of the video. A gap of more than a second is cut out.
    """

    def __init__(self, frame_rate: float) -> None:
        self._frame_rate = frame_rate
        self._last: Frame | None = None
        self._start = 0.0  # time of the first frame of the video, later by the gaps cut out
        self._written = 0

    def images(self, time: float, image: Frame) -> Iterator[Frame]:
        """The frames to write when `image` has come at `time` seconds."""
        if self._last is None:
            self._start = time
        missing = round((time - self._start) * self._frame_rate) + 1 - self._written
        if missing > self._frame_rate + 1:
            self._start += (missing - 1) / self._frame_rate
            missing = 1
        for _ in range(missing - 1):
            assert self._last is not None
            yield self._last
        if missing > 0:
            yield image
            self._written += missing
        self._last = image
