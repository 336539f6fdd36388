"""Audio of a video file, carried over into another one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Played by every browser in an mp4 file; copied without encoding. Others become AAC.
_COPIED = frozenset({"aac", "mp3"})


def has_audio(path: Path) -> bool:
    """Whether PyAV finds audio in the file."""
    import av

    try:
        with av.open(str(path)) as container:
            return container.streams.best("audio") is not None
    except av.error.FFmpegError:
        return False


class AudioCopy:
    """Writes the audio of a file beside the frames of a video that is made from that file.

    Args:
        source: a video file with audio.
        output: the `av` container of the new video, before its first packet.

    Raises `av.error.FFmpegError` for a source that cannot be read.
    """

    def __init__(self, source: Path, output: Any) -> None:
        import av

        self._output = output
        self._video_start = _first_frame_time(source)
        self._container: Any = av.open(str(source))
        stream: Any = self._container.streams.best("audio")
        if stream is None:
            raise av.error.InvalidDataError(0, "no audio stream", str(source))
        self._resampler: Any = None
        if stream.codec_context.name in _COPIED:
            self._stream: Any = output.add_stream_from_template(stream)
        else:
            rate, layout = stream.codec_context.sample_rate, "stereo"
            if stream.codec_context.channels == 1:
                layout = "mono"
            self._stream = output.add_stream("aac", rate=rate, layout=layout)
            self._resampler = av.AudioResampler(
                self._stream.codec_context.format, layout, rate, frame_size=1024
            )
        self._pieces = self._read(stream)
        self._next = next(self._pieces, None)

    def write(self, start: float, end: float) -> None:
        """Write what is heard up to the time `end` of the source; the video begins at `start`.

        Times are seconds from the first frame of the source.
        """
        while self._next is not None:
            piece = self._next
            time = float(piece.pts * piece.time_base) - self._video_start
            if time >= end:
                return
            if time >= start:
                shift = round((self._video_start + start) / piece.time_base)
                piece.pts -= shift
                if self._resampler is None:
                    piece.dts, piece.stream = piece.pts, self._stream
                    self._output.mux(piece)
                else:
                    self._output.mux(self._stream.encode(piece))
            self._next = next(self._pieces, None)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._resampler is not None:
            self._output.mux(self._stream.encode(None))

    def close(self) -> None:
        """Release the source."""
        self._container.close()

    def _read(self, stream: Any) -> Iterator[Any]:
        """Packets to copy, or frames to encode; those without a time, or damaged, are left out."""
        from av.error import FFmpegError

        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                if self._resampler is None:
                    pieces = [packet] if packet.size else []
                else:
                    frames = [each for each in packet.decode() if each.pts is not None]
                    pieces = [out for frame in frames for out in self._resampler.resample(frame)]
            except FFmpegError:
                continue
            yield from (piece for piece in pieces if piece.pts is not None)


def _first_frame_time(path: Path) -> float:
    """Time stored for the first video frame of a file, in seconds; 0 where there is none."""
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            return frame.time or 0.0
    return 0.0
