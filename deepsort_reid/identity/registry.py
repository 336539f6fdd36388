"""Person registry: who each track is, over time and over cameras."""

import math
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.identity.continuation import Continuation, find_continued
from deepsort_reid.identity.decisions import Decisions
from deepsort_reid.identity.ended_track import add_ended_track, checked_prototypes, summarize
from deepsort_reid.identity.explanation import PersonExplanation, explain
from deepsort_reid.identity.frame_update import (
    RegistryUpdate,
    as_ids,
    begin_run,
    checked_time,
    checked_tracks,
    update_camera,
)
from deepsort_reid.identity.matching import PersonMatching
from deepsort_reid.identity.operations import Operations
from deepsort_reid.identity.person_edits import PersonEdits
from deepsort_reid.identity.prototypes import Prototypes
from deepsort_reid.identity.records import Records
from deepsort_reid.identity.registry_state import VERSION, records_from_state, records_state
from deepsort_reid.identity.topology import Topology
from deepsort_reid.identity.track_records import CameraRow, TrackRecord
from deepsort_reid.structures.numbers import as_float

if TYPE_CHECKING:
    from deepsort_reid.identity.store import Store

# 72 hours: the European Data Protection Board expects reasons for a longer time (Guidelines 3/2019
# on processing of personal data through video devices, paragraph 121).
DEFAULT_KEEP_FOR = 72 * 3600.0


