"""Events: what changed in one frame of a tracker."""

from typing import Literal, NamedTuple

EventKind = Literal["appeared", "lost", "recovered", "left", "reidentified"]


class Event(NamedTuple):
    """One thing that changed in a frame.

    Attributes:
        kind: "appeared": the track is reported for the first time, or again after it left.
            "lost": it is not matched in this frame, but was in the one before.
            "recovered": it is matched again. "left": it has ended. "reidentified": it shows a
            person who was known before, or another one than was reported so far.
        id: the track.
        person_id: its person by now.
        frame: number of the update, from 1.
        time: of that update: as given to it, otherwise the sum of all `dt`, in frames.
    """

    kind: EventKind
    id: int
    person_id: int
    frame: int
    time: float
