"""Which id a track gets: that of somebody who was here before, or a new one."""

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking.extras.explain import IdAssignment
from deepsort_reid.tracking.extras.identity_memory import Identities
from deepsort_reid.tracking.gallery import Pool
from deepsort_reid.tracking.track_table import TrackTable

Flags = NDArray[np.bool_]


class Naming:
    """Gives ids on confirmation and remembers people who leave.

    Args:
        identities: who was here before.
        id_correction_window: number of first matches of a track in which its id may still be
            corrected: a person entering at the image border is often truncated at confirmation.
    """

    def __init__(self, identities: Identities, id_correction_window: int) -> None:
        self.identities = identities
        self._id_correction_window = id_correction_window
        self._now = 0  # frames since the start
        self._last_seen: dict[int, int] = {}  # who left lately, and when that was
        self.given: list[IdAssignment] = []  # since time passed last

    def let_time_pass(self, frames: int) -> None:
        """So many frames went by."""
        self._now += frames
        self.given = []

    def give_new(self, table: TrackTable, pool: Pool) -> Flags:
        """Confirmed tracks without an id get one; (N,) tracks that end, being the same person."""
        nameless = (table.state == State.CONFIRMED) & (table.id == 0)
        replaced = np.zeros(len(table), dtype=bool)
        for row in np.flatnonzero(nameless).tolist():
            known, why = self._recognised(table, pool, row, replaced)
            if known is None:
                table.id[row] = self.identities.new_id()
                table.renamable[row] = True
            self._note(table, row, known, why)
        return replaced

    def revise(self, table: TrackTable, pool: Pool) -> Flags:
        """Young ids are asked about again; (N,) tracks that end, being the same person."""
        table.renamable &= table.hits <= self._id_correction_window
        replaced = np.zeros(len(table), dtype=bool)
        asked = table.renamable & (table.state == State.CONFIRMED) & (table.id > 0)
        for row in np.flatnonzero(asked).tolist():
            known, why = self._recognised(table, pool, row, replaced)
            if known is not None:
                self._note(table, row, known, why)
        return replaced

    def see_off(self, table: TrackTable, pool: Pool, ended: Flags) -> None:
        """Of the tracks (N,) that end, people are remembered by how they looked."""
        for row in np.flatnonzero(ended & (table.id > 0)).tolist():
            look, id = pool.look_of(int(table.slot[row])), int(table.id[row])
            if look is not None:
                self.identities.remember(id, look)
                self._last_seen[id] = self._now - int(table.misses[row])
        oldest = self._now - int(table.age.max(initial=0))
        self._last_seen = {id: when for id, when in self._last_seen.items() if when >= oldest}

    def _note(self, table: TrackTable, row: int, known: int | None, why: str) -> None:
        detection, id = int(table.detection[row]), int(table.id[row])
        self.given.append(IdAssignment(id, detection, known is not None, why))

    def _recognised(
        self, table: TrackTable, pool: Pool, row: int, replaced: Flags
    ) -> tuple[int | None, str]:
        """Give the track the id of somebody who is away, if it is clear who that is; and why.

        Away are those who left, and those whose track still waits. Nobody who was seen since this
        track began: two tracks seen at the same time are two people.
        """
        slot, calibration = int(table.slot[row]), pool.calibration
        look = pool.look_of(slot)
        if not self.identities.capacity:
            return None, "nobody is remembered"
        if look is None or not calibration.useful:
            return None, "there are no looks to go by"
        began = self._now - int(table.age[row])
        absent = (table.id > 0) & (table.misses >= table.age[row]) & ~replaced
        waiting = np.flatnonzero(absent & pool.known(table.slot))
        looks = [pool.look_of(waiter) for waiter in table.slot[waiting].tolist()]
        waited_for = [
            (id, known)
            for id, known in zip(table.id[waiting].tolist(), looks, strict=True)
            if known is not None
        ]
        found = self.identities.recognise(
            look,
            calibration.different,
            looks=pool.looks(slot),
            waited_for=waited_for,
            never=[id for id, when in self._last_seen.items() if when > began],
        )
        known = found.person
        if known is None:
            return None, str(found)
        self.identities.forget(known)  # here again: nobody else may become this person
        replaced |= table.id == known
        table.id[row] = known
        table.renamable[row] = False
        return known, str(found)
