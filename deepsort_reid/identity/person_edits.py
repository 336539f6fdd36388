"""Edits of persons by hand: the part of `PersonRegistry` that people use."""

from collections.abc import Iterable

from deepsort_reid.identity import corrections
from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.operations import Operations
from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.identity.reconsideration import reconsider
from deepsort_reid.identity.records import Records
from deepsort_reid.identity.track_records import PersonChange, TrackRecord

# Camera and id, of the current run of the camera, or of a third number, an earlier run.
TrackName = tuple[str, int] | tuple[str, int, int]


class PersonEdits:
    """Base class of `PersonRegistry`: persons as people see and correct them.

    What is set by hand is kept: it is not changed by later evidence.
    """

    _records: Records
    _operations: Operations
    _decisions: Decisions

    @property
    def persons(self) -> dict[int, list[TrackRecord]]:
        """Tracks of each person, in the order of their times."""
        with self._operations.lock:
            persons = sorted(self._records.persons)
            return {person: corrections.history(self._records, person) for person in persons}

    def merge(self, person: int, other: int) -> list[PersonChange]:
        """Declare two persons to be one, `person`; their tracks keep it from now on.

        Raises ValueError when there is no such person, or a track of one was seen in one frame
        with a track of the other.
        """
        with self._operations.change(durable=True):
            return corrections.merge(self._decisions, person, other)

    def split(self, person: int, tracks: Iterable[TrackName]) -> list[PersonChange]:
        """Declare tracks (camera, id) of a person to be a new person, and the others not.

        Raises ValueError when there is no such person, or these are none or all of its tracks.
        """
        with self._operations.change(durable=True):
            keys = self._keys(tracks)
            return corrections.split(self._decisions, person, keys)

    def same(self, track: TrackName, other: TrackName) -> list[PersonChange]:
        """Declare two tracks (camera, id) to be one person; merges their persons.

        Raises ValueError as `merge`.
        """
        with self._operations.change(durable=True):
            first, second = self._keys((track, other))
            person, merged = (int(self._records.row(key)["person"]) for key in (first, second))
            return corrections.merge(self._decisions, person, merged, (first, second))

    def different(self, track: TrackName, other: TrackName) -> list[PersonChange]:
        """Declare two tracks (camera, id) to be two people; they never share a person again.

        Where they do now, `other` gets another one.
        """
        with self._operations.change(durable=True):
            first, second = self._keys((track, other))
            return corrections.different(self._decisions, first, second)

    def reconsider(self) -> list[PersonChange]:
        """Merge persons that are one, as all tracks together show; see `clustering`.

        For the end of a video or an archive: considers the latest 5,000 tracks, which takes about a
        second. `update` does it for the latest 150 tracks when their number has grown by half.
        """
        with self._operations.change(durable=True):
            return reconsider(self._decisions)

    def rename(self, person: int, name: str | None) -> None:
        """Give a person a name, or none; its tracks of today are kept.

        Raises ValueError when there is no such person, or another one has the name.
        """
        with self._operations.change(durable=True):
            corrections.rename(self._records, person, name)

    def name(self, person: int) -> str | None:
        """The name of a person; raises ValueError when there is no such person."""
        with self._operations.lock:
            return corrections.checked_person(self._records, person).name

    def gallery(self, person: int) -> Prototypes:
        """The prototypes (P, D) of all tracks of a person, copies.

        Raises ValueError when there is no such person.
        """
        with self._operations.lock:
            return corrections.gallery(self._records, person)

    def history(self, person: int) -> list[TrackRecord]:
        """The tracks of a person, in the order of their times.

        Raises ValueError when there is no such person.
        """
        with self._operations.lock:
            corrections.checked_person(self._records, person)
            return corrections.history(self._records, person)

    def forget(self, person: int) -> None:
        """Remove a person with all tracks, embeddings, the name, and every trace in the file.

        A person in view is a new one in the next frame. Raises ValueError when there is no such
        person; OSError when a process that reads the file prevents that it is erased now.
        """
        with self._operations.change(durable=True):
            corrections.forget(self._records, self._operations, person)
        self._operations.erase()

    def _key(self, camera: str, id: int, run: int | None = None) -> int:
        row = self._records.cameras.get(camera)
        key = None if row is None else row.key_of_id.get((row.run if run is None else run, id))
        if key is None:
            raise ValueError(f"no track {id!r:.40} of camera {camera!r:.80}")
        return key

    def _keys(self, tracks: Iterable[TrackName]) -> list[int]:
        return [self._key(track[0], track[1], *track[2:]) for track in tracks]
