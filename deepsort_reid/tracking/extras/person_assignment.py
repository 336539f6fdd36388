"""Person assignment: the registry gets what was matched, and returns the person of each track."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.explanation import PersonExplanation
from deepsort_reid.identity.frame_update import MAX_CLOCK_STEP
from deepsort_reid.identity.registry import PersonRegistry
from deepsort_reid.tracking.extras.track_events import TrackEvents
from deepsort_reid.tracking.frame_input import FrameInput
from deepsort_reid.tracking.track_table import TrackTable

Ints = NDArray[np.int64]
Rows = NDArray[np.intp]


# Of a tracker's own registry, ended ones included: some 5 MB.
_MAX_TRACKS = 1000
# Tracks of one frame that the registry gets, those with the lowest ids: which tracks were seen
# together takes memory and time that grow with the square. Others have person 0, unknown.
_MAX_PRESENT = 256


class PersonAssigner:
    """Assigns persons to confirmed tracks.

    Args:
        registry: passed to the tracker; None for one of its own, in memory.
        camera: name of the camera.
        embedder: what computes the embeddings, None where they are given; its `identity`, or its
            `name`, is noted in the registry, which refuses those of another one.

    Attributes:
        registry: of the persons.
        camera: name of the camera.
        is_active: whether the registry is used: from the first embedding on, or from the beginning
            if it was passed to the tracker. Until then, the person of a track is its id.
        time: of the last update, on the clock of the registry.
        changes: persons, by id, of tracks that were not matched in the last update, and are of
            another person since then.
        track_events: events of the last update.
    """

    NOT_STATE = frozenset({"registry", "camera", "_embedder", "_updates_before"})

    def __init__(
        self, registry: PersonRegistry | None, camera: str, embedder: object = None
    ) -> None:
        name = getattr(embedder, "identity", None) or getattr(embedder, "name", None)
        self._embedder = name if isinstance(name, str) else None
        self.registry = self._own_registry() if registry is None else registry
        if self._embedder:
            self.registry.set_embedder(self._embedder)
        self.camera = camera
        self.is_active = registry is not None
        self.time = 0.0
        self.changes: dict[int, int] = {}
        self.track_events = TrackEvents()
        self._num_updates = 0
        self._run = 0  # of the camera in the registry, before the first update of it
        self._id = np.empty(0, dtype=np.int64)  # of the live tracks after the last update
        self._last_id = 0  # the highest id so far
        self._updates_before = 0

    def copy_written(self) -> None:
        """Begin an update, which `undo_writes` can undo in the registry."""
        self._updates_before = self.registry.num_updates(self.camera)

    def undo_writes(self) -> None:
        """Undo the update of the registry, if there was one."""
        self.registry.undo_update(self.camera, self._updates_before)

    def update(
        self, table: TrackTable, frame_input: FrameInput, time: float | None, dt: float
    ) -> None:
        """Update registry, persons in the table and events with the matched tracks of a frame.

        Args:
            table: of the tracks.
            frame_input: the detections.
            time: of the frame; `dt` after the last one when None.
            dt: time since the last update, in frames.

        Raises ValueError when the registry refuses the time or the embeddings.
        """
        self.time = self.time + dt if time is None else time
        started = table.age == 1
        if np.count_nonzero(started):
            table.first_time[started] = self.time
        self.changes = {}
        if not self.is_active and frame_input.has_embedding.any():
            self._activate()
        live = table.id.compress(table.id > 0)
        is_same = np.array_equal(live, self._id)
        ended = live[:0] if is_same else np.setdiff1d(self._id, live)
        if self.is_active:
            self._update_registry(table, frame_input, ended, is_same)
        else:
            table.person_id = table.id.copy()
        self._id, self._last_id = live, max(self._last_id, int(live.max(initial=0)))
        self._num_updates += 1
        matched = table.is_confirmed
        self.track_events.update(
            *(self._num_updates, self.time, table.id[matched], table.person_id[matched]),
            ended=ended.tolist(),
            changes=self.changes,
            is_known=self.is_known,
        )

    def find_continued(
        self,
        embedding: NDArray[np.float32],
        num_embeddings: int,
        inter_identity_distance: float,
        first_time: float | None,
        present: list[int],
    ) -> tuple[int | None, str]:
        """The id of the track that a new one continues, and the reason; None without a clear one.

        Args:
            embedding: unit mean (D,) of the embeddings of the new track.
            num_embeddings: their number.
            inter_identity_distance: mean distance between embeddings of people in one frame.
            first_time: of its first detection; None for a track that started in this frame.
            present: ids of tracks that were matched since it started: they are other people.
        """
        if not (self.is_active and self._run):
            return None, "no ended track to compare with"
        since = np.nextafter(self.time, np.inf) if first_time is None else first_time
        return self.registry.find_continued(
            self.camera, embedding, num_embeddings, inter_identity_distance, since, present
        )

    def may_return(self, id: int) -> bool:
        """Whether the registry has the track, so that a later one may take over its id."""
        return self.is_active and self._current(id) > 0

    def is_known(self, id: int, person: int) -> bool:
        """Whether the person of a track (id, person) has another track in the registry."""
        try:
            return self.is_active and len(self.registry.history(person)) > 1
        except ValueError:  # removed from the registry since then
            return False

    def current(self, ids: list[int]) -> Ints:
        """Persons (T,) of tracks by now; 0 where the registry no longer has the track."""
        return np.array([self._current(id) for id in ids], dtype=np.int64)

    def person_of(self, id: int) -> tuple[int, float]:
        """Person of a track by now, and the probability that it is right; NaN without embeddings.

        Raises ValueError when the registry has no such track, because it was removed.
        """
        if not self.is_active:
            return id, math.nan
        track = self.registry.track(self.camera, id, self._run)
        return track.person_id, track.probability

    @property
    def run(self) -> int:
        """The run of the camera in the registry; 0 before its first update."""
        return self._run

    def runner_up_of(self, id: int) -> int | None:
        """The person that a track is otherwise most likely to be; None where there is none.

        Raises ValueError as `person_of`.
        """
        if not self.is_active:
            return None
        return self.registry.track(self.camera, id, self._run).runner_up

    def name_of(self, person: int) -> str | None:
        """The name that a person was given; None without one."""
        return self.registry.name(person) if self.is_active else None

    def explain_person(self, id: int) -> PersonExplanation:
        """Why a track is the person that it is.

        Raises ValueError when the registry has no such track.
        """
        return self.registry.explain_person(self.camera, id, self._run)

    def state_dict(self) -> dict[str, Any]:
        """The state of a registry in memory; of one in a file, where it was."""
        if self.registry.path is None:
            return {"registry": self.registry.state_dict()}
        self.registry.flush()
        updates, time = (
            each(self.camera) for each in (self.registry.num_updates, self.registry.last_time)
        )
        state = {"path": str(self.registry.path), "run": self._run, "num_updates": updates}
        return {**state, "time": time}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`; raises ValueError when the registry is of another kind."""
        path = self.registry.path
        if path is None and "path" in state:
            raise ValueError(
                f"expected the registry with which the tracker was saved: pass "
                f"registry=PersonRegistry({state['path']!r:.200})"
            )
        if path is None:
            self.registry.load_state_dict(state["registry"])
        elif "path" in state:
            ahead = self.registry.last_time(self.camera) - float(state["time"])
            if ahead > MAX_CLOCK_STEP:
                raise ValueError(
                    f"{path}: expected the registry as it was when the tracker was saved, got one "
                    f"whose camera {self.camera!r:.80} is {ahead:.0f} s ahead; track the video "
                    "from its beginning"
                )
            self._run = int(state["run"])
            if self._run:
                self.registry.start_camera(self.camera, self._run)
        else:
            raise ValueError(
                f"{path}: the tracker was saved with a registry in memory; load it without this one"
            )

    def _current(self, id: int) -> int:
        try:
            return self.registry.person_of(self.camera, id, self._run)
        except ValueError:
            return 0

    def _own_registry(self) -> PersonRegistry:
        """A registry in memory; a tracker that runs for weeks must not grow with it."""
        return PersonRegistry(max_tracks=_MAX_TRACKS, embedder=self._embedder)

    def _activate(self) -> None:
        """Use the registry from now on; persons of earlier tracks are their ids in it, too."""
        self.is_active = True
        if self._last_id:
            self.registry = self._own_registry()
            self._run = self.registry.start_camera(self.camera)
            no_embedding = np.empty((0, 1), dtype=np.float32)
            for id in range(1, self._last_id + 1):
                self.registry.add_track(self.camera, None, None, no_embedding, id=id)

    def _update_registry(
        self, table: TrackTable, frame_input: FrameInput, ended: Ints, is_same: bool
    ) -> None:
        if not self._run:
            # Not before: a tracker that is loaded continues an earlier run.
            self._run = self.registry.start_camera(self.camera)
        if self.registry.run(self.camera) != self._run:
            raise ValueError(
                f"camera {self.camera!r} of the registry is used by another tracker since then: "
                "give each tracker a camera of its own"
            )
        rows = table.is_confirmed.nonzero()[0]
        rows = rows.take(table.id.take(rows).argsort())[:_MAX_PRESENT]
        ids, first_time = table.id.take(rows), None
        if not is_same:
            # Tracks that were matched since the first frame of a new one are other people.
            begun = ~np.isin(ids, self._id)
            first_time = np.where(begun, table.first_time[rows], self.time)
        embedding, storable = _embeddings(frame_input, table.detection[rows])
        result = self.registry.update(
            self.camera, self.time, ids, embedding, storable, ended, first_time
        )
        persons = table.person_id.copy()
        persons[rows] = result.person_id
        for change in result.changes:
            # An earlier run of the camera may have had a track of that id, which is not this one.
            person = self._current(change.id) if change.camera == self.camera else 0
            if person == change.person_id and change.id not in ids:
                self.changes = {**self.changes, change.id: person}
                persons[table.id == change.id] = person
        table.person_id = persons


def _embeddings(
    frame_input: FrameInput, detection: Ints
) -> tuple[NDArray[np.float32] | None, NDArray[np.bool_]]:
    """Embeddings (T, D), zeros for none, and whether they are storable (T,), as galleries use them.

    detection: rows (T,) of the caller's detections.
    """
    used = frame_input.rows.searchsorted(detection)
    storable = frame_input.storable.take(used)
    if frame_input.detections.embedding is None:
        return None, storable
    embedding = frame_input.detections.embedding.take(used, axis=0)
    reliable = frame_input.reliable_embedding.take(used)
    if np.count_nonzero(reliable) < len(reliable):
        embedding[~reliable] = 0
    return embedding, storable
