"""When and where each track was, in bounded memory."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

MAX_TRACKS = 3000  # some 20 MB
_MAX_POINTS = 48  # of a track
_MAX_SPANS = 24  # of a track
_MAX_BREAK = 0.5  # seconds without a box within a span


class Point(NamedTuple):
    """Where a track was: middle of the lower edge of its box, and height, in pixels."""

    time: float
    x: float
    y: float
    height: float


@dataclass
class Trace:
    """When and where a track was.

    Attributes:
        spans: first and last time of each period with boxes, in seconds.
        points: evenly spaced in its boxes, the first one included.
        last: the last one.
        looks: how many times it was looked at.
    """

    spans: list[list[float]]
    points: list[Point]
    last: Point
    looks: int = 1
    _step: int = 1  # every so many of them is a point

    @classmethod
    def begin(cls, point: Point) -> "Trace":
        """The trace of a track that was seen once."""
        return cls([[point.time, point.time]], [point], point)

    def add(self, point: Point) -> None:
        """Add a later position."""
        if point.time - self.spans[-1][1] > _MAX_BREAK:
            self.spans.append([point.time, point.time])
            if len(self.spans) > _MAX_SPANS:
                gaps = [b[0] - a[1] for a, b in zip(self.spans, self.spans[1:], strict=False)]
                row = gaps.index(min(gaps))
                self.spans[row : row + 2] = [[self.spans[row][0], self.spans[row + 1][1]]]
        else:
            self.spans[-1][1] = point.time
        if self.looks % self._step == 0:
            self.points.append(point)
            if len(self.points) > _MAX_POINTS:
                self.points, self._step = self.points[::2], 2 * self._step
        self.last = point
        self.looks += 1


@dataclass
class Traces:
    """The traces of all tracks; of more than `MAX_TRACKS`, the ones with most frames.

    Attributes:
        of_track: by id.
        num_dropped: tracks that were left out.
    """

    of_track: dict[int, Trace] = field(default_factory=dict)
    num_dropped: int = 0

    def add(self, id: int, point: Point) -> None:
        """Add a position of a track."""
        trace = self.of_track.get(id)
        if trace is None:
            self.of_track[id] = Trace.begin(point)
        else:
            trace.add(point)

    def looks(self, id: int) -> int:
        """How many times a track was looked at."""
        trace = self.of_track.get(id)
        return 0 if trace is None else trace.looks

    def limit(self, present: set[int]) -> None:
        """Drop the shortest tracks that are not `present` where there are too many."""
        if len(self.of_track) <= MAX_TRACKS:
            return
        candidates = sorted(self.of_track.keys() - present, key=self.looks)
        # Some more at once, so that the next frames need not sort again.
        dropped = candidates[: len(self.of_track) - 9 * MAX_TRACKS // 10]
        for id in dropped:
            del self.of_track[id]
        self.num_dropped += len(dropped)

    def state_dict(self) -> dict[str, Any]:
        """All traces, as plain data."""
        traces = list(self.of_track.items())
        counts = [
            (id, len(each.spans), len(each.points), each.looks, each._step) for id, each in traces
        ]
        spans = [span for _, each in traces for span in each.spans]
        points = [point for _, each in traces for point in (*each.points, each.last)]
        return {
            "counts": np.array(counts, np.int64).reshape(-1, 5),
            "spans": np.array(spans, np.float64).reshape(-1, 2),
            "points": np.array(points, np.float64).reshape(-1, 4),
            "num_dropped": self.num_dropped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        spans = iter(state["spans"].tolist())
        points = (Point(*row) for row in state["points"].tolist())
        self.of_track = {}
        for id, num_spans, num_points, looks, step in state["counts"].tolist():
            own_spans = [next(spans) for _ in range(num_spans)]
            own_points = [next(points) for _ in range(num_points)]
            self.of_track[id] = Trace(own_spans, own_points, next(points), looks, step)
        self.num_dropped = state["num_dropped"]
