"""Person registry: who each track is, over time and over cameras."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from deepsort_reid.identity import corrections
from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.ended_track import add_ended_track
from deepsort_reid.identity.explanation import PersonExplanation, explain
from deepsort_reid.identity.frame_update import (
    RegistryUpdate,
    as_ids,
    checked_time,
    checked_tracks,
    end_track,
    update_camera,
)
from deepsort_reid.identity.matching import PersonMatching
from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.identity.records import CameraRow, PersonChange, Records, TrackRecord
from deepsort_reid.identity.registry_state import VERSION, records_from_state, records_state
from deepsort_reid.identity.topology import Topology

TrackName = tuple[str, int]  # camera and id, of the current run of the camera


class PersonRegistry:
    """Persons of all tracks of one or several cameras.

    Args:
        topology: which cameras may see one person at once, and times between them.
        matching: rule that compares a track with the stored persons: `PersonMatching()` when not
            given.

    Persons are numbered from 1, and no number is given twice. Every method may be called from
    several threads. After any exception, KeyboardInterrupt included, the registry is as it was.
    """

    def __init__(
        self, *, topology: Topology | None = None, matching: PersonMatching | None = None
    ) -> None:
        self.topology = topology or Topology()
        self.matching = matching or PersonMatching()
        self._lock = RLock()
        self._records = Records()
        self._decisions = Decisions(self._records, self.topology, self.matching)
        self._is_complete = True  # whether the last operation needs no undoing
        self._last_update: tuple[str, int] | None = None  # camera and number, if that was the last

    def update(
        self,
        camera: str,
        time: float,
        id: ArrayLike,
        embedding: ArrayLike | None = None,
        storable: ArrayLike | None = None,
        ended: ArrayLike | Sequence[int] = (),
    ) -> RegistryUpdate:
        """Update with the tracks of one frame of a camera.

        Args:
            camera: name of the camera.
            time: of the frame, in seconds or frames, on a clock that all cameras share. A clock
                that is set back by up to 60 is held until it has caught up.
            id: tracks matched in this frame (T,), from 1.
            embedding: unit rows (T, D); a row of zeros is none. None when no track has one.
            storable: rows (T,) that show one complete person, and may become prototypes; all when
                not given. Others are used only until a track has a storable one.
            ended: tracks that have ended; unknown ones are ignored. An id that is matched again
                afterwards continues its track.

        Raises:
            ValueError: an argument is not as above; nothing has changed then.
        """
        tracks, ended_ids = checked_tracks(id, embedding, storable), as_ids(ended)
        with self._operation():
            row = self._camera(camera)
            moment = checked_time(camera, row, time, self._records)
            result = update_camera(self._decisions, row, moment, tracks, ended_ids)
            row.num_updates += 1
            self._last_update = camera, row.num_updates
            return result

    def num_updates(self, camera: str) -> int:
        """Number of updates of a camera so far."""
        row = self._records.cameras.get(camera)
        return 0 if row is None else row.num_updates

    def undo_update(self, camera: str, num_updates: int) -> None:
        """Undo the last update of a camera if it was made after `num_updates` others.

        Does nothing when there is no such update, or anything else has changed meanwhile. A tracker
        whose own update fails after that of the registry calls it.
        """
        with self._lock:
            if self._last_update == (camera, num_updates + 1):
                self._undo()

    def start_camera(self, camera: str, run: int | None = None) -> int:
        """Begin a run of a camera: ids start over, and so may its clock.

        Args:
            camera: name of the camera.
            run: an earlier run to continue, with its ids; a new one when not given.

        Returns the number of the run. Tracks of the run before have ended. Raises ValueError when
        there was no such run.
        """
        with self._operation():
            row = self._camera(camera)
            runs = {each for each, _ in row.key_of_id} | {row.run}
            if run is not None and run not in runs:
                raise ValueError(f"camera {camera!r} has no run {run!r:.40}")
            if run == row.run or (run is None and not row.started):
                return row.run
            for id in self._records.rows["id"][self._live(row)].tolist():
                end_track(self._decisions, row, id)
            row.run = max(runs) + 1 if run is None else int(run)
            row.started = run is not None
            row.ids, row.keys, row.slots = row.ids[:0], row.keys[:0], row.slots[:0]
            return row.run

    def add_track(
        self,
        camera: str,
        first_time: float | None,
        last_time: float | None,
        embedding: ArrayLike,
        storable: ArrayLike | None = None,
        *,
        id: int | None = None,
    ) -> int:
        """Add an ended track at once, such as one of an archive; returns its person.

        Args:
            camera: name of the camera.
            first_time, last_time: of its detections; None where unknown: forbids nothing.
                Tracks of one camera at the same time are two people.
            embedding: unit rows (N, D) in the order of time; a row of zeros is none.
            storable: rows (N,), as in `update`.
            id: of the track; the next one when not given.

        Raises ValueError when an argument is not as above; nothing has changed then.
        """
        with self._operation():
            row = self._camera(camera)
            return add_ended_track(
                self._decisions, camera, row, (first_time, last_time), embedding, storable, id
            )

    def merge(self, person: int, other: int) -> list[PersonChange]:
        """Declare two persons to be one, `person`; their tracks keep it from now on.

        Raises ValueError when there is no such person, or a track of one was seen in one frame
        with a track of the other.
        """
        with self._operation():
            return corrections.merge(self._decisions, person, other)

    def split(self, person: int, tracks: Iterable[TrackName]) -> list[PersonChange]:
        """Declare tracks (camera, id) of a person to be a new person, and the others not.

        Raises ValueError when there is no such person, or these are none or all of its tracks.
        """
        with self._operation():
            keys = self._keys(tracks)
            return corrections.split(self._decisions, person, keys)

    def same(self, track: TrackName, other: TrackName) -> list[PersonChange]:
        """Declare two tracks (camera, id) to be one person; merges their persons.

        Raises ValueError as `merge`.
        """
        with self._operation():
            first, second = self._keys((track, other))
            person, merged = (int(self._records.row(key)["person"]) for key in (first, second))
            return corrections.merge(self._decisions, person, merged, (first, second))

    def different(self, track: TrackName, other: TrackName) -> list[PersonChange]:
        """Declare two tracks (camera, id) to be two people; they never share a person again.

        Where they do now, `other` gets another one.
        """
        with self._operation():
            first, second = self._keys((track, other))
            return corrections.different(self._decisions, first, second)

    def rename(self, person: int, name: str | None) -> None:
        """Give a person a name, or none; its tracks of today are kept.

        Raises ValueError when there is no such person, or another one has the name.
        """
        with self._operation():
            corrections.rename(self._records, person, name)

    def name(self, person: int) -> str | None:
        """The name of a person; raises ValueError when there is no such person."""
        with self._lock:
            return corrections.checked_person(self._records, person).name

    def gallery(self, person: int) -> Prototypes:
        """The prototypes (P, D) of all tracks of a person, copies.

        Raises ValueError when there is no such person.
        """
        with self._lock:
            return corrections.gallery(self._records, person)

    def history(self, person: int) -> list[TrackRecord]:
        """The tracks of a person, in the order of their times.

        Raises ValueError when there is no such person.
        """
        with self._lock:
            corrections.checked_person(self._records, person)
            return corrections.history(self._records, person)

    def person_of(self, camera: str, id: int, run: int | None = None) -> int:
        """The person of a track; `run` is that of the camera when not given.

        Raises ValueError when there is no such track.
        """
        with self._lock:
            return int(self._records.row(self._key(camera, id, run))["person"])

    def track(self, camera: str, id: int, run: int | None = None) -> TrackRecord:
        """What is known of a track; raises ValueError when there is no such track."""
        with self._lock:
            return self._records.track(self._key(camera, id, run))

    def explain_person(self, camera: str, id: int, run: int | None = None) -> PersonExplanation:
        """Why a track is the person that it is; `print` it to read it in words.

        Raises ValueError when there is no such track.
        """
        with self._lock:
            return explain(self._decisions, self._key(camera, id, run))

    @property
    def persons(self) -> dict[int, list[TrackRecord]]:
        """Tracks of each person, in the order of their times."""
        with self._lock:
            persons = sorted(self._records.persons)
            return {person: corrections.history(self._records, person) for person in persons}

    def state_dict(self) -> dict[str, Any]:
        """Everything that is known, as plain data: a registry that loads it continues as this one.

        The topology and the settings of the matching are not part of it.
        """
        with self._lock:
            return {
                "version": VERSION,
                "matching": self.matching.state_dict(),
                "records": records_state(self._records),
            }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`.

        Raises ValueError when it is none, or one of another version; nothing has changed then.
        """
        with self._operation():
            if not isinstance(state, dict) or state.get("version") != VERSION:
                raise ValueError(f"expected the state of a registry of version {VERSION}")
            self._records.save_attributes(self.matching, self._records)
            try:
                records = records_from_state(state["records"])
                self.matching.load_state_dict(state["matching"])
            except (AttributeError, IndexError, KeyError, TypeError) as error:
                raise ValueError("expected the state of a registry, got a changed one") from error
            records.journal = self._records.journal
            vars(self._records).update(vars(records))

    @contextmanager
    def _operation(self) -> Iterator[None]:
        """One change of the registry, which is undone after an exception."""
        with self._lock:
            if not self._is_complete:
                self._records.journal.undo()  # of an operation whose undoing was interrupted
            self._last_update = None
            self._records.journal.clear()
            self._records.gallery.compact()
            self._is_complete = False
            try:
                yield
            except BaseException:
                self._undo()
                raise
            self._is_complete = True

    def _undo(self) -> None:
        self._is_complete = False
        self._records.journal.undo()
        self._last_update, self._is_complete = None, True

    def _keys(self, tracks: Iterable[TrackName]) -> list[int]:
        return [self._key(*track) for track in tracks]

    def _camera(self, camera: str) -> CameraRow:
        """The row of a camera, whose attributes are journaled."""
        row = self._records.add_camera(self.topology.check_camera(camera))
        self._records.save_attributes(row)
        return row

    def _live(self, camera: CameraRow) -> Any:
        rows = self._records.rows
        return np.flatnonzero(rows["live"] & (rows["camera"] == camera.number))

    def _key(self, camera: str, id: int, run: int | None = None) -> int:
        row = self._records.cameras.get(camera)
        key = None if row is None else row.key_of_id.get((row.run if run is None else run, id))
        if key is None:
            raise ValueError(f"no track {id!r:.40} of camera {camera!r:.80}")
        return key
