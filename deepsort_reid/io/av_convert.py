"""Conversion of PyAV frames to another pixel format, and from and to arrays."""

from typing import Any

import numpy as np

from deepsort_reid.structures.frame import Frame


class FrameConverter:
    """Converts video frames to one pixel format; they may change their size and format.

    It uses FFmpeg's filters rather than `VideoFrame.reformat`, which reserves new memory for every
    frame, makes it slower than OpenCV, and does not convert interlaced frames.

    Args:
        pixel_format: name of FFmpeg, as "bgr24".
        scale: options of FFmpeg's filter `scale`. Its default has the pixels of OpenCV's reader.
    """

    def __init__(self, pixel_format: str, scale: str = "flags=bicubic") -> None:
        self._pixel_format = pixel_format
        self._scale = scale
        self._graph: Any = None
        self._source: tuple[Any, ...] = ()  # of the frames that the graph takes

    def convert(self, frame: Any) -> Any:
        """Return the frame (`av.VideoFrame`) in the pixel format, as another one."""
        source = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)
        if source != self._source:
            self._graph, self._source = self._make_graph(frame), source
        self._graph.push(frame)
        return self._graph.pull()

    def _make_graph(self, frame: Any) -> Any:
        from av.filter import Graph

        graph = Graph()
        first = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        scale = graph.add("scale", self._scale)
        target = graph.add("format", self._pixel_format)
        graph.link_nodes(first, scale, target, graph.add("buffersink")).configure()
        return graph


def to_array(frame: Any) -> Frame:
    """The pixels of a bgr24 frame as an array (H, W, 3), without a copy where rows are adjacent."""
    plane, width = frame.planes[0], 3 * frame.width
    rows = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)
    pixels = rows[: frame.height, :width]
    return np.ascontiguousarray(pixels).reshape(frame.height, frame.width, 3)
