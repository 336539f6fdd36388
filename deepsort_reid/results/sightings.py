"""Records of a search for one person what its results page shows, in bounded memory."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.results.crops import BestCrops, Crop, crop_quality, cut_crop
from deepsort_reid.structures.frame import Frame

MAX_SIGHTINGS = 2000
_MAX_BREAK = 1.0  # seconds without a match within a sighting
_MAX_BINS = 1200  # of the curve


class Match(NamedTuple):
    """The most similar person of a frame.

    Attributes:
        similarity: its cosine; NaN in a frame without people.
        xyxy: its box (4,) in pixels; None where it is no match.
        margin: similarity minus that of the second most similar one; infinite without one.
        number: of its track or person; 0 where unknown.
        is_wrong: whether labels say that it is another person.
    """

    similarity: float
    xyxy: NDArray[np.float64] | None
    margin: float = math.inf
    number: int = 0
    is_wrong: bool = False


@dataclass
class Sighting:
    """Matches that follow each other.

    Attributes:
        id: number of the sighting, from 1.
        first_time, last_time: in seconds.
        frames: with a match.
        best, sum: largest similarity, and the sum of all.
        below: frames with a similarity below the threshold, in which the track was followed.
        closest: smallest margin to the second most similar person.
        wrong: frames in which labels say that it is another person.
        numbers: frames by number of the track or person.
    """

    id: int
    first_time: float
    last_time: float
    frames: int = 0
    best: float = -math.inf
    sum: float = 0.0
    below: int = 0
    closest: float = math.inf
    wrong: int = 0
    numbers: dict[int, int] = field(default_factory=dict)

    def add(self, time: float, match: Match, threshold: float) -> None:
        """Add a match."""
        self.last_time = time
        self.frames += 1
        self.best = max(self.best, match.similarity)
        self.sum += match.similarity
        self.below += match.similarity < threshold
        self.closest = min(self.closest, match.margin)
        self.wrong += match.is_wrong
        self.numbers[match.number] = self.numbers.get(match.number, 0) + 1

    @property
    def number(self) -> int:
        """Number of the track or person in most frames."""
        return max(self.numbers, key=lambda number: (self.numbers[number], -number))


class Curve:
    """The largest similarity in each interval of time; intervals double when there are too many."""

    def __init__(self) -> None:
        self.step = 0.0  # seconds; 0 before the second value
        self.values: list[tuple[float, float]] = []  # time, similarity

    def add(self, time: float, similarity: float) -> None:
        """Add the similarity of a frame."""
        if math.isnan(similarity):
            return
        if self.values and time - self.values[-1][0] < self.step:
            first, largest = self.values[-1]
            self.values[-1] = first, max(largest, similarity)
            return
        self.values.append((time, similarity))
        if len(self.values) > _MAX_BINS:
            pairs = zip(self.values[::2], self.values[1::2], strict=False)
            self.values = [(a[0], max(a[1], b[1])) for a, b in pairs]
            self.step = (self.values[-1][0] - self.values[0][0]) / len(self.values)


class SearchRecorder:
    """Records sightings, their best crops, and the similarity over time.

    Args:
        threshold: similarity of a match.

    Attributes:
        sightings: in the order of their times; at most `MAX_SIGHTINGS`, the first ones.
        curve: of the similarity.
        crops: by the number of the sighting.
        num_dropped: later sightings, which are left out.
        almost: the frames (time, similarity) without a match whose similarity was nearest to the
            threshold, the nearest first.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.sightings: list[Sighting] = []
        self.curve, self.crops = Curve(), BestCrops()
        self.frames = self.matches = self.num_dropped = 0
        self.first_time = self.last_time = 0.0
        self.almost: list[tuple[float, float]] = []

    def add(self, number: int, time: float, frame: Frame, match: Match) -> None:
        """Add frame `number`, BGR uint8 (H, W, 3), at `time` seconds."""
        if not self.frames:
            self.first_time = time
        self.frames += 1
        self.last_time = time
        self.curve.add(time, match.similarity)
        if match.xyxy is None:
            self._add_almost(time, match.similarity)
            return
        self.matches += 1
        sighting = self.sightings[-1] if self.sightings else None
        if sighting is None or time - sighting.last_time > _MAX_BREAK:
            if len(self.sightings) >= MAX_SIGHTINGS:
                self.num_dropped += 1
                return
            sighting = Sighting(len(self.sightings) + 1, time, time)
            self.sightings.append(sighting)
        sighting.add(time, match, self.threshold)
        self._add_crop(sighting, number, time, frame, match.similarity, match.xyxy)

    def _add_crop(
        self,
        sighting: Sighting,
        number: int,
        time: float,
        frame: Frame,
        similarity: float,
        xyxy: NDArray[np.float64],
    ) -> None:
        size = frame.shape[1], frame.shape[0]
        quality = float(crop_quality(xyxy[None], np.array([similarity]), size)[0])
        if quality > 0:
            self.crops.add(
                *(sighting.id, sighting.first_time, time, quality),
                lambda: Crop(time, number, quality, cut_crop(frame, xyxy)),
            )
            self.crops.limit(lambda id: self.sightings[id - 1].frames, {sighting.id})

    def _add_almost(self, time: float, similarity: float) -> None:
        """Keep the ten largest, each of another second."""
        if math.isnan(similarity):
            return
        if self.almost and similarity <= self.almost[-1][1] and len(self.almost) >= 10:
            return
        near = [each for each in self.almost if abs(each[0] - time) <= 1]
        if any(each[1] >= similarity for each in near):
            return
        kept = [each for each in self.almost if each not in near]
        kept.append((time, similarity))
        self.almost = sorted(kept, key=lambda each: -each[1])[:10]
