"""The frames that a fixed lag holds back, and the people in them."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepsort_reid import boxes
from deepsort_reid.tracking import smoothing
from deepsort_reid.tracking.kalman import MotionModel
from deepsort_reid.tracking.linking import END_FRAMES, Ends, backwards, motion_at_end, unit_rows
from deepsort_reid.tracking.smoothing import Belief

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(eq=False, slots=True)
class Person:
    """One track as far as it is known by now; it may turn out to go on as another."""

    key: int
    id: int  # the tracker's, 0 while tentative
    open: bool = True  # may be the continuation of somebody: no frame has left, nothing was joined
    joined: bool = False
    born: int = 0  # the tracker's clock at its birth
    first: int = 0  # number of the frame of its first sighting, 0 before it
    last: int = 0
    class_id: int = 0
    # In coordinates of the first frame: time and box of its first and of its last sightings.
    early: list[tuple[float, Array]] = field(default_factory=list)
    late: deque[tuple[float, Array]] = field(default_factory=lambda: deque(maxlen=END_FRAMES))
    smallest: Array = field(default_factory=lambda: np.full(2, np.inf))
    look: Array | None = None  # the sum of its clean embeddings (D,)
    # Of the sighting that left last.
    seen_at: int = 0
    score: float = 0.0

    def see(self, number: int, time: float, xyxy: Array) -> None:
        """It is in frame `number`, at `xyxy` (4,) in coordinates of the first frame."""
        self.first = self.first or number
        self.last = number
        self.late.append((time, xyxy))
        if len(self.early) < END_FRAMES:
            self.early.append((time, xyxy))
        self.smallest = np.minimum(self.smallest, xyxy[2:] - xyxy[:2])

    def look_like(self, embedding: Array) -> None:
        """It has this embedding (D,), too."""
        self.look = embedding + (0 if self.look is None else self.look)

    def absorb(self, later: "Person") -> None:
        """`later` is the same person: its sightings are this one's, and so is its id."""
        self.id, self.class_id, self.last = later.id, later.class_id, later.last
        self.joined = True
        self.late.extend(later.late)
        self.smallest = np.minimum(self.smallest, later.smallest)
        if later.look is not None:
            self.look_like(later.look)


@dataclass(eq=False, slots=True)
class Frame:
    """What was seen in one frame: the rows of matched tracks, tentative ones included."""

    number: int
    time: float  # in frames
    clock: int  # the tracker's
    to_start: Array  # (3, 3), coordinates of this frame -> those of the first
    key: Whole = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # (T,), rising
    xywh: Array = field(default_factory=lambda: np.empty((0, 4)))  # in coordinates of the first
    score: Array = field(default_factory=lambda: np.empty(0))
    detection: Whole = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def fill(self, key: Whole, xyxy: Array, score: Array, detection: Whole) -> None:
        """Tracks (T,) in any order; boxes in coordinates of the first frame."""
        order = np.argsort(key)
        self.key, self.xywh = key[order], boxes.xyxy_to_xywh(xyxy[order])
        self.score, self.detection = score[order], detection[order]

    def rename(self, later: int, earlier: int) -> None:
        """The track `later` is `earlier`."""
        self.key[self.key == later] = earlier
        order = np.argsort(self.key)
        self.key, self.xywh = self.key[order], self.xywh[order]
        self.score, self.detection = self.score[order], self.detection[order]

    def rows_of(self, key: Whole) -> NDArray[np.intp]:
        """The row of each of the tracks (N,), -1 where it was not seen."""
        return _rows_of(self.key, key)

    def xywh_of(self, key: Whole) -> Array:
        """Centre and size (N, 4) of tracks (N,), NaN where one was not seen."""
        rows = self.rows_of(key)
        seen = rows >= 0
        found = np.full((len(key), 4), np.nan)
        found[seen] = self.xywh[rows[seen]]
        return found


class Numbers:
    """The number under which each of the tracker's ids leaves: its own, unless exchanged.

    Two ids exchange their numbers, so that no two can ever leave under one.
    """

    def __init__(self) -> None:
        self._other: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._other)

    def of(self, id: int) -> int:
        """The number of an id."""
        return self._other.get(id, id)

    def exchange(self, one: int, other: int) -> None:
        """From now on each of the two ids leaves under the number that the other had."""
        self._other[one], self._other[other] = self.of(other), self.of(one)

    def keep(self, ids: set[int]) -> None:
        """Forget what concerns none of these ids; a number stays taken as long as its owner."""
        self._other = {
            id: number for id, number in self._other.items() if id in ids or number in ids
        }


