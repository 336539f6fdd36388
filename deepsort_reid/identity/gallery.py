"""Gallery: the prototypes of all tracks in one matrix, in which a track is searched."""

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.prototype_search import MAX_EXACT_ROWS, FaissIndex, make_index
from deepsort_reid.identity.prototypes import Embeddings, Prototypes

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_REMOVED = -1
_ROOM = 8  # an eighth more rows than needed are allocated: half more would be gigabytes


class GalleryView(NamedTuple):
    """Prototypes of tracks with their persons, G rows.

    Attributes:
        prototypes: unit rows (G, D) float32.
        counts: embeddings in each (G,) float64.
        track: number of the track (G,), equal in the rows of one track.
        person: person of the track (G,).
        camera: number of the camera of the track (G,).
        allowed: rows (G,) of persons that the searched track may be.
        shift: subtracted from the normalised distances (G,); None for nothing.
    """

    prototypes: Embeddings
    counts: NDArray[np.float64]
    track: Ints
    person: Ints
    camera: Ints
    allowed: Flags
    shift: NDArray[np.float64] | None = None


class Gallery:
    """Prototypes of tracks; each track has consecutive rows.

    Attributes:
        max_exact_rows: number of rows up to which `candidates` are all of them.
    """

    def __init__(self) -> None:
        self.max_exact_rows: float = MAX_EXACT_ROWS
        self._index: FaissIndex | None = None  # of rows in use, all of them after a search
        self._size = 0  # rows in use, removed ones included
        self._num_removed = 0
        self._embedding: Embeddings = np.zeros((0, 0), dtype=np.float32)
        self._count = np.zeros(0)
        self._track = np.zeros(0, dtype=np.int64)
        self._range: dict[int, tuple[int, int]] = {}  # track -> first row, row after the last

    def __len__(self) -> int:
        return self._size

    @property
    def embedding(self) -> Embeddings:
        return self._embedding[: self._size]

    @property
    def count(self) -> NDArray[np.float64]:
        return self._count[: self._size]

    @property
    def track(self) -> Ints:
        """Number of the track of each row; negative for a removed row."""
        return self._track[: self._size]

    def of_track(self, track: int) -> Prototypes:
        """Prototypes of a track; (0, D) when it has none."""
        first, end = self._range.get(track, (0, 0))
        return Prototypes(self._embedding[first:end], self._count[first:end])

    def embeddings_of(self, tracks: Iterable[int]) -> Embeddings:
        """The prototypes (Q, D) of several tracks."""
        rows = [range(*self._range[track]) for track in tracks if track in self._range]
        return self._embedding[np.fromiter(chain.from_iterable(rows), dtype=np.intp)]

    def candidates(self, query: Embeddings) -> Ints | slice:
        """Rows that may be the nearest to prototypes (P, D): all of them, unless there are many."""
        if self._size <= self.max_exact_rows or not len(query):
            return slice(None)
        used = self.track >= 0
        if self._index is None or not self._index.fits(self._size):
            self._index = make_index(self.embedding, used)
        if self._index is None:
            return slice(None)
        self._index.update(self.embedding, used)
        return self._index.nearest(query)

    def load(self, prototypes: Prototypes, track: Ints) -> None:
        """Set all rows: prototypes (G, D), and the track (G,) of each, equal in consecutive rows.

        Copies are made, with room for more: of a million tracks, growing row by row would take
        twice the memory.
        """
        number, dim = prototypes.embedding.shape
        empty = Gallery()
        empty._reserve(number + number // _ROOM, dim)
        self._embedding, self._count, self._track = empty._embedding, empty._count, empty._track
        self._embedding[:number], self._count[:number] = prototypes.embedding, prototypes.counts
        self._track[:number] = track
        self._size, self._num_removed, self._index = number, 0, None
        self._range = {int(track[rows[0]]): rows for rows in equal_ranges(track)}

    def replace(self, track: int, prototypes: Prototypes) -> None:
        """Set the prototypes of a track."""
        added = len(prototypes.embedding)
        first = self._size
        self._reserve(first + added, prototypes.embedding.shape[1])
        self._embedding[first : first + added] = prototypes.embedding
        self._count[first : first + added] = prototypes.counts
        self._track[first : first + added] = track
        self._remove_rows(track)
        self._range[track] = first, first + added
        self._size = first + added

    def remove(self, track: int) -> None:
        """Remove the prototypes of a track; they are overwritten with zeros."""
        first, end = self._range.get(track, (0, 0))
        self._remove_rows(track)
        self._range.pop(track, None)
        self._embedding[first:end] = 0

    def rows_of(self, track: int) -> tuple[int, tuple[int, int], Prototypes]:
        """What `put_back` needs to revert the `remove` of this track."""
        prototypes = self.of_track(track)
        copies = Prototypes(prototypes.embedding.copy(), prototypes.counts.copy())
        return track, self._range.get(track, (0, 0)), copies

    def put_back(self, track: int, rows: tuple[int, int], prototypes: Prototypes) -> None:
        """Revert the `remove` of a track."""
        first, end = rows
        if end > first:
            self._embedding[first:end], self._track[first:end] = prototypes.embedding, track
            self._range[track] = rows

    def backup(self, track: int) -> tuple[int, int, tuple[int, int] | None]:
        """What `restore` needs to revert one `replace` of this track."""
        return self._size, track, self._range.get(track)

    def restore(self, backup: tuple[int, int, tuple[int, int] | None]) -> None:
        """Revert the `replace` of a track that followed `backup`."""
        size, track, rows = backup
        if self._index is not None:
            self._index.remove(size, self._size)
        self._size = size
        if rows is None:
            self._range.pop(track, None)
        else:
            self._range[track] = rows
            self._track[rows[0] : rows[1]] = track

    def compact(self) -> None:
        """Drop removed rows when they are the majority."""
        if self._num_removed < 64 or 2 * self._num_removed < self._size:
            return
        kept = np.flatnonzero(self.track >= 0)
        self._num_removed, self._index = 0, None  # the rows get other numbers
        self._embedding = self._embedding[kept]
        self._count, self._track = self._count[kept], self._track[kept]
        self._size = len(kept)
        self._range = {int(self._track[rows[0]]): rows for rows in equal_ranges(self._track)}

    def _remove_rows(self, track: int) -> None:
        first, end = self._range.get(track, (0, 0))
        if self._index is not None:
            self._index.remove(first, end)
        self._track[first:end] = _REMOVED
        self._num_removed += end - first

    def _reserve(self, size: int, dim: int) -> None:
        if self._embedding.shape[1] != dim:
            self._embedding = np.zeros((len(self._count), dim), dtype=np.float32)
        if size > len(self._count):
            more = max(64, size, len(self._count) * (_ROOM + 1) // _ROOM) - len(self._count)
            self._embedding = np.concatenate(
                [self._embedding, np.zeros((more, dim), dtype=np.float32)]
            )
            self._count = np.concatenate([self._count, np.zeros(more)])
            self._track = np.concatenate([self._track, np.full(more, _REMOVED)])


def equal_ranges(values: Ints) -> list[tuple[int, int]]:
    """First row, and row after the last, of each range of equal values."""
    if not len(values):
        return []
    starts = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist()]
    return list(zip(starts, [*starts[1:], len(values)], strict=True))
