"""Id assignment: a confirmed track gets the id of an ended track of its person, or a new one."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.tracking.extras.person_assignment import PersonAssigner
from deepsort_reid.tracking.gallery import GalleryStore
from deepsort_reid.tracking.track_table import TrackTable

Flags = NDArray[np.bool_]

_MAX_LEFT = 10_000


class IdAssignment(NamedTuple):
    """An id that was assigned to a track, a new one or that of an ended track."""

    id: int
    detection: int  # row of the caller's detection that the track was matched to in this frame
    reidentified: bool  # True for the id of an ended track
    reason: str

    def __str__(self) -> str:
        kind = "re-identified" if self.reidentified else "new"
        return f"was assigned id {self.id}, {kind}: {self.reason}"


class IdAssigner:
    """Assigns ids at confirmation.

    Args:
        reuse_ids: whether a track may take over the id of an ended one.

    Attributes:
        last_id: the highest id so far.
        assignments: of this update.
        left: ids (L,) of the last tracks that left the view. An id numbers one continuous track, so
            that nobody who was out of view takes it over; `person_id` tells who returned.
    """

    NOT_STATE = frozenset({"_reuse_ids"})

    def __init__(self, reuse_ids: bool) -> None:
        self._reuse_ids = reuse_ids
        self.last_id = 0
        self.assignments: list[IdAssignment] = []
        self.left = np.empty(0, dtype=np.int64)

    def begin_update(self) -> None:
        """Begin an update."""
        self.assignments = []

    def add_left(self, ids: NDArray[np.int64]) -> None:
        """The tracks with these ids (K,) left the view."""
        if len(ids):
            self.left = np.append(self.left, ids[ids > 0])[-_MAX_LEFT:]

    def assign_ids(
        self,
        table: TrackTable,
        galleries: GalleryStore,
        persons: PersonAssigner,
        outside: Collection[int] = (),
    ) -> Flags:
        """Assign an id to each confirmed track without one.

        outside: ids of coasting tracks that are predicted to be out of view.

        Returns a mask (N,) of coasting tracks whose id was taken over: they are to be deleted.
        """
        replaced = np.zeros(len(table), dtype=bool)
        for row in np.flatnonzero(table.is_confirmed & (table.id == 0)).tolist():
            found, reason = None, "ids of ended tracks are not reused"
            if self._reuse_ids:
                found, reason = self._find_continued(table, galleries, persons, row)
            if found is not None and (found in self.left or found in outside):
                found, reason = None, f"the person of track {found}, which left the view: {reason}"
            if found is None:
                self.last_id += 1
            else:
                replaced |= table.id == found
            table.id[row] = found or self.last_id
            self.assignments.append(
                IdAssignment(
                    int(table.id[row]), int(table.detection[row]), found is not None, reason
                )
            )
        return replaced

    def _find_continued(
        self, table: TrackTable, galleries: GalleryStore, persons: PersonAssigner, row: int
    ) -> tuple[int | None, str]:
        """The id of the ended or coasting track that the track of a row continues, and the reason.

        None without a clear one. Tracks that were matched since this one started are other people.
        """
        slot = int(table.slot[row])
        embedding = galleries.mean_embedding(slot)
        if embedding is None or not galleries.calibration.is_discriminative:
            return None, "no usable embeddings"
        first_time = float(table.first_time[row]) if table.age[row] > 1 else None
        present = table.id[(table.id > 0) & (table.misses < table.age[row])].tolist()
        number = galleries.num_embeddings(slot)
        unit = galleries.calibration.inter_identity_distance
        return persons.find_continued(embedding, number, unit, first_time, present)
