"""The persons of a run, written to people.csv at the end and at intervals."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from deepsort_reid.io.people_file import PEOPLE, TrackPerson, write_people
from deepsort_reid.results.doubts import SURE
from deepsort_reid.structures.tracks import Tracks
from deepsort_reid.tracking import DeepSort, FixedLag

_MAX_SHARE = 0.02  # of the time of a run
_MAX_REASONS = 200  # that are given in words


class PersonNames:
    """Names of the persons of a tracker, for drawings; asked for again after a second.

    A person may get a name while the video is tracked, and the registry may be remote.
    """

    def __init__(self, tracker: DeepSort) -> None:
        self._persons = tracker.persons
        self._names: dict[int, str | None] = {}
        self._read_again = 0.0

    def __call__(self, person: int) -> str | None:
        """The name of a person; None when it has none, or there is no such person."""
        if time.monotonic() >= self._read_again:
            self._names.clear()
            self._read_again = time.monotonic() + 1
        if person not in self._names:
            try:
                self._names[person] = self._persons.name_of(person)
            except ValueError:
                self._names[person] = None
        return self._names[person]


class People:
    """First and last time of the tracks of a run, from which people.csv is written.

    Args:
        folder: of the file.
        tracker: of the run, which knows the persons.
    """

    def __init__(self, folder: Path, tracker: DeepSort | FixedLag) -> None:
        self._path = folder / PEOPLE
        self._tracker = tracker
        inner = tracker.tracker if isinstance(tracker, FixedLag) else tracker
        self._persons = inner.persons
        self._tracks: dict[int, tuple[float, float, int]] = {}  # first and last time, boxes
        self._is_written = True
        self._next_write = 0.0

    def add(self, tracks: Tracks, time: float) -> None:
        """Add the tracks of a frame at `time`, in seconds since the first frame."""
        for id in tracks.id.tolist():
            first, _, frames = self._tracks.get(id, (time, time, 0))
            self._tracks[id] = first, time, frames + 1
        self._is_written = False

    def reconsider(self) -> None:
        """Decide the persons of all tracks together: at the end of a run, for the final answer."""
        if self._persons.is_active:
            self._persons.registry.reconsider()

    def persons_changed(self) -> None:
        """Let `write` write again, because persons of tracks have changed since then."""
        self._is_written = not self._tracks

    def write(self, *, sync: bool = True) -> None:
        """Write people.csv, atomically, unless it is complete. Raises OSError that names it."""
        if self._is_written:
            return
        start = time.monotonic()
        write_people(self._path, self.rows(), sync=sync)
        # One that is not forced to the disk is written again at the end.
        now, self._is_written = time.monotonic(), sync
        self._next_write = now + (now - start) / _MAX_SHARE

    def write_if_due(self) -> None:
        """Write people.csv unless that takes a large share of the time."""
        if time.monotonic() >= self._next_write:
            self.write(sync=False)

    def state_dict(self) -> dict[str, Any]:
        """The times so far, as plain data."""
        rows = [(id, *times) for id, times in self._tracks.items()]
        return {"tracks": np.array(rows, dtype=np.float64).reshape(-1, 4)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        rows = state["tracks"].tolist()
        self._tracks = {int(id): (first, last, int(frames)) for id, first, last, frames in rows}

    def registry_id(self, id: int) -> int:
        """The id of a track in the registry."""
        return self._tracker.tracker_id_of(id) if isinstance(self._tracker, FixedLag) else id

    def registry_link(self) -> dict[str, Any]:
        """Where the tracks are in a registry file, for the summary; empty without a file.

        `ids` are those of tracks that have another id in the registry, as with --lag.
        """
        path = self._persons.registry.path
        if path is None:
            return {}
        other = {
            str(id): registry_id
            for id in self._tracks
            if (registry_id := self.registry_id(id)) != id
        }
        link = {"camera": self._persons.camera, "run": self._persons.run, "ids": other}
        return {"registry": {"path": str(path.absolute()), **link}}

    def reasons(self, rows: Iterable[TrackPerson]) -> dict[int, str]:
        """Why the tracks of rows that are not sure are the persons that they are, in words."""
        reasons: dict[int, str] = {}
        for row in rows:
            if row.probability < SURE and len(reasons) < _MAX_REASONS:
                with suppress(ValueError):  # removed from the registry
                    explanation = self._persons.explain_person(self.registry_id(row.id))
                    reasons[row.id] = explanation.reason
        return reasons

    def rows(self, shift: float = 0.0) -> Iterator[TrackPerson]:
        """The persons of the tracks so far, in the order of ids, with times later by `shift`."""
        for id, (first, last, frames) in sorted(self._tracks.items()):
            try:
                person, probability = self._tracker.person_of(id)
            except ValueError:  # the person was removed from the registry
                continue
            times = first + shift, last + shift
            runner_up = self._persons.runner_up_of(self.registry_id(id))
            name = self._persons.name_of(person) or ""
            row = TrackPerson(id, person, self._persons.camera, *times, frames, probability)
            yield row._replace(runner_up=runner_up, name=name)
