"""The tracker's stream some frames later, with what was learned in the meantime put right.

An online tracker must say at once who is where. Where a second of delay does no harm, as in
recording, counting or annotating, its answer can be held back for so long and corrected before it
leaves: with the frames that follow it, and with nothing else.
"""

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.detections import Detections
from deepsort_reid.tracking.calibration import Calibration
from deepsort_reid.tracking.following import Follower
from deepsort_reid.tracking.linking import Linking, unit_rows
from deepsort_reid.tracking.tracker import DeepSort
from deepsort_reid.tracking.window import (
    Frame,
    Numbers,
    Person,
    Smoother,
    beginnings,
    endings,
    moved,
    undone,
)
from deepsort_reid.tracks import State, Tracks

Array = NDArray[np.float64]

_FEW = 32  # looks in one frame that say what different people look like


class Delayed(NamedTuple):
    """The corrected tracks of an earlier frame, and which frame that is: the number of its update,
    from 1. `frame_number, tracks = delayed`.
    """

    number: int
    tracks: Tracks


class FixedLag:
    """A tracker whose answer comes `frames` updates later, corrected by what was seen since.

        late = FixedLag(DeepSort(), frames=30)
        for detections in video:
            delayed = late.update(detections)
            if delayed is not None:
                show(delayed.number, delayed.tracks)
        for number, tracks in late.flush():
            show(number, tracks)

    Every frame leaves exactly once, in order. Corrected is what the frames held back can tell:

    - A track has its id from its first frame on, not only from its confirmation; and where the
      tracker corrects an id, the frames held back get the new one, too.
    - Where a person was missed and seen again, the gap is filled: such a row has the state
      `COASTING`, `detection` -1, and counts its misses.
    - A track that is the continuation of one that ended gets its id, from then on for good
      (`Linking`: motion forwards and backwards, and the looks of both).
    - Boxes are smoothed: `xyxy` and `filtered_xyxy` are where the track's past and its next
      `frames` frames say the person was. The detection's own box is `detections.xyxy[detection]`.

    With `frames` = 0 there is nothing to correct by, and the tracker's own answer comes at once.

    Args:
        tracker: fresh, or after other frames; nobody else may update it.
        frames: how many updates later; memory and delay grow with it.
        linking: when two tracks are one person; `Linking()` unless given.

    Raises ValueError when `frames` is no whole number of at least 0.
    """

    def __init__(
        self, tracker: DeepSort, frames: int = 30, *, linking: Linking | None = None
    ) -> None:
        if not isinstance(frames, int | np.integer) or isinstance(frames, bool) or frames < 0:
            raise ValueError(f"frames must be a whole number, at least 0, got {frames!r}")
        self.tracker = tracker
        self.frames = int(frames)
        self._linking = linking or Linking()
        self._forget()

    def reset(self) -> None:
        """Forget everything, the frames held back too, and reset the tracker: another video."""
        self.tracker.reset()
        self._forget()

    def _forget(self) -> None:
        self._held: deque[Frame] = deque()
        self._number, self._time = 0, 0.0
        self._to_start = np.eye(3)
        self._follower = Follower()
        self._alive: dict[int, Person] = {}  # by the follower's key of the table's row
        self._persons: dict[int, Person] = {}  # by their own key: all that may still be asked for
        self._next_key = 1
        self._last_id = self.tracker.identities.last_id
        self._numbers = Numbers()
        self._calibration = Calibration()
        self._smoother = Smoother()

    def update(
        self,
        detections: Detections,
        *,
        frame: NDArray[np.uint8] | None = None,
        camera: Array | None = None,
        dt: float = 1.0,
    ) -> Delayed | None:
        """Take in the next frame, and say who was where `frames` updates ago.

        The arguments are those of `DeepSort.update`.

        Returns:
            number and tracks of the frame that leaves, in the order of their ids; None for the
            first `frames` updates.

        Raises:
            ValueError: as `DeepSort.update`, or a `camera` that maps all on a line. Nothing has
                changed then.
        """
        back = undone(camera)
        if isinstance(detections, Detections):
            detections = self.tracker.embed(detections, frame)
        now = self.tracker.update(detections, frame=frame, camera=camera, dt=dt)
        self._number += 1
        self._time += dt
        if not self.frames:
            return Delayed(self._number, now)
        self._to_start = self._to_start @ back
        self._take_in(self.tracker.tracks, detections, dt)
        return self._leave() if len(self._held) > self.frames else None

    def flush(self) -> list[Delayed]:
        """The frames still held back, in order: the video is over."""
        return [self._leave() for _ in range(len(self._held))]

    def _take_in(self, table: Tracks, detections: Detections, dt: float) -> None:
        """The newest frame joins the window."""
        rows = self._follower.follow(table, dt).tolist()
        alive = {key: self._alive.get(key) or self._new_person() for key in rows}
        self._alive = alive
        seen = np.flatnonzero(table.detection >= 0)
        persons = list(alive.values())
        xyxy = moved(table.xyxy[seen], self._to_start)
        for row, person in enumerate(persons):
            person.class_id = int(table.class_id[row])
            if not person.born:
                person.born = self._follower.clock - int(table.age[row]) + 1
        for row, box in zip(seen.tolist(), xyxy, strict=True):
            persons[row].see(self._number, self._time, box)
        self._look(persons, table, detections)
        frame = Frame(self._number, self._time, self._follower.clock, self._to_start)
        key = np.array([persons[row].key for row in seen.tolist()], dtype=np.int64)
        frame.fill(key, xyxy, table.score[seen], table.detection[seen])
        self._held.append(frame)
        last_id = self._last_id
        for row, id in enumerate(table.id.tolist()):
            if id != persons[row].id:
                self._renamed(rows[row], id, is_new=id > last_id)

    def _new_person(self, **known: Any) -> Person:
        person = Person(self._next_key, **{"id": 0, **known})
        self._persons[person.key] = person
        self._next_key += 1
        return person

    def _look(self, persons: list[Person], table: Tracks, detections: Detections) -> None:
        """Persons remember their clean looks, and what different people look like is learned."""
        if detections.embedding is None or not len(table):
            return
        clean = (table.detection >= 0) & (table.score >= self.tracker.config.remember_score)
        for row in np.flatnonzero(clean).tolist():
            embedding = detections.embedding[table.detection[row]]
            if embedding.any():
                persons[row].look_like(embedding.astype(np.float64))
        looks = [persons[row].look for row in np.flatnonzero(clean & (table.id > 0)).tolist()]
        known = [look for look in looks if look is not None][:_FEW]
        if len(known) > 1:
            self._calibration.see_frame(unit_rows(np.array(known)).astype(np.float32))

    def _renamed(self, row: int, id: int, *, is_new: bool) -> None:
        """The tracker gave the track of a row its id, or another one."""
        person = self._alive[row]
        before, person.id = person.id, id
        if person.joined:  # what left under a number goes on under it
            self._numbers.exchange(before, id)
            return
        if is_new:
            self._last_id = max(self._last_id, id)
            return
        # Somebody known before came back: one person, if the frames that tell so are held.
        person.open = False
        for other in list(self._persons.values()):
            if other.id == id and other is not person and 0 < other.last < person.first:
                if person.first >= self._held[0].number:
                    self._join(other, person)
                return

    def _join(self, earlier: Person, later: Person) -> None:
        """All that `later` was and will be is `earlier`."""
        for frame in self._held:
            frame.rename(later.key, earlier.key)
        for row, person in list(self._alive.items()):
            if person is earlier:
                # The tracker still waits for it; whoever it may find is somebody else by now.
                self._alive[row] = self._new_person(id=earlier.id)
            elif person is later:
                self._alive[row] = earlier
        earlier.absorb(later)
        earlier.open = False
        del self._persons[later.key]

    def _link(self, leaving: Frame) -> None:
        """Tracks that go on as another one are joined with it, just before it must be known:

        when the first frame leaves in which the earlier one is missed, or the first one of the
        later one.
        """
        persons = self._persons.values()
        begun = [p for p in persons if p.open and p.id and p.first >= leaving.number]
        ended = [p for p in persons if p.id and 0 < p.last < leaving.number]
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
            if due[0][before] or due[1][after]:
                self._numbers.exchange(ended[before].id, begun[after].id)
                self._join(ended[before], begun[after])

    def _leave(self) -> Delayed:
        """The oldest frame, as it is known by now."""
        leaving = self._held[0]
        self._link(leaving)
        persons = [
            person
            for person in self._persons.values()
            if person.id and 0 < person.first <= leaving.number <= person.last
        ]
        persons.sort(key=lambda person: person.key)
        tracks = self._tracks(leaving, persons, self._smoother.boxes(self._held, persons))
        self._held.popleft()
        self._drop(leaving.number)
        return Delayed(leaving.number, tracks)

    def _tracks(self, leaving: Frame, persons: list[Person], xyxy: Array) -> Tracks:
        """The frame's rows, by the numbers under which the persons leave."""
        rows = leaving.rows_of(np.array([person.key for person in persons], dtype=np.int64))
        for person, row in zip(persons, rows.tolist(), strict=True):
            if row >= 0:
                person.seen_at, person.score = leaving.clock, float(leaving.score[row])
        id = np.array([self._numbers.of(p.id) for p in persons], dtype=np.int64)
        order = np.argsort(id)
        xyxy = moved(xyxy, np.asarray(np.linalg.inv(leaving.to_start)))[order]
        rows = rows[order]
        persons = [persons[k] for k in order]
        whole = {
            "class_id": [person.class_id for person in persons],
            "age": [leaving.clock - person.born + 1 for person in persons],
            "misses": [leaving.clock - person.seen_at for person in persons],
        }
        detection = np.full(len(rows), -1, dtype=np.int64)
        detection[rows >= 0] = leaving.detection[rows[rows >= 0]]
        return Tracks(
            id=id[order],
            xyxy=xyxy,
            filtered_xyxy=xyxy,
            score=np.array([person.score for person in persons], dtype=np.float64),
            detection=detection,
            state=np.where(rows >= 0, State.CONFIRMED, State.COASTING).astype(np.int64),
            **{name: np.array(values, dtype=np.int64) for name, values in whole.items()},
        )

    def _drop(self, number: int) -> None:
        """Forget who is neither in the table nor in a frame still held, and numbers of nobody."""
        alive = {person.key for person in self._alive.values()}
        # Who was seen until now may be found again in the next frame to leave.
        gone = [p for p in self._persons.values() if p.last < number and p.key not in alive]
        for person in gone:
            del self._persons[person.key]
        if gone:
            known = {person.id for person in self._persons.values()}
            self._numbers.keep(known | set(self.tracker.identities.id.tolist()))
