"""Encoding of video files with PyAV: H.264 that browsers play, with the times of the frames."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from deepsort_reid.io.av_audio import AudioCopy
from deepsort_reid.io.av_convert import FrameConverter
from deepsort_reid.structures.frame import Frame

# Suffix -> container and encoder of FFmpeg, name of the codec.
AV_FORMATS = {
    ".mp4": ("mp4", "libx264", "H.264"),
    ".m4v": ("mp4", "libx264", "H.264"),
    ".mov": ("mov", "libx264", "H.264"),
    ".mkv": ("matroska", "libx264", "H.264"),
    ".webm": ("webm", "libvpx-vp9", "VP9"),
}
_ENCODER_OPTIONS = {
    # Without B-frames: with them, FFmpeg loses the last frame where it ends a fragment before it,
    # and a killed process loses more frames.
    "libx264": {"preset": "veryfast", "crf": "23", "bf": "0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "33"},
}
# Files play while they are written, up to the last fragment of half a second, or cluster of a
# second. A completed mp4 file is a usual one, with one index for fast seeking.
_MP4_OPTIONS = {
    "movflags": "frag_keyframe+hybrid_fragmented",
    "frag_duration": "500000",  # microseconds
    "flush_packets": "1",
}
_MKV_OPTIONS = {"cluster_time_limit": "1000", "flush_packets": "1"}  # milliseconds
_UNIT = Fraction(1, 90_000)  # s, of the times in the file
_KEY_FRAME_INTERVAL = 2.0  # s: seeking decodes at most so much
# The duration of a frame is stored in 32 bits: at most 13 hours.
_MAX_GAP = 6 * 3600.0  # s


def encoder_of(suffix: str) -> str | None:
    """Name of the codec that PyAV encodes into files of this suffix; None where it cannot."""
    if suffix not in AV_FORMATS:
        return None
    _, encoder, name = AV_FORMATS[suffix]
    try:
        import av

        return name if encoder in av.codecs_available else None
    except ImportError:
        return None


class AvSink:
    """Encodes frames into a video file.

    Args:
        path: file name; its suffix is one of AV_FORMATS.
        frame_rate: frames per second, for frames without a time.
        size: (width, height) of the frames. Sides of the file are even, as H.264 needs them: an
            odd last row or column is repeated.
        audio: video file whose audio is copied.

    `write` and `release` raise OSError when the file cannot be written.
    """

    def __init__(
        self, path: Path, frame_rate: float, size: tuple[int, int], audio: Path | None = None
    ) -> None:
        import av

        self._path = path
        self._frame_duration = 1 / frame_rate
        self._odd = size[0] % 2, size[1] % 2
        self._start: float | None = None  # time of the first frame
        self._last = -1  # time of the last frame, in units of the file
        container, encoder, _ = AV_FORMATS[path.suffix.lower()]
        # Tagged, as browsers guess the colours of large videos otherwise than FFmpeg makes them.
        self._to_yuv = FrameConverter(
            "yuv420p", "flags=bicubic:out_color_matrix=bt601:out_range=tv"
        )
        path.touch()  # FFmpeg makes the file with the first encoded frame
        options = _MP4_OPTIONS if container in {"mp4", "mov"} else _MKV_OPTIONS
        self._container: Any = av.open(str(path), "w", format=container, options=options)
        rate = Fraction(frame_rate).limit_denominator(10_000)
        stream: Any = self._container.add_stream(
            encoder, rate=rate, options=_ENCODER_OPTIONS[encoder]
        )
        stream.width, stream.height = size[0] + self._odd[0], size[1] + self._odd[1]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        stream.time_base = context.time_base = _UNIT
        context.gop_size = max(1, round(_KEY_FRAME_INTERVAL * frame_rate))
        # ITU-T H.273: BT.601 matrix, limited range, primaries and transfer of BT.709.
        context.colorspace, context.color_range = 6, 1
        context.color_primaries, context.color_trc = 1, 1
        self._stream = stream
        self._audio = None if audio is None else AudioCopy(audio, self._container)

    def write(self, frame: Frame, time: float | None) -> None:
        """Encode a BGR frame, which is shown at `time` seconds; after the last one when None."""
        import av

        time = self._next_time(time)
        width, height = self._odd
        if width or height:
            frame = np.asarray(
                cv2.copyMakeBorder(frame, 0, height, 0, width, cv2.BORDER_REPLICATE), np.uint8
            )
        image = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(frame), "bgr24")
        image.time_base = _UNIT
        converted = self._to_yuv.convert(image)
        converted.pts, converted.time_base = self._last, _UNIT
        converted.duration = round(self._frame_duration / _UNIT)
        try:
            self._container.mux(self._stream.encode(converted))
            if self._audio is not None:
                assert self._start is not None
                self._audio.write(self._start, time + self._frame_duration)
        except av.error.FFmpegError as error:
            raise self._failure(error) from error

    def release(self) -> None:
        """Complete the file."""
        import av

        try:
            if self._last >= 0:
                self._container.mux(self._stream.encode(None))
                if self._audio is not None:
                    self._audio.finish()
            self._container.close()
        except av.error.FFmpegError as error:
            raise self._failure(error) from error
        finally:
            if self._audio is not None:
                self._audio.close()

    def _next_time(self, time: float | None) -> float:
        """The time of the next frame, in the time of the source; `_last` becomes that of the file.

        A time that does not grow is that of the frame before and one frame more.
        """
        if self._start is None:
            self._start = 0.0 if time is None else time
            self._last = 0
            return self._start
        previous = self._start + float(self._last * _UNIT)
        if time is None or time <= previous:
            time = previous + self._frame_duration
        if time - previous > _MAX_GAP:
            self._start += time - previous - _MAX_GAP
        self._last = max(round((time - self._start) / _UNIT), self._last + 1)
        return time

    def _failure(self, error: Any) -> OSError:
        return OSError(f"cannot write {self._path}: {error.strerror} (is the disk full?)")
