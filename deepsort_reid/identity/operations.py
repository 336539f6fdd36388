"""Operations on a registry: one at a time, undone after an exception, written to the store."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np

from deepsort_reid.identity.matching import PersonMatching
from deepsort_reid.identity.records import Records

if TYPE_CHECKING:
    from deepsort_reid.identity.store import Store

_WRITE_INTERVAL = 1.0  # seconds
_REMOVE_INTERVAL = 60.0


class Operations:
    """Changes of records.

    Args:
        records, matching: what is changed.
        store: to which changes are written; None to keep them in memory.
        keep_for: seconds after which tracks are removed that were not matched again.
        embedder: name of the embedder.
        max_tracks: number of tracks above which the oldest ended ones are removed; None for no
            limit.

    Attributes:
        lock: held during an operation.
        number: of the last operation.
        embedder: name of the embedder, None before it is known.
        keep_for, max_tracks: as given.
    """

    def __init__(
        self,
        records: Records,
        matching: PersonMatching,
        store: "Store | None",
        keep_for: float,
        embedder: str | None,
        max_tracks: int | None,
    ) -> None:
        self.lock = RLock()
        self.number = 0
        self.embedder = embedder
        self._records = records
        self._matching = matching
        self._store = store
        self.keep_for = keep_for
        self.max_tracks = max_tracks
        self._is_open = True
        self._is_complete = True  # whether the last operation needs no undoing
        self._next_write = self._next_removal = time.monotonic()

    @property
    def has_store(self) -> bool:
        """Whether the records are written to a file."""
        return self._store is not None

    @property
    def path(self) -> Path | None:
        """The file of the store, None without one."""
        return None if self._store is None else self._store.path

    @property
    def name(self) -> str:
        """Of the registry, for messages."""
        return "registry" if self._store is None else str(self._store.path)

    @contextmanager
    def change(self, *, durable: bool = False) -> Iterator[None]:
        """One operation.

        Args:
            durable: write to the store before it is complete. Others are written with the next
                operation a second later, or by `close`: until then they can be undone.
        """
        with self.lock:
            self._begin()
            try:
                yield
                if durable:
                    self._write()
            except BaseException:
                self.undo()
                raise
            self._is_complete = True

    def undo(self) -> None:
        """Undo the last operation."""
        self._is_complete = False
        self._records.journal.undo()
        self._is_complete = True

    def remove_outdated(self) -> None:
        """Remove tracks that were not matched for `keep_for`."""
        self._next_removal = time.monotonic() + _REMOVE_INTERVAL
        if math.isinf(self.keep_for):
            return
        rows = self._records.rows
        outdated = (rows["person"] > 0) & (rows["updated"] < time.time() - self.keep_for)
        if outdated.any():
            self.remove((np.flatnonzero(outdated) + self._records.first_key).tolist())

    def _remove_oldest(self) -> None:
        """Remove a quarter of the tracks, the oldest ended ones, when there are too many."""
        records = self._records
        number = records.num_kept
        if self.max_tracks is None or number <= self.max_tracks:
            return
        ended = np.flatnonzero((records.rows["person"] > 0) & ~records.rows["live"])
        if len(ended):
            keys = ended[: number - self.max_tracks * 3 // 4] + records.first_key
            self.remove(keys.tolist())
            records.journal.clear()

    def remove(self, keys: list[int]) -> None:
        """Remove tracks, and those persons of which no track is left, from records and store."""
        self._records.remove_tracks(keys)
        self._write(keys)

    def erase(self) -> None:
        """Remove what was deleted from the bytes of the store."""
        if self._store is not None:
            self._store.erase()

    def close(self) -> None:
        """Write everything, and close the store; a second call does nothing."""
        with self.lock:
            if not self._is_open:
                return
            if not self._is_complete:
                self.undo()
            try:
                if self._store is not None and not self._store.read_only:
                    self._write()
            finally:
                self._is_open = False
                if self._store is not None:
                    self._store.close()

    def _begin(self) -> None:
        if not self._is_open:
            raise ValueError("the registry is closed")
        if self._store is not None and self._store.read_only:
            raise ValueError(f"{self._store.path}: the registry was opened with read_only=True")
        records = self._records
        if not self._is_complete:
            self.undo()  # an operation whose undoing was interrupted
        records.journal.clear()
        now = time.monotonic()
        if self._store is None:
            records.changed.clear()
        elif now >= self._next_write:
            self._write()
        self._is_complete = False
        self.number += 1
        if now >= self._next_removal:
            self.remove_outdated()
            records.journal.clear()
        self._remove_oldest()
        records.compact()

    def _write(self, removed: list[int] | None = None) -> None:
        self._next_write = time.monotonic() + _WRITE_INTERVAL
        if self._store is not None:
            settings = {"matching": self._matching.state_dict(), "embedder": self.embedder}
            self._store.write(self._records, settings, removed or ())
