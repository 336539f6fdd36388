"""Events of a tracker: derived from the tracks that are reported frame by frame."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.event import Event, EventKind

Ints = NDArray[np.int64]

_ORDER = ("left", "lost", "recovered", "appeared", "reidentified")
_MAX_LEFT = 1000  # ids that left, of which it is known that they were reported before


class TrackEvents:
    """Derives the events of each frame from the tracks that are matched in it.

    Attributes:
        events: of the last frame, by kind, then by id.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._id = np.empty(0, dtype=np.int64)  # of the tracks matched in the last frame
        self._person_id = np.empty(0, dtype=np.int64)
        # Persons by id. Dictionaries are replaced, not changed: an update may be undone.
        self._matched: dict[int, int] = {}
        self._lost: dict[int, int] = {}
        self._left: dict[int, int] = {}

    def update(
        self,
        frame: int,
        time: float,
        id: Ints,
        person_id: Ints,
        *,
        ended: Collection[int] = (),
        changes: Mapping[int, int] | None = None,
        is_known: Callable[[int, int], bool],
    ) -> None:
        """Derive the events of a frame.

        Args:
            frame, time: of the frame, as in `Event`.
            id, person_id: of the tracks (T,) matched in it.
            ended: ids of tracks that have ended.
            changes: persons, by id, of other tracks whose person may have changed.
            is_known: whether the person of a track (id, person) has earlier tracks.
        """
        is_same = np.array_equal(id, self._id) and np.array_equal(person_id, self._person_id)
        if is_same and not len(ended) and not changes:
            self.events = []
            return
        found: list[tuple[EventKind, int, int]] = []
        now = dict(zip(id.tolist(), person_id.tolist(), strict=True))
        known = {**self._lost, **self._matched}
        for each, person in now.items():
            if each not in known:
                found.append(("appeared", each, person))
                if each in self._left or is_known(each, person):
                    found.append(("reidentified", each, person))
                continue
            if each in self._lost:
                found.append(("recovered", each, person))
            if known[each] != person:
                found.append(("reidentified", each, person))
        absent = {each: person for each, person in known.items() if each not in now}
        left = self._left
        for each, person in (changes or {}).items():
            if absent.get(each, person) != person:
                absent[each] = person
            elif left.get(each, person) != person:
                left = {**left, each: person}
            else:
                continue
            found.append(("reidentified", each, person))
        gone = {each: absent.pop(each) for each in ended if each in absent}
        found += [("left", each, person) for each, person in gone.items()]
        found += [("lost", each, absent[each]) for each in self._matched if each in absent]
        found.sort(key=lambda event: (_ORDER.index(event[0]), event[1]))
        self.events = [Event(kind, each, person, frame, time) for kind, each, person in found]
        self._id, self._person_id, self._matched, self._lost = id, person_id, now, absent
        if gone or left is not self._left or left.keys() & now.keys():
            kept = [item for item in {**left, **gone}.items() if item[0] not in now]
            self._left = dict(kept[-_MAX_LEFT:])
