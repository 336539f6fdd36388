"""An opened source of frames."""

import contextlib
import itertools
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.frame_readers import FrameReader
from deepsort_reid.io.images import UndecodableImageError
from deepsort_reid.io.live_reader import LiveReader, StreamLostError
from deepsort_reid.structures.frame import Frame, TimedFrame, check_frame

_MIN_SEEK = 100  # frames; fewer are decoded sooner than found
_INDEX_COST = 0.02  # time to read a frame's packet, as a share of the time to decode it


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
    _open: Callable[[], FrameReader] | LiveReader
    _exact_length: bool = True
    is_file: bool = False  # frames are decoded from a file or folder, and can be read ahead

    @property
    def live(self) -> LiveReader | None:
        """The reader of a camera or stream, with its state; None for everything else."""
        return self._open if isinstance(self._open, LiveReader) else None

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
    ) -> Generator[TimedFrame, None, None]:
        """Yield the frames of `iter_frames` with their times.

        The time of a frame is the one stored in the video, also where the frame rate varies. Where
        there is none, or where it does not grow, the frame rate gives it. Cameras and streams:
        see `LiveReader.frames`.

        Raises:
            TruncatedVideo: after the last readable frame, when the source ends early, has an
                image that cannot be decoded, or changes its frame size; for cameras and streams:
                whenever they end, or stall and cannot be reached again.
            ValueError: `start`, `stop` or `every` is out of range; raised by the call itself.
        """
        _check_range(start, stop, every)
        if self.length is not None and self._exact_length and start > self.length:
            raise ValueError(
                f"{self.name}: start: expected a frame up to the last one, {self.length}, "
                f"got {start}"
            )
        if isinstance(self._open, LiveReader):
            return self._iter_live(self._open, start, stop, every)
        return self._iter_frames(self._open(), start, stop, every)

    def open_reader(self) -> FrameReader:
        """A reader of the frames from the first one, of what can be read many times."""
        if isinstance(self._open, LiveReader):
            raise ValueError(f"{self.name}: expected a video with an end, got a camera or stream")
        return self._open()

    def times(self) -> NDArray[np.float64]:
        """Times of all frames in seconds (N,), as `iter_timed_frames` gives them.

        Most files tell them without decoding. Only for what can be read many times.

        Raises UndecodableImageError for an image that is damaged.
        """
        with contextlib.closing(self.open_reader()) as reader:
            known = reader.times()
            if known is not None:
                return known
            times, time = [], -math.inf
            for number in itertools.count(1):
                if not reader.skip():
                    break
                time = self._time(reader.time, number, time)
                times.append(time)
        return np.array(times, dtype=np.float64)

    def _iter_live(
        self, reader: LiveReader, start: int, stop: int | None, every: int
    ) -> Generator[TimedFrame, None, None]:
        number = 0
        try:
            with contextlib.closing(reader.frames(self.frame_rate, start, stop, every)) as frames:
                for timed in frames:
                    number = timed.number
                    yield timed
        except StreamLostError as error:
            raise self._truncated(str(error), number) from None

    def _iter_frames(
        self, reader: FrameReader, start: int, stop: int | None, every: int
    ) -> Generator[TimedFrame, None, None]:
        number, time = 0, -math.inf
        # A reader that seeks reads the index of the whole file first.
        is_far = start > max(_MIN_SEEK, (self.length or 0) * _INDEX_COST)
        first = start if is_far and reader.seek(start) else 1
        try:
            for number in itertools.count(first):
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
        self._check_length(number - 1, time)

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

    def _check_length(self, frames: int, time: float) -> None:
        """Raise TruncatedVideo when fewer frames were read than declared.

        Containers that only estimate their length, from their duration, get a tolerance, and the
        time of the last frame counts where the frame rate varies.
        """
        if self.length is None:
            return
        tolerance, reached = 2.0, float(frames)
        if not self._exact_length:
            tolerance = max(2 * self.frame_rate, 0.02 * self.length)
            reached = max(reached, time * self.frame_rate)
        if reached < self.length - tolerance:
            raise self._truncated("the file is cut off or damaged", frames)

    def _truncated(self, reason: str, frames: int) -> TruncatedVideo:
        of = "" if self.length is None else f" of {self.length}"
        message = f"{self.name}: {reason}: only {frames}{of} frames could be read"
        return TruncatedVideo(message, frames, self.length)


def _check_range(start: int, stop: int | None, every: int) -> None:
    if start < 1:
        raise ValueError(f"start: expected a frame number from 1, got {start}")
    if stop is not None and stop < start:
        raise ValueError(f"stop: expected a frame number from start = {start} on, got {stop}")
    if every < 1:
        raise ValueError(f"every: expected at least 1, got {every}")