class Smoother:
    """Boxes of the frame that leaves, by the past that left and the future that is held."""

    def __init__(self) -> None:
        self._key = np.empty(0, dtype=np.int64)
        self._past, self._time = smoothing.new(0), 0.0

    def boxes(self, held: deque[Frame], persons: list[Person]) -> Array:
        """Boxes (N, 4) of persons, rising by key, in the oldest frame held, as seen by the first.

        To be called once for each frame: it is then a part of the past.
        """
        key = np.array([person.key for person in persons], dtype=np.int64)
        leaving, future, time = held[0], smoothing.unknown(len(key)), held[-1].time
        for frame in list(held)[:0:-1]:
            future = smoothing.passed(future, frame.time - time)
            future = smoothing.seen(future, frame.xywh_of(key))
            time = frame.time
        future = smoothing.passed(future, leaving.time - time)
        xywh = (self._remembered(leaving, key) + future).place()
        # A size is never smoothed to less than was ever seen.
        smallest = np.array([person.smallest for person in persons]).reshape(-1, 2)
        xywh[:, 2:] = np.maximum(xywh[:, 2:], smallest)
        return boxes.xywh_to_xyxy(xywh)

    def _remembered(self, leaving: Frame, key: Whole) -> Belief:
        """What the frames up to the leaving one tell about tracks (N,)."""
        rows = _rows_of(self._key, key)
        known = rows >= 0
        past = smoothing.new(len(key))
        for part, before in zip(
            past, smoothing.passed(self._past, leaving.time - self._time), strict=True
        ):
            part[known] = before[rows[known]]
        past = smoothing.seen(past, leaving.xywh_of(key))
        self._key, self._past, self._time = key, past, leaving.time
        return past


def _rows_of(known: Whole, key: Whole) -> NDArray[np.intp]:
    """The row of each key (N,) in `known` (K,), which rises; -1 where it is not there."""
    if not len(known):
        return np.full(len(key), -1, dtype=np.intp)
    rows = np.minimum(np.searchsorted(known, key), len(known) - 1)
    return np.where(known[rows] == key, rows, -1)


def moved(xyxy: Array, warp: Array) -> Array:
    """Boxes (N, 4) seen by another camera position: centres by `warp` (3, 3), sizes by its zoom."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 @ warp[:2, :2].T + warp[:2, 2]
    half = (xyxy[:, 2:] - xyxy[:, :2]) / 2 * np.sqrt(abs(np.linalg.det(warp[:2, :2])))
    return np.concatenate([centre - half, centre + half], axis=1)


def undone(camera: Array | None) -> Array:
    """The motion back (3, 3): this frame -> the one before.

    Raises ValueError when `camera` (2, 3) maps the picture on a line.
    """
    warp = np.eye(3)
    if camera is not None:
        given = np.asarray(camera, dtype=np.float64)
        if given.shape != (2, 3) or not np.isfinite(given).all():
            return warp  # the tracker says what is wrong
        warp[:2] = given
    if abs(np.linalg.det(warp)) < 1e-9:
        raise ValueError(f"camera must not map the picture on a line, got {warp[:2].tolist()}")
    return np.asarray(np.linalg.inv(warp))


def endings(model: MotionModel, persons: list[Person]) -> Ends:
    """Where and how these persons were seen last."""
    times = [person.late[-1][0] for person in persons]
    sightings = [
        [(at - time, xyxy) for time, xyxy in person.late]
        for at, person in zip(times, persons, strict=True)
    ]
    return Ends(np.array(times), _motion(model, sightings), _looks(persons))


def beginnings(model: MotionModel, persons: list[Person]) -> Ends:
    """Where and how these persons were seen first."""
    times = [person.early[0][0] for person in persons]
    sightings = [
        [(time - at, xyxy) for time, xyxy in person.early]
        for at, person in zip(times, persons, strict=True)
    ]
    return Ends(np.array(times), backwards(_motion(model, sightings)), _looks(persons))


def _motion(model: MotionModel, sightings: list[list[tuple[float, Array]]]) -> Array:
    """Motion (N, 5, 4) at an end of N tracks, from sightings: frames from there, and box."""
    series = np.full((len(sightings), END_FRAMES, 4), np.nan)
    for row, track in enumerate(sightings):
        for ago, xyxy in track:
            if round(ago) < END_FRAMES:
                series[row, END_FRAMES - 1 - round(ago)] = xyxy
    return motion_at_end(model, series)


def _looks(persons: list[Person]) -> Array:
    """Mean embeddings (N, D) as unit rows, rows of zeros where there is none."""
    width = max((len(person.look) for person in persons if person.look is not None), default=0)
    rows = [np.zeros(width) if person.look is None else person.look for person in persons]
    return unit_rows(np.array(rows, dtype=np.float64).reshape(len(persons), width))
