"""Id assignment: a confirmed track gets the id of a lost identity, or a new one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking.extras.identity_memory import IdentityMemory
from deepsort_reid.tracking.gallery import GalleryStore
from deepsort_reid.tracking.track_table import TrackTable

Flags = NDArray[np.bool_]


class IdAssignment(NamedTuple):
    """An id that was assigned to a track, a new one or that of a lost identity."""

    id: int
    detection: int  # row of the caller's detection that the track was matched to in this frame
    reidentified: bool  # True for the id of a lost identity
    reason: str

    def __str__(self) -> str:
        kind = "re-identified" if self.reidentified else "new"
        return f"was assigned id {self.id}, {kind}: {self.reason}"


class IdAssigner:
    """Assigns ids at confirmation, and stores the identities of deleted tracks.

    Args:
        identity_memory: lost identities.
    """

    def __init__(self, identity_memory: IdentityMemory) -> None:
        self._memory = identity_memory
        self._now = 0  # frames since the start
        # Frame of the last match of deleted tracks, by id, as long as a live track is older.
        self._last_match: dict[int, int] = {}
        self.assignments: list[IdAssignment] = []  # of this update

    def advance(self, frames: int) -> None:
        """Begin an update, this many frames after the last one."""
        self._now += frames
        self.assignments = []

    def store_lost(self, table: TrackTable, galleries: GalleryStore, deleted: Flags) -> None:
        """Store the identities of tracks that will be deleted: a mask (N,)."""
        last_match = self._last_match.copy()
        for row in np.flatnonzero(deleted & (table.id > 0)).tolist():
            embedding, id = galleries.mean_embedding(int(table.slot[row])), int(table.id[row])
            if embedding is not None:
                self._memory.add(id, embedding)
                last_match[id] = self._now - int(table.misses[row])
        oldest = self._now - int(table.age.max(initial=0))
        self._last_match = {id: when for id, when in last_match.items() if when >= oldest}

    def assign_ids(self, table: TrackTable, galleries: GalleryStore) -> Flags:
        """Assign an id to each confirmed track without one.

        Returns a mask (N,) of coasting tracks whose id was taken over: they are to be deleted.
        """
        replaced = np.zeros(len(table), dtype=bool)
        for row in np.flatnonzero((table.state == State.CONFIRMED) & (table.id == 0)).tolist():
            matched_id, reason = self._reidentify(table, galleries, row, replaced)
            if matched_id is None:
                table.id[row] = self._memory.new_id()
            self._add_assignment(table, row, matched_id is not None, reason)
        return replaced

    def _add_assignment(self, table: TrackTable, row: int, reidentified: bool, reason: str) -> None:
        id, detection = int(table.id[row]), int(table.detection[row])
        self.assignments.append(IdAssignment(id, detection, reidentified, reason))

    def _reidentify(
        self, table: TrackTable, galleries: GalleryStore, row: int, replaced: Flags
    ) -> tuple[int | None, str]:
        """Give the track of a row the id of a lost identity if the match is clear.

        Candidates are stored identities and coasting tracks without a match since this track
        started: two tracks matched in the same frame are two identities. Returns the id, None
        without a clear match, and the reason; `replaced` (N,) is updated.
        """
        slot, calibration = int(table.slot[row]), galleries.calibration
        embedding = galleries.mean_embedding(slot)
        if not self._memory.capacity:
            return None, "the identity memory is disabled"
        if embedding is None or not calibration.is_discriminative:
            return None, "no usable embeddings"
        start = self._now - int(table.age[row])
        absent = (table.id > 0) & (table.misses >= table.age[row]) & ~replaced
        lost = np.flatnonzero(absent & galleries.has_embedding(table.slot))
        means = [galleries.mean_embedding(lost_slot) for lost_slot in table.slot[lost].tolist()]
        match = self._memory.match(
            embedding,
            calibration.inter_identity_distance,
            num_embeddings=galleries.num_embeddings(slot),
            lost_tracks=[
                (id, mean)
                for id, mean in zip(table.id[lost].tolist(), means, strict=True)
                if mean is not None
            ],
            excluded_ids=[id for id, when in self._last_match.items() if when > start],
        )
        matched_id = match.matched_id
        if matched_id is None:
            return None, str(match)
        self._memory.remove(matched_id)
        replaced |= table.id == matched_id
        table.id[row] = matched_id
        return matched_id, str(match)
