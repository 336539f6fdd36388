"""Rows of the registry: of a track, a person and a camera; and what it reports of them."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# One row per track; its key never changes. `person` 0 is a removed row, or a track that was not
# given a person yet. `next_search`: number of embeddings at which its person is searched again.
# `updated`: when it was last matched, in seconds since 1970, whatever clock the times are from.
TRACK_ROW = np.dtype(
    [
        *(("camera", "i8"), ("run", "i8"), ("id", "i8")),
        *(("first_time", "f8"), ("last_time", "f8")),
        *(("live", "?"), ("framewise", "?"), ("by_hand", "?")),
        *(("person", "i8"), ("probability", "f8"), ("runner_up", "i8")),
        *(("num_embeddings", "i8"), ("next_search", "i8"), ("slot", "i8")),
        ("updated", "f8"),
    ]
)
NO_SLOT = -1


class PersonChange(NamedTuple):
    """A track that is of another person than was said before.

    Attributes:
        camera, id: the track.
        person_id: its person from now on.
        previous_person_id: its person before.
        time: of the change.
        probability: that `person_id` is right.
        reason: in words.
    """

    camera: str
    id: int
    person_id: int
    previous_person_id: int
    time: float
    probability: float
    reason: str


class TrackRecord(NamedTuple):
    """A track as the registry knows it.

    Attributes:
        camera, run, id: `id` is unique in a run of a camera (see `PersonRegistry.start_camera`).
        first_time, last_time: of its detections; NaN where unknown.
        live: whether it has not ended.
        person_id: its person.
        probability: that this is right.
        runner_up: the second nearest person, None without one.
        num_embeddings: in its prototypes.
        by_hand: whether its person was set by hand, and is therefore kept.
    """

    camera: str
    run: int
    id: int
    first_time: float
    last_time: float
    live: bool
    person_id: int
    probability: float
    runner_up: int | None
    num_embeddings: int
    by_hand: bool


@dataclass
class PersonRow:
    """A person: keys of the tracks, and the name given by hand."""

    name: str | None = None
    tracks: set[int] = field(default_factory=set)


@dataclass
class CameraRow:
    """A camera: its clock, its run, and the tracks of its last frame."""

    number: int
    run: int = 1
    interrupted: bool = False  # the run was loaded: it ends unless `start_camera` continues it
    started: bool = False  # whether this run has had an update
    num_updates: int = 0
    last_time: float = -np.inf
    time_offset: float = 0.0  # added to the times given
    key_of_id: dict[tuple[int, int], int] = field(default_factory=dict)  # of run and id
    ids: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # of the last frame
    keys: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    slots: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    def drop_present(self, key: int) -> None:
        """Remove a track from those of the last frame."""
        kept = self.keys != key
        self.ids, self.keys, self.slots = self.ids[kept], self.keys[kept], self.slots[kept]
