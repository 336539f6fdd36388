"""Decisions: which person each track is, as its number of embeddings grows."""

from collections.abc import Collection, Iterable

import numpy as np

from deepsort_reid.identity.constraints import forbidden_persons
from deepsort_reid.identity.gallery import GalleryView, Ints
from deepsort_reid.identity.matching import PersonMatch, PersonMatching
from deepsort_reid.identity.prototypes import Embeddings, Prototypes
from deepsort_reid.identity.records import Records
from deepsort_reid.identity.topology import Topology
from deepsort_reid.identity.track_records import PersonChange
from deepsort_reid.identity.track_relation import Masks, common, keys_of, mask_of

_SURE = 0.9  # minimum probability of a join whose time between two cameras is learned
_MAX_OBSERVED = 32  # tracks of one frame that one is compared with for calibration


class Decisions:
    """Searches persons of tracks.

    Args:
        records: tracks and persons.
        topology: of the cameras.
        matching: rule and calibration.
    """

    def __init__(self, records: Records, topology: Topology, matching: PersonMatching) -> None:
        self.records = records
        self.topology = topology
        self.matching = matching

    def search(self, keys: Iterable[int], present: Collection[int]) -> list[PersonChange]:
        """Search the persons of tracks. Afterwards each track has a person.

        Args:
            keys: the tracks.
            present: tracks of the last frame of their camera.

        The most certain match is decided first, so that the order of the tracks does not matter.
        """
        records = self.records
        matches = []
        searched = sorted(keys)
        prototypes = {key: self._updated_prototypes(key) for key in searched}
        records.save_attributes(
            self.matching, self.matching.probability, self.matching.travel_times
        )
        mask = mask_of(present)
        for key in searched:
            self._observe(key, prototypes[key], mask)
            self.matching.observe_track(prototypes[key])
        for key in searched:
            self._set_next_search(key)
            if not records.row(key)["by_hand"]:
                match = self._match(key, prototypes[key])
                self.matching.probability.observe_search(match.probability_stored)
                matches.append((key, match))
        changes = []
        matches.sort(key=lambda each: (each[1].person is None, each[1].distance, each[0]))
        for number, (key, match) in enumerate(matches):
            # Persons taken in this loop are forbidden, too.
            if number and match.person and self._is_forbidden(key, match.person):
                match = self._match(key, prototypes[key])
            changes += self._decide(key, match)
        return changes

    def leave(self, key: int, reason: str) -> list[PersonChange]:
        """Give a track a person of its own, and search again as soon as possible."""
        self.records.save_row(key)
        self.records.row(key)["next_search"] = 0
        return self.assign(key, self.records.new_person(), 1.0, None, reason)

    def assign(
        self, key: int, person: int, probability: float, runner_up: int | None, reason: str
    ) -> list[PersonChange]:
        """Give a track a person; a change, unless it is the same or the first one."""
        records = self.records
        before = records.move(key, person)
        row = records.row(key)
        row["probability"], row["runner_up"] = probability, runner_up or 0
        records.set_reason(key, reason)
        if before in (0, person):
            return []
        track = records.track(key)
        time = track.last_time
        return [PersonChange(track.camera, track.id, person, before, time, probability, reason)]

    def view(self, embedding: Embeddings, forbidden: Collection[int], key: int = 0) -> GalleryView:
        """The gallery as seen by a track; of a large one, the rows nearest to the track.

        Args:
            embedding: prototypes (P, D) of the track.
            forbidden: persons that the track cannot be.
            key: of the track, whose own prototypes are not allowed; 0 for one not in the records.
        """
        rows = self.records.gallery.candidates(embedding)
        view = self._view_of_rows(rows, forbidden, key)
        if not isinstance(rows, slice) and len(np.unique(view.person[view.allowed])) < 2:
            view = self._view_of_rows(slice(None), forbidden, key)  # a match has a runner-up
        return view

    def _view_of_rows(
        self, rows: Ints | slice, forbidden: Collection[int], key: int
    ) -> GalleryView:
        records, gallery = self.records, self.records.gallery
        track = gallery.track[rows]
        row = np.where(track >= 0, track - records.first_key, 0)
        person, camera = records.rows["person"][row], records.rows["camera"][row]
        allowed = (track >= 0) & (track != key) & (person > 0)
        if forbidden:
            allowed &= ~np.isin(person, list(forbidden))
        embedding, count = gallery.embedding[rows], gallery.count[rows]
        shift = None
        if key:
            own, last_time = records.row(key), records.rows["last_time"][row]
            times = int(own["camera"]), float(own["first_time"])
            shift = self.matching.travel_times.shift(*times, person, camera, last_time)
        return GalleryView(embedding, count, track, person, camera, allowed, shift)

    def _updated_prototypes(self, key: int) -> Prototypes:
        records = self.records
        if records.row(key)["live"]:
            return records.update_gallery(key)
        return records.gallery.of_track(key)

    def _observe(self, key: int, prototypes: Prototypes, present: Masks) -> None:
        """Calibrate with the tracks that are in view (a mask) together with this one."""
        records = self.records
        together = keys_of(common(records.seen_together.mask(key), present))
        step = -(-len(together) // _MAX_OBSERVED) or 1
        if together:
            self.matching.observe(prototypes, records.gallery.embeddings_of(together[::step]))

    def _match(self, key: int, prototypes: Prototypes) -> PersonMatch:
        row = self.records.row(key)
        current = int(row["person"]) or None
        if current is not None and len(self.records.persons[current].tracks) == 1:
            current = None  # no other track
        forbidden = forbidden_persons(self.records, self.topology, key)
        view = self.view(prototypes.embedding, forbidden, key)
        return self.matching.match(prototypes, view, current)

    def _is_forbidden(self, key: int, person: int) -> bool:
        return person in forbidden_persons(self.records, self.topology, key)

    def _decide(self, key: int, match: PersonMatch) -> list[PersonChange]:
        records = self.records
        person = match.person
        if person is None:
            person = int(records.row(key)["person"])
            if not person or len(records.persons[person].tracks) > 1:
                person = records.new_person()
        before = int(records.row(key)["person"])
        if match.probability >= _SURE and match.person not in (None, before):
            self._observe_travel_time(key, person)
        return self.assign(key, person, match.probability, match.runner_up, match.reason)

    def _observe_travel_time(self, key: int, person: int) -> None:
        """Learn the time from the latest earlier track of a person, of another camera, to this."""
        records, own = self.records, self.records.row(key)
        tracks = np.array(sorted(records.persons[person].tracks - {key}), dtype=np.int64)
        rows = records.rows[tracks - records.first_key]
        earlier = rows[rows["last_time"] <= own["first_time"]]
        if len(earlier):
            last = earlier[earlier["last_time"].argmax()]
            if last["camera"] != own["camera"]:
                time = float(own["first_time"] - last["last_time"])
                pair = int(last["camera"]), int(own["camera"])
                self.matching.travel_times.observe(*pair, time)

    def _set_next_search(self, key: int) -> None:
        self.records.save_row(key)
        row = self.records.row(key)
        row["next_search"] = 2 * max(int(row["num_embeddings"]), 1)
