"""Who is who in the frames that a fixed lag holds back, and under which number each leaves.

A row of the tracker's table is one person; and so are two, where the tracker recognises somebody or
a link is made. What is found out holds for all the frames that have not left.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking.distance_calibration import Calibration
from deepsort_reid.tracking.kalman import MotionModel
from deepsort_reid.tracking.refinement.frame_buffer import HeldFrame
from deepsort_reid.tracking.refinement.linking import (
    END_FRAMES,
    Ends,
    Linking,
    backwards,
    motion_at_end,
    unit_rows,
)

Array = NDArray[np.float64]

_LONGEST_GAP = 30  # frames: who was away for longer may have gone anywhere in between
_FEW = 32  # looks in one frame that say what different people look like


@dataclass(eq=False, slots=True)
class Person:
    """One track as far as it is known by now; it may turn out to go on as another."""

    key: int
    id: int  # the tracker's, 0 while tentative
    open: bool = True  # may be the continuation of somebody: no frame has left, nothing was joined
    joined: bool = False  # leaves under the number of somebody before
    born: int = 0  # the tracker's clock at its birth
    first: int = 0  # number of the frame of its first sighting, 0 before it
    last: int = 0
    left: int = 0  # number of the last frame it left with
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
        """`later` is the same track: its sightings are this one's, and so is its id."""
        self.open, self.joined = False, True
        self.id, self.class_id, self.last = later.id, later.class_id, later.last
        self.late.extend(later.late)
        self.smallest = np.minimum(self.smallest, later.smallest)
        if later.look is not None:
            self.look_like(later.look)


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


class Persons:
    """Everybody who is in the tracker's table or in a frame still held.

    Args:
        linking: when two tracks are one person.
        last_id: the highest id given before the first frame: who has one up to it is known.
    """

    def __init__(self, linking: Linking, last_id: int) -> None:
        self.numbers = Numbers()
        self._linking = linking
        self._last_id = last_id
        self._of_row: dict[int, Person] = {}  # by the key of the live table's row
        self._all: dict[int, Person] = {}  # by their own
        self._next_key = 1
        self._calibration = Calibration()

    def __len__(self) -> int:
        return len(self._all)

    def of_rows(self, rows: list[int]) -> list[Person]:
        """The persons of the live table's rows, by the keys of these; new ones where need be."""
        self._of_row = {row: self._of_row.get(row) or self._new() for row in rows}
        return list(self._of_row.values())

    def leave(self, held: deque[HeldFrame]) -> list[Person]:
        """Who leaves with the oldest frame, by their keys: everybody with an id seen in it.

        And everybody missed in it who left with the frame before and is seen again soon: a gap is
        filled from its first frame on, when its end is known by then, or not at all.
        """
        number, seen = held[0].number, set(held[0].key.tolist())
        soon = {key for frame in islice(held, 1, _LONGEST_GAP + 1) for key in frame.key.tolist()}
        here = [
            person
            for person in self._all.values()
            if person.id
            and (person.key in seen or (person.left == number - 1 and person.key in soon))
        ]
        for person in here:
            person.left = number
        return sorted(here, key=lambda person: person.key)

    def _new(self, id: int = 0) -> Person:
        person = Person(self._next_key, id)
        self._all[person.key] = person
        self._next_key += 1
        return person

    def look(self, here: list[Person], table: Tracks, detections: Detections, least: float) -> None:
        """The persons of the table's rows remember their looks, those of a score from `least` up.

        And what different people look like is learned.
        """
        if detections.embedding is None:
            return
        clean = (table.detection >= 0) & (table.score >= least)
        for row in np.flatnonzero(clean).tolist():
            embedding = detections.embedding[table.detection[row]]
            if embedding.any():
                here[row].look_like(embedding.astype(np.float64))
        looks = [here[row].look for row in np.flatnonzero(clean & (table.id > 0)).tolist()]
        known = [look for look in looks if look is not None][:_FEW]
        if len(known) > 1:
            self._calibration.see_frame(unit_rows(np.array(known)).astype(np.float32))

    def name(self, ids: list[int], held: deque[HeldFrame]) -> None:
        """The ids that the tracker gives to its rows by now."""
        last_id = self._last_id
        for (row, person), id in zip(list(self._of_row.items()), ids, strict=True):
            if id != person.id:
                self._rename(row, id, id > last_id, held)

    def _rename(self, row: int, id: int, is_new: bool, held: deque[HeldFrame]) -> None:
        """The tracker gave the track of a row its id, or another one."""
        person = self._of_row[row]
        before, person.id = person.id, id
        if person.joined:  # what left under a number goes on under it
            self.numbers.exchange(before, id)
            return
        if is_new:
            self._last_id = max(self._last_id, id)
            return
        # Somebody known before came back; both leave as one already.
        person.open = False
        for other in list(self._all.values()):
            if other.id == id and other is not person and 0 < other.last < person.first:
                if person.first >= held[0].number and self._walked(other, person):
                    self._join(other, person, held)
                return

    def _walked(self, earlier: Person, later: Person) -> bool:
        """Whether motion explains how the person came from the one end to the other."""
        model = self._linking.model
        walked = self._linking.goes_on(endings(model, [earlier]), beginnings(model, [later]))
        return bool(walked[0])

    def _join(self, earlier: Person, later: Person, held: deque[HeldFrame]) -> None:
        """`earlier` walked on as `later`: one track, the way between included."""
        for frame in held:
            frame.rename(later.key, earlier.key)
        self._release(earlier)
        self._of_row = {
            row: earlier if person is later else person for row, person in self._of_row.items()
        }
        earlier.absorb(later)
        del self._all[later.key]

    def _release(self, earlier: Person) -> None:
        """Whoever the tracker may find for a row that waits for this one is somebody else now."""
        for row, person in self._of_row.items():
            if person is earlier:
                self._of_row[row] = self._new(earlier.id)

    def link(self, held: deque[HeldFrame]) -> None:
        """Make one of tracks that are one person who walked on, just before it must be known.

        That is when the first frame leaves in which the earlier one is missed, or the first one
        of the later one. Who came back from elsewhere is for the tracker's memory to recognise.
        """
        leaving = held[0]
        persons = sorted(self._all.values(), key=lambda person: person.last)
        latest = {person.id: person for person in persons if person.id and person.last}
        begun = [p for p in persons if p.open and p.id and p.first >= leaving.number]
        ended = [p for p in latest.values() if p.last < leaving.number]
        due = (
            [p.last == leaving.number - 1 for p in ended],
            [p.first == leaving.number for p in begun],
        )
        if not (begun and ended and (any(due[0]) or any(due[1]))):
            return
        model = self._linking.model
        pairs = self._linking(
            endings(model, ended), beginnings(model, begun), self._calibration.different
        )
        for before, after in pairs.tolist():
            earlier, later = ended[before], begun[after]
            if (due[0][before] or due[1][after]) and self._walked(earlier, later):
                self.numbers.exchange(earlier.id, later.id)
                self._join(earlier, later, held)

    def drop(self, number: int, remembered: list[int]) -> None:
        """Forget who was in no frame after `number` and is not in the table.

        And the numbers of ids that nobody has, neither here nor among the `remembered`.
        """
        waiting = {person.key for person in self._of_row.values()}
        # Who was seen until now may be found again in the next frame to leave.
        gone = [p for p in self._all.values() if p.last < number and p.key not in waiting]
        for person in gone:
            del self._all[person.key]
        if gone:
            self.numbers.keep({person.id for person in self._all.values()} | set(remembered))


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