class PersonRegistry(PersonEdits):
    """Persons of all tracks of one or several cameras.

    Args:
        path: SQLite file in which everything is kept, tracks in view included; it is made when it
            does not exist. Without one, nothing is written to disk.
        topology: which cameras may see one person at once, and times between them.
        keep_for: seconds after which tracks that were not matched again are removed, with all that
            is known of them; None for never. Counts real time, whatever the times of frames are.
        max_tracks: number of tracks above which the oldest ended ones are removed, with all that
            is known of them; None for no limit.
        matching: rule that compares a track with the stored persons: `PersonMatching()` when not
            given.
        embedder: identity of the embedder; see `set_embedder`.
        read_only: read a registry that another process may be writing; changes are refused.

    Persons are numbered from 1, and no number is given twice. Every method may be called from
    several threads. After any exception, KeyboardInterrupt included, the registry is as it was.
    Changes of frames are written to the file about once in a second, those by hand at once.
    A context manager, which closes the file.

    Raises ValueError when the file is none of a registry, damaged, written by another process, or
    of another embedder; OSError when it cannot be opened. The messages name it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        topology: Topology | None = None,
        keep_for: float | None = DEFAULT_KEEP_FOR,
        max_tracks: int | None = None,
        matching: PersonMatching | None = None,
        embedder: str | None = None,
        read_only: bool = False,
    ) -> None:
        if keep_for is not None and not as_float(keep_for) > 0:
            raise ValueError(f"keep_for must be seconds > 0, or None, got {keep_for!r:.80}")
        is_number = isinstance(max_tracks, int | np.integer) and not isinstance(max_tracks, bool)
        if max_tracks is not None and not (is_number and max_tracks >= 1):
            raise ValueError(f"max_tracks must be a number from 1, or None, got {max_tracks!r:.80}")
        self.topology = topology or Topology()
        self.matching = matching or PersonMatching()
        self._last_update: tuple[str, int, int] | None = None  # camera, its number, the operation's
        store = None if path is None else _open_store(path, read_only)
        try:
            self._records, settings = (Records(), {}) if store is None else store.load()
            if "matching" in settings:
                self.matching.load_state_dict(settings["matching"])
            limit = math.inf if keep_for is None else float(keep_for)
            parts = self._records, self.matching, store, limit, settings.get("embedder")
            self._operations = Operations(*parts, max_tracks)
            self._decisions = Decisions(self._records, self.topology, self.matching)
            if store is not None and not read_only:
                self._operations.remove_outdated()
                self._operations.erase()
            if embedder is not None:
                self.set_embedder(embedder)
        except BaseException:
            if store is not None:
                store.close()
            raise

    def update(
        self,
        camera: str,
        time: float,
        id: ArrayLike,
        embedding: ArrayLike | None = None,
        storable: ArrayLike | None = None,
        ended: ArrayLike | Sequence[int] = (),
        first_time: ArrayLike | None = None,
    ) -> RegistryUpdate:
        """Update with the tracks of one frame of a camera.

        Args:
            camera: name of the camera.
            time: of the frame, in seconds or frames, on a clock that all cameras share. Seconds
                since 1970 are taken as they are. Times of a clock that starts over with the run
                (see `start_camera`) are shifted to follow the latest one. A clock that is set back
                by up to 60 during a run is held until it has caught up.
            id: tracks matched in this frame (T,), from 1.
            embedding: unit rows (T, D); a row of zeros is none. None when no track has one.
            storable: rows (T,) that show one complete person, and may become prototypes; all when
                not given. Others are used only until a track has a storable one.
            ended: tracks that have ended; unknown ones are ignored. An id that is matched again
                afterwards continues its track.
            first_time: times (T,) of the first detection of tracks that were detected in earlier
                frames, too, before they had an id: up to now, they were detected in every frame.

        Raises:
            ValueError: an argument is not as above; nothing has changed then.
        """
        tracks = checked_tracks(id, embedding, storable, first_time)
        ended_ids = as_ids(ended)
        with self._operations.change():
            row = self._camera(camera)
            if row.interrupted:
                begin_run(self._decisions, row)
            moment = checked_time(camera, row, time, self._records)
            result = update_camera(self._decisions, row, moment, tracks, ended_ids)
            row.num_updates += 1
            self._last_update = camera, row.num_updates, self._operations.number
            return result

    def add_track(
        self,
        camera: str,
        first_time: float | None,
        last_time: float | None,
        embedding: ArrayLike,
        storable: ArrayLike | None = None,
        *,
        id: int | None = None,
        counts: ArrayLike | None = None,
        seen_together: Iterable[int] | None = None,
    ) -> int:
        """Add an ended track at once, such as one of an archive; returns its person.

        Args:
            camera: name of the camera.
            first_time, last_time: of its detections; None where unknown: forbids nothing.
                Tracks of one camera at the same time are two people.
            embedding: unit rows (N, D) in the order of time; a row of zeros is none.
            storable: rows (N,), as in `update`.
            id: of the track; the next one when not given.
            counts: number of embeddings (N,) in each row, where `embedding` are prototypes of
                another registry (up to six).
            seen_together: ids of earlier tracks of this run of the camera that were seen in one
                frame with this one. The times of two tracks of one camera that have them are not
                compared.

        Raises ValueError when an argument is not as above; nothing has changed then.
        """
        with self._operations.change():
            if counts is None:
                join_distance = self.matching.join_distance
                prototypes = summarize(embedding, storable, join_distance=join_distance)
            else:
                prototypes = checked_prototypes(embedding, counts)
            times, row = (first_time, last_time), self._camera(camera)
            return add_ended_track(
                self._decisions, camera, row, times, prototypes, seen_together, id
            )

    def find_continued(
        self,
        camera: str,
        embedding: NDArray[np.float32],
        num_embeddings: int,
        inter_identity_distance: float,
        first_time: float,
        present: Collection[int] = (),
    ) -> Continuation:
        """The track of the run of a camera that a new one continues: a person who returned.

        Args:
            camera: name of the camera, which has had updates.
            embedding: unit mean (D,) of the embeddings of the new track.
            num_embeddings: their number.
            inter_identity_distance: mean distance between embeddings of people in one frame.
            first_time: of its first detection: tracks matched since then are other people.
            present: ids of further tracks that are other people.

        An `update` with the id found continues that track. Changes nothing.
        """
        with self._operations.lock:
            row = self._records.cameras[camera]
            prototypes = Prototypes(embedding[None], np.array([float(num_embeddings)]))
            first = first_time + row.time_offset
            found = self._decisions, row, prototypes, inter_identity_distance, first, present
            return find_continued(*found)

    @property
    def path(self) -> Path | None:
        """The file in which everything is kept, None for a registry in memory."""
        return self._operations.path

    def flush(self) -> None:
        """Write everything to the file now, if there is one."""
        with self._operations.change(durable=True):
            pass

    def run(self, camera: str) -> int:
        """Number of the run of a camera, 0 before the first one."""
        row = self._records.cameras.get(camera)
        return 0 if row is None else row.run

    def num_updates(self, camera: str) -> int:
        """Number of updates of a camera so far."""
        row = self._records.cameras.get(camera)
        return 0 if row is None else row.num_updates

    def last_time(self, camera: str) -> float:
        """Time of the last update of a camera, on its own clock; -inf before the first one."""
        row = self._records.cameras.get(camera)
        return -math.inf if row is None else row.last_time - row.time_offset

    def undo_update(self, camera: str, num_updates: int) -> None:
        """Undo the last update of a camera if it was made after `num_updates` others.

        Does nothing when there is no such update, or anything else has changed meanwhile. A tracker
        whose own update fails after that of the registry calls it.
        """
        with self._operations.lock:
            if self._last_update == (camera, num_updates + 1, self._operations.number):
                self._operations.undo()

    def start_camera(self, camera: str, run: int | None = None) -> int:
        """Begin a run of a camera: ids start over, and so may its clock.

        Args:
            camera: name of the camera.
            run: an earlier run to continue, with its ids; a new one when not given.

        Returns the number of the run. Tracks of the run before have ended. Raises ValueError when
        there was no such run.
        """
        with self._operations.change():
            row = self._camera(camera)
            if run is None and not row.started:
                return row.run
            if run is not None and run not in {row.run, *(each for each, _ in row.key_of_id)}:
                raise ValueError(f"camera {camera!r} has no run {run!r:.40}")
            begin_run(self._decisions, row, run)
            return row.run

    def person_of(self, camera: str, id: int, run: int | None = None) -> int:
        """The person of a track; `run` is that of the camera when not given.

        Raises ValueError when there is no such track.
        """
        with self._operations.lock:
            return int(self._records.row(self._key(camera, id, run))["person"])

    def track(self, camera: str, id: int, run: int | None = None) -> TrackRecord:
        """What is known of a track; raises ValueError when there is no such track."""
        with self._operations.lock:
            return self._records.track(self._key(camera, id, run))

    def explain_person(self, camera: str, id: int, run: int | None = None) -> PersonExplanation:
        """Why a track is the person that it is; `print` it to read it in words.

        Raises ValueError when there is no such track.
        """
        with self._operations.lock:
            return explain(self._decisions, self._key(camera, id, run))

    def set_embedder(self, name: str) -> None:
        """Note which embedder the embeddings are of: distances between two embedders mean nothing.

        name: `Embedder.identity`, or any text that differs between embedders. A `DeepSort` with an
        embedder notes it by itself.

        Raises ValueError when the registry holds those of another one.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"an embedder must be named by text, got {name!r:.80}")
        with self._operations.lock:
            known = self._operations.embedder
            if known not in (None, name):
                raise ValueError(
                    f"{self._operations.name}: expected embeddings of {known!r:.200}, got those of "
                    f"{name!r:.200}; use another file for another embedder"
                )
            self._operations.embedder = name

    def close(self) -> None:
        """Write everything to the file and close it; a second call does nothing."""
        self._operations.close()

    def __enter__(self) -> "PersonRegistry":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def state_dict(self) -> dict[str, Any]:
        """Everything that is known, as plain data: a registry that loads it continues as this one.

        The topology and the settings of the matching are not part of it.
        """
        with self._operations.lock:
            return {
                "version": VERSION,
                "embedder": self._operations.embedder or "",
                "matching": self.matching.state_dict(),
                "records": records_state(self._records),
            }

    def __reduce__(self) -> tuple[Any, ...]:
        """For copies and pickle; raises ValueError when the registry has a file."""
        if self._operations.has_store:
            raise ValueError(
                f"{self._operations.name}: a registry with a file cannot be copied: it is the only "
                "writer of the file"
            )
        limits = self._operations.keep_for, self._operations.max_tracks
        return _restored, (self.topology, self.matching, *limits, self.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`.

        Raises ValueError when it is none, or one of another version, and when this registry has a
        file, which would be lost; nothing has changed then.
        """
        if self._operations.has_store:
            raise ValueError(
                f"{self._operations.name}: a registry with a file continues from its file; load a "
                "state into one without"
            )
        with self._operations.change():
            if not isinstance(state, dict) or state.get("version") != VERSION:
                raise ValueError(f"expected the state of a registry of version {VERSION}")
            known = self._operations.embedder
            self._records.save_attributes(
                self.matching, self.matching.probability, self.matching.travel_times
            )
            self._records.save_attributes(self._records, self._operations)
            try:
                records = records_from_state(state["records"])
                self.matching.load_state_dict(state["matching"])
                self._operations.embedder = str(state["embedder"]) or None
            except (AttributeError, IndexError, KeyError, TypeError) as error:
                raise ValueError("expected the state of a registry, got a changed one") from error
            if known not in (None, self._operations.embedder):
                raise ValueError(
                    f"expected the state of a registry with embeddings of {known!r:.200}, got "
                    f"those of {self._operations.embedder!r:.200}"
                )
            records.journal = self._records.journal
            vars(self._records).update(vars(records))

    def _camera(self, camera: str) -> CameraRow:
        """The row of a camera, whose attributes are journaled."""
        row = self._records.add_camera(self.topology.check_camera(camera))
        self._records.save_attributes(row)
        return row


def _open_store(path: str | os.PathLike[str], read_only: bool) -> "Store":
    # Imported here: sqlite3 takes a tenth of the time of `import deepsort_reid`.
    from deepsort_reid.identity.store import Store

    return Store(path, read_only=read_only)


def _restored(
    topology: Topology,
    matching: PersonMatching,
    keep_for: float,
    max_tracks: int | None,
    state: dict[str, Any],
) -> PersonRegistry:
    limit = None if math.isinf(keep_for) else keep_for
    registry = PersonRegistry(
        topology=topology, keep_for=limit, max_tracks=max_tracks, matching=matching
    )
    registry.load_state_dict(state)
    return registry
