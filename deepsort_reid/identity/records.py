"""Records of the registry: tracks, persons, cameras, and the changes to them that can be undone."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.gallery import Gallery
from deepsort_reid.identity.journal import Journal
from deepsort_reid.identity.prototypes import Prototypes, PrototypeTable

Ints = NDArray[np.int64]

# One row per track; its key never changes. `person` 0 is a removed row, or a track that was not
# given a person yet. `next_search`: number of embeddings at which its person is searched again.
TRACK_ROW = np.dtype(
    [
        *(("camera", "i8"), ("run", "i8"), ("id", "i8")),
        *(("first_time", "f8"), ("last_time", "f8")),
        *(("live", "?"), ("framewise", "?"), ("by_hand", "?")),
        *(("person", "i8"), ("probability", "f8"), ("runner_up", "i8")),
        *(("num_embeddings", "i8"), ("next_search", "i8"), ("slot", "i8")),
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
    started: bool = False  # whether this run has had an update
    num_updates: int = 0
    last_time: float = -np.inf
    time_offset: float = 0.0  # added to the times given
    key_of_id: dict[tuple[int, int], int] = field(default_factory=dict)  # of run and id
    ids: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # of the last frame
    keys: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    slots: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))


class Records:
    """Tracks, persons and cameras.

    Attributes:
        journal: reverts the changes since it was cleared.
        prototypes: of live tracks.
        gallery: prototypes in which persons are searched: of live tracks as of their last search.
        seen_together: track -> tracks that were matched in the same frame of the same camera.
        apart: track -> tracks that are other people, by hand.
        reasons: track -> last decision in words.
        changed: tracks that were changed since the store was written.
    """

    def __init__(self) -> None:
        self.journal = Journal()
        self.prototypes = PrototypeTable()
        self.gallery = Gallery()
        self.persons: dict[int, PersonRow] = {}
        self.cameras: dict[str, CameraRow] = {}
        self.camera_names: list[str] = []
        self.seen_together: dict[int, set[int]] = {}
        self.apart: dict[int, set[int]] = {}
        self.reasons: dict[int, str] = {}
        self.changed: set[int] = set()
        self.last_person = 0
        self.first_key = 1  # key of row 0
        self.num_tracks = 0  # rows, removed ones included
        self._rows = np.zeros(64, dtype=TRACK_ROW)

    @property
    def rows(self) -> NDArray[np.void]:
        """All tracks (N,) `TRACK_ROW`; the key of a row is its number plus `first_key`."""
        return self._rows[: self.num_tracks]

    def row(self, key: int) -> np.void:
        """The row of a track; assigning to its fields changes it."""
        found: np.void = self._rows[key - self.first_key]
        return found

    def track(self, key: int) -> TrackRecord:
        row = self.row(key)
        return TrackRecord(
            self.camera_names[int(row["camera"])],
            *(int(row["run"]), int(row["id"]), float(row["first_time"]), float(row["last_time"])),
            *(bool(row["live"]), int(row["person"]), float(row["probability"])),
            int(row["runner_up"]) or None,
            *(int(row["num_embeddings"]), bool(row["by_hand"])),
        )

    def save_attributes(self, *objects: Any) -> None:
        """Journal the attributes of objects, by reference."""
        for each in objects:
            self.journal.add(vars(each).update, vars(each).copy())

    def save_rows(self, keys: Ints) -> None:
        """Journal the rows of tracks, which will be changed."""
        index = keys - self.first_key
        self.journal.add(self._restore_rows, index, self._rows[index])

    def save_row(self, key: int) -> None:
        self.save_rows(np.array([key]))
        if key not in self.changed:
            self.journal.add(self.changed.discard, key)
            self.changed.add(key)

    def add_camera(self, name: str) -> CameraRow:
        if name not in self.cameras:
            self.save_attributes(self)
            self.journal.add(self.cameras.pop, name, None)
            # Last in time: a camera that is in `cameras` has its name in the list.
            self.camera_names = [*self.camera_names, name]
            self.cameras[name] = CameraRow(len(self.camera_names) - 1)
        return self.cameras[name]

    def add_track(
        self, camera: CameraRow, id: int, first_time: float, last_time: float, *, framewise: bool
    ) -> int:
        """Add a track without a person and without a slot; returns its key."""
        self.save_attributes(self)
        if self.num_tracks == len(self._rows):
            added = np.zeros(len(self._rows), dtype=TRACK_ROW)
            self._rows = np.concatenate([self._rows, added])
        key = self.first_key + self.num_tracks
        self._rows[self.num_tracks] = np.zeros((), dtype=TRACK_ROW)
        self.num_tracks += 1
        row = self.row(key)
        row["camera"], row["run"], row["id"] = camera.number, camera.run, id
        row["first_time"], row["last_time"], row["framewise"] = first_time, last_time, framewise
        row["slot"], row["next_search"], row["probability"] = NO_SLOT, 1, 1.0
        for sets in (self.seen_together, self.apart):
            self.journal.add(sets.pop, key, None)
            sets[key] = set()
        place = camera.run, id
        self.journal.add(camera.key_of_id.pop, place, None)
        camera.key_of_id[place] = key
        self.save_row(key)
        return key

    def open_track(self, key: int) -> None:
        """Make a track live: with the prototypes that are in the gallery, if any."""
        self.save_row(key)
        self.save_attributes(self.prototypes)
        slot = self.prototypes.free_slot()
        self.journal.add(self.prototypes.release, slot)
        self.prototypes.allocate(slot, self.gallery.of_track(key))
        row = self.row(key)
        row["slot"], row["live"] = slot, True

    def close_track(self, key: int) -> None:
        """Make a track ended: its prototypes remain in the gallery."""
        row = self.row(key)
        self.save_row(key)
        slot = int(row["slot"])
        self.journal.add(self.prototypes.restore, self.prototypes.backup(np.array([slot])))
        self.prototypes.release(slot)
        row["slot"], row["live"] = NO_SLOT, False

    def update_gallery(self, key: int) -> Prototypes:
        """Copy the prototypes of a live track to the gallery; returns them."""
        prototypes = self.prototypes.prototypes(int(self.row(key)["slot"]))
        self.set_gallery(key, prototypes)
        return prototypes

    def set_gallery(self, key: int, prototypes: Prototypes) -> None:
        self.save_attributes(self.gallery)
        self.journal.add(self.gallery.restore, self.gallery.backup(key))
        self.gallery.replace(key, prototypes)

    def see_together(self, key: int, others: set[int]) -> set[int]:
        """Note that a track was seen together with others; returns those that are new to it."""
        added = others - self.seen_together[key] - {key}
        if added:
            self.journal.add(_discard, self.seen_together, key, added)
            self.seen_together[key] |= added
            for other in added:
                self.seen_together[other].add(key)
            for each in (key, *added):
                if each not in self.changed:
                    self.journal.add(self.changed.discard, each)
                    self.changed.add(each)
        return added

    def new_person(self) -> int:
        """A new person without tracks."""
        self.save_attributes(self)
        person = self.last_person + 1
        self.journal.add(self.persons.pop, person, None)
        self.persons[person] = PersonRow()
        self.last_person = person
        return person

    def move(self, key: int, person: int) -> int:
        """Give a track another person; returns the one before.

        A person without tracks and without a name is removed.
        """
        row = self.row(key)
        self.save_row(key)
        before = int(row["person"])
        if before == person:
            return before
        tracks = self.persons[person].tracks
        self.journal.add(tracks.discard, key)
        tracks.add(key)
        row["person"] = person
        if before:
            old = self.persons[before]
            self.journal.add(self.persons.__setitem__, before, old)
            self.journal.add(old.tracks.add, key)
            old.tracks.discard(key)
            if not old.tracks and old.name is None:
                del self.persons[before]
        return before

    def set_reason(self, key: int, reason: str) -> None:
        previous = self.reasons.get(key)
        if previous is None:
            self.journal.add(self.reasons.pop, key, None)
        else:
            self.journal.add(self.reasons.__setitem__, key, previous)
        self.reasons[key] = reason

    def _restore_rows(self, index: Ints, rows: NDArray[np.void]) -> None:
        self._rows[index] = rows


def _discard(sets: dict[int, set[int]], key: int, others: set[int]) -> None:
    """Revert `see_together`."""
    sets[key] -= others
    for other in others:
        if other in sets:
            sets[other].discard(key)
