"""Reader of video files with PyAV: threads, stored times, rotation, seeking by frame number."""

import bisect
import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.av_convert import FrameConverter, to_array
from deepsort_reid.structures.frame import Frame

# Degrees counterclockwise by which a frame is turned for display.
_ROTATIONS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}
# Of hardware decoders, best first: of NVIDIA, macOS, Windows, Linux, Intel.
_DEVICES = ("cuda", "videotoolbox", "d3d11va", "vaapi", "qsv")


def is_av_available() -> bool:
    """Whether PyAV is installed and can be imported."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


@dataclass(frozen=True)
class FrameIndex:
    """Where the frames of a video file are, from its packets; nothing is decoded.

    stamps: (N,) int64, presentation times of the frames in units of `time_base`, strictly growing.
    keys: those of the frames that are decoded without an earlier one, growing.
    time_base: seconds.
    """

    stamps: NDArray[np.int64]
    keys: list[int]
    time_base: float

    @property
    def times(self) -> NDArray[np.float64]:
        """(N,) seconds from the first frame."""
        times: NDArray[np.float64] = (self.stamps - self.stamps[0]) * self.time_base
        return times


class AvReader:
    """Reads the frames of the best video stream of a file, upright and as BGR.

    Args:
        path: the file.
        has_times: whether the times stored in the file are used.
        hardware: decode on a graphics card where there is one that knows the codec.
        read_index: returns the index of the file, for `seek`.

    Raises `av.error.FFmpegError` when the file cannot be read or has no video.
    """

    def __init__(
        self,
        path: Path,
        *,
        has_times: bool = True,
        hardware: bool = False,
        read_index: Callable[[], FrameIndex | None] = lambda: None,
    ) -> None:
        self._path = path
        self._hardware = hardware
        self._has_times = has_times
        self._read_index = read_index
        self._stamp: int | None = None  # of the frame last read or skipped
        self._step = 1  # between the last two frames, in units of the stream
        self._first: int | None = None  # stamp of the first frame
        self._number = 0  # of the frame last read or skipped
        self._to_bgr = FrameConverter("bgr24")
        self._open()

    def _open(self) -> None:
        self._container, self._stream = _open_stream(self._path, self._hardware)
        self._decode_times = _has_decode_times(self._container)
        self._frames = self._decode()

    @property
    def time(self) -> float | None:
        if not self._has_times or self._stamp is None or self._first is None:
            return None
        return float((self._stamp - self._first) * self._stream.time_base)

    def read(self) -> Frame | None:
        frame = self._next()
        if frame is None:
            return None
        image = to_array(self._to_bgr.convert(frame))
        rotation = frame.rotation % 360
        return np.asarray(cv2.rotate(image, _ROTATIONS[rotation]), np.uint8) if rotation else image

    def skip(self) -> bool:
        return self._next() is not None

    def seek(self, number: int) -> bool:
        """Go to a frame, numbered from 1, which `read` then returns; False where it cannot."""
        if number == self._number + 1:
            return True
        index = self._read_index()
        if index is None or not 1 <= number <= len(index.stamps):
            return False
        stamp = int(index.stamps[number - 1])
        keys = index.keys[: max(bisect.bisect_right(index.keys, stamp), 1)]
        # Forward up to the next key frame: decoding on is the shortest way.
        if not 0 < self._number < number or (self._stamp or 0) < keys[-1]:
            self._go_back_of(stamp, keys, index)
        while self._number + 1 < number:
            if not self.skip():
                return False
        return True

    def _go_back_of(self, stamp: int, keys: list[int], index: FrameIndex) -> None:
        """Continue at a key frame at or before `stamp`; at the first frame where none is found."""
        # In some containers the search ends after the key frame: then from an earlier one.
        for target in (stamp, *reversed(keys[-3:])):
            self._container.seek(target, stream=self._stream)
            frames = self._decode()
            frame = next(frames, None)
            found = None if frame is None else self._stamp_of(frame)
            if found is None or found > stamp:
                continue
            position = int(np.searchsorted(index.stamps, found))
            if index.stamps[position] == found:
                self._frames = itertools.chain([frame], frames)
                self._number, self._stamp = position, None
                self._first = int(index.stamps[0])
                return
        self._container.close()
        self._number, self._stamp, self._first = 0, None, None
        self._open()

    def times(self) -> NDArray[np.float64] | None:
        """Times of all frames in seconds (N,); None where the file does not tell them."""
        index = self._read_index() if self._has_times else None
        return None if index is None else index.times

    @property
    def declared_frame_rate(self) -> float:
        """Mean number of frames per second; 0 where the file does not declare it."""
        return float(self._stream.average_rate or self._stream.guessed_rate or 0)

    def declared_length(self) -> tuple[int | None, bool]:
        """Number of frames, and whether the file counts them; otherwise from its duration."""
        seconds = 0.0
        if self._stream.duration:
            seconds = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration:
            seconds = self._container.duration / 1e6
        estimate = round(seconds * self.declared_frame_rate)
        count = self._stream.frames
        # An mp4 file whose first frames are cut off, or that is fragmented, counts others.
        tolerance = math.inf if self._decode_times else 2 + 0.02 * estimate
        if count and (not estimate or abs(count - estimate) <= tolerance):
            return count, True
        return estimate or None, False

    def close(self) -> None:
        self._container.close()

    def _next(self) -> Any | None:
        """The next frame that can be decoded; None at the end."""
        frame = next(self._frames, None)
        if frame is None:
            return None
        stamp = self._stamp_of(frame)
        if stamp is None and self._stamp is not None and self._first is not None:
            stamp = self._stamp + self._step
        elif stamp is not None and self._stamp is not None:
            self._step = max(stamp - self._stamp, 1)
        self._stamp = stamp
        self._first = stamp if self._first is None else self._first
        self._number += 1
        return frame

    def _stamp_of(self, frame: Any) -> int | None:
        stamp: int | None = frame.dts if self._decode_times else frame.pts
        return stamp

    def _decode(self) -> Iterator[Any]:
        """The frames from here on; packets that cannot be decoded are left out."""
        from av.error import FFmpegError

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:  # the rest of the file cannot be read
                packet = None
            try:
                # Without a packet: the frames that the decoder still holds.
                frames = self._stream.decode(packet)
            except FFmpegError:
                frames = []
            yield from frames
            if packet is None:
                return


def read_index(path: Path) -> FrameIndex | None:
    """Read the index of a video file from its packets.

    None where the file stores no presentation times, or not a time of its own for every frame.
    """
    from av.error import FFmpegError

    stamps, keys = [], []
    try:
        container, stream = _open_stream(path, False)
        with container:
            by_decoding = _has_decode_times(container)
            if by_decoding and stream.codec_context.has_b_frames:
                return None
            time_base = float(stream.time_base)
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                stamp = packet.dts if by_decoding else packet.pts
                if stamp is None:
                    return None
                stamps.append(stamp)
                if packet.is_keyframe:
                    keys.append(stamp)
    except FFmpegError:
        return None
    ordered = np.unique(np.array(stamps, dtype=np.int64))
    if not keys or len(ordered) != len(stamps):
        return None
    return FrameIndex(ordered, sorted(keys), time_base)


def _open_stream(path: Path, hardware: bool) -> tuple[Any, Any]:
    """The container and the best video stream of a file."""
    import av

    container: Any = None
    if hardware:
        with contextlib.suppress(av.error.FFmpegError):  # no such device
            container = av.open(str(path), hwaccel=_hardware_decoder())
    if container is None:
        container = av.open(str(path))
    stream = container.streams.best("video")
    if stream is None:
        container.close()
        raise av.error.InvalidDataError(0, "no video stream", str(path))
    stream.thread_type = "AUTO"
    return container, stream


def _has_decode_times(container: Any) -> bool:
    """Whether the container stores no times but those of decoding.

    What FFmpeg derives from them as times of presentation is wrong where there are B-frames.
    """
    return bool(container.format.name == "avi")


def _hardware_decoder() -> Any | None:
    """The best kind of hardware decoder of this build of PyAV; software decodes where it fails."""
    from av.codec.hwaccel import HWAccel, hwdevices_available

    built_in = hwdevices_available()
    device = next((name for name in _DEVICES if name in built_in), None)
    return device and HWAccel(device_type=device, allow_software_fallback=True)
