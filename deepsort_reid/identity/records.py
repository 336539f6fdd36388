"""Records of the registry: tracks, persons, cameras, and the changes to them that can be undone."""

import time
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.gallery import Gallery
from deepsort_reid.identity.journal import Journal
from deepsort_reid.identity.prototypes import Prototypes, PrototypeTable
from deepsort_reid.identity.track_records import (
    NO_SLOT,
    TRACK_ROW,
    CameraRow,
    PersonRow,
    TrackRecord,
)
from deepsort_reid.identity.track_relation import Masks, TrackRelation

Ints = NDArray[np.int64]

_MANY = 1024  # tracks


class Records:
    """Tracks, persons and cameras.

    Attributes:
        journal: reverts the changes since it was cleared.
        prototypes: of live tracks.
        gallery: prototypes in which persons are searched: of live tracks as of their last search.
        seen_together: tracks that were matched in the same frame of the same camera.
        apart: tracks that are different people, by hand.
        reasons: track -> last decision in words.
        changed: tracks that may have changed since the store was written.
    """

    def __init__(self) -> None:
        self.journal = Journal()
        self.prototypes = PrototypeTable()
        self.gallery = Gallery()
        self.persons: dict[int, PersonRow] = {}
        self.cameras: dict[str, CameraRow] = {}
        self.camera_names: list[str] = []
        self.seen_together = TrackRelation()
        self.apart = TrackRelation()
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

    @property
    def num_kept(self) -> int:
        """Number of tracks, without removed ones."""
        return sum(len(camera.key_of_id) for camera in self.cameras.values())

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

    def prototypes_of(self, key: int) -> Prototypes:
        """The prototypes (P, D) of a track as of now."""
        slot = int(self.row(key)["slot"])
        return self.gallery.of_track(key) if slot < 0 else self.prototypes.prototypes(slot)

    def save_attributes(self, *objects: Any) -> None:
        """Journal the attributes of objects, by reference."""
        for each in objects:
            self.journal.add(vars(each).update, vars(each).copy())

    def save_rows(self, keys: Ints) -> NDArray[np.void]:
        """Journal the rows (K,) of tracks, which will be changed; returns them."""
        index = keys - self.first_key
        saved: NDArray[np.void] = self._rows.take(index)
        self.journal.add(self._restore_rows, index, saved)
        return saved

    def save_row(self, key: int) -> None:
        self.save_rows(np.array([key]))
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
        row["updated"] = time.time()
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

    def relate(
        self, relation: TrackRelation, keys: Collection[int], others: Collection[int]
    ) -> dict[int, Masks]:
        """Relate each of the tracks `keys` to each of `others`, except to itself.

        Returns the tracks that are newly related to each of `keys`.
        """
        added, changed = relation.add(self.journal, keys, others)
        self.changed |= changed
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

    def remove_tracks(self, keys: Collection[int]) -> None:
        """Remove tracks with all that is known of them, and persons without other tracks."""
        self.save_attributes(self, *self.cameras.values())
        gone = np.array(sorted(keys))
        self.save_rows(gone)
        for key in keys:
            row = self.row(key)
            if row["live"]:
                self.close_track(key)
            camera = self.cameras[self.camera_names[int(row["camera"])]]
            place = int(row["run"]), int(row["id"])
            self.journal.add(camera.key_of_id.__setitem__, place, key)
            camera.key_of_id.pop(place, None)
            camera.drop_present(key)
            for relation in (self.seen_together, self.apart):
                self.changed.update(relation.remove(self.journal, key))
            if key in self.reasons:
                self.journal.add(self.reasons.__setitem__, key, self.reasons[key])
                del self.reasons[key]
            self._remove_from_person(key, int(row["person"]))
            self.save_attributes(self.gallery)
            self.journal.add(self.gallery.put_back, *self.gallery.rows_of(key))
            self.gallery.remove(key)
            self._rows[key - self.first_key] = np.zeros((), dtype=TRACK_ROW)

    def compact(self) -> None:
        """Free the memory of removed tracks, when that is much; cannot be undone."""
        self.gallery.compact()
        if self.num_tracks > _MANY and not self._rows["person"][_MANY]:
            removed = int((self.rows["person"] > 0).argmax())
            if removed > self.num_tracks // 2:
                self._rows = self.rows[removed:].copy()
                self.first_key, self.num_tracks = self.first_key + removed, len(self._rows)

    def _remove_from_person(self, key: int, person: int) -> None:
        row = self.persons[person]
        self.journal.add(self.persons.__setitem__, person, row)
        self.journal.add(row.tracks.add, key)
        row.tracks.discard(key)
        if not row.tracks:
            del self.persons[person]

    def _restore_rows(self, index: Ints, rows: NDArray[np.void]) -> None:
        self._rows[index] = rows
