"""What a fixed lag knows about one track, and the endpoints by which tracks are linked."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.tracking.kalman import MotionModel
from deepsort_reid.tracking.refinement.linking import (
    ENDPOINT_FRAMES,
    TrackEndpoints,
    motion_at_end,
    normalize_rows,
    reverse_time,
)

Array = NDArray[np.float64]


class Observation(NamedTuple):
    """A matched box of a track."""

    time: float  # in frames
    xyxy: Array  # (4,) in coordinates of the first frame


@dataclass(eq=False, slots=True)
class TrackHistory:
    """One track as known so far: one row of the tracker's table, or several that were merged.

    Frame numbers are those of updates, from 1; clocks are in whole frames, as `Tracks.age`.
    """

    key: int
    id: int  # the tracker's, 0 while tentative
    linkable: bool = True  # may still be merged into an earlier track
    merged: bool = False  # a later track was merged into this one
    birth_clock: int = 0
    first_frame: int = 0  # number of the first frame with a match, 0 before it
    last_frame: int = 0  # number of the last frame with a match
    emitted_frame: int = -1  # number of the last frame in which it was emitted, -1 before
    class_id: int = 0
    first_observations: list[Observation] = field(default_factory=list)
    last_observations: deque[Observation] = field(
        default_factory=lambda: deque(maxlen=ENDPOINT_FRAMES)
    )
    min_size: tuple[float, float] = (math.inf, math.inf)  # width and height so far
    embedding_sum: Array | None = None  # (D,) of its storable embeddings
    # Of the last match that was emitted.
    match_clock: int = 0
    score: float = 0.0

    def copy(self) -> "TrackHistory":
        """A history that can be changed without changing this one."""
        return TrackHistory(*_all_fields(self))  # a third of the time of copy.copy

    def add_observation(
        self, number: int, time: float, xyxy: Array, size: tuple[float, float]
    ) -> None:
        """Add the match of frame `number`: a box (4,) in coordinates of the first frame.

        `size` is its width and height.
        """
        self.first_frame = self.first_frame or number
        self.last_frame = number
        observation = Observation(time, xyxy)
        # New lists: a copy of this history has the old ones.
        self.last_observations = self.last_observations.copy()
        self.last_observations.append(observation)
        if len(self.first_observations) < ENDPOINT_FRAMES:
            self.first_observations = [*self.first_observations, observation]
        self.min_size = _smaller(self.min_size, size)

    def add_embedding(self, embedding: Array) -> None:
        """Add a storable embedding (D,), or a sum of several."""
        self.embedding_sum = embedding + (0 if self.embedding_sum is None else self.embedding_sum)

    def merge(self, later: "TrackHistory") -> None:
        """Append the history of `later`, which is the same person, and take over its id."""
        self.linkable, self.merged = False, True
        self.id, self.class_id, self.last_frame = later.id, later.class_id, later.last_frame
        self.last_observations = self.last_observations + later.last_observations
        self.min_size = _smaller(self.min_size, later.min_size)
        if later.embedding_sum is not None:
            self.add_embedding(later.embedding_sum)


def _smaller(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), min(one[1], other[1])


_all_fields = attrgetter(*(each.name for each in fields(TrackHistory)))


def endpoints_of(
    model: MotionModel, ended: list[TrackHistory], begun: list[TrackHistory]
) -> tuple[TrackEndpoints, TrackEndpoints]:
    """Time, motion and appearance at the last observations of `ended`, and the first of `begun`."""
    end = [track.last_observations[-1].time for track in ended]
    beginning = [track.first_observations[0].time for track in begun]
    last = (track.last_observations for track in ended)
    first = (track.first_observations for track in begun)
    # Both in one call: its time depends little on the number of tracks.
    motion = motion_at_end(model, _box_series([*end, *beginning], [*last, *first]))
    at_end, at_beginning = motion[: len(ended)], reverse_time(motion[len(ended) :])
    return (
        TrackEndpoints(np.array(end), at_end, _mean_embeddings(ended)),
        TrackEndpoints(np.array(beginning), at_beginning, _mean_embeddings(begun)),
    )


def _box_series(times: list[float], observations: list[Iterable[Observation]]) -> Array:
    """Boxes (N, ENDPOINT_FRAMES, 4) by their distance from `times` (N,), which come last.

    NaN where a track was not observed.
    """
    series = np.full((len(observations), ENDPOINT_FRAMES, 4), np.nan)
    for row, (end, track) in enumerate(zip(times, observations, strict=True)):
        time, xyxy = zip(*track, strict=True)
        frames = np.rint(np.abs(np.array(time) - end))
        near = frames < ENDPOINT_FRAMES
        column = ENDPOINT_FRAMES - 1 - frames[near].astype(np.intp)
        series[row, column] = np.array(xyxy)[near]
    return series


def _mean_embeddings(tracks: list[TrackHistory]) -> Array:
    """Mean embeddings (N, D) as unit rows; zeros where a track has none."""
    sums = [track.embedding_sum for track in tracks]
    width = max((len(known) for known in sums if known is not None), default=0)
    rows = [np.zeros(width) if known is None else known for known in sums]
    return normalize_rows(np.array(rows, dtype=np.float64).reshape(len(tracks), width))
