"""Galleries: the embeddings that a track stores, and their cosine distance to detections.

A ring buffer keeps the last K embeddings of a track and compares with the nearest
(Wojke et al. 2017, eq. 2); a moving mean keeps one embedding (Du et al. 2022, eq. 2).

All tracks share one float32 array of slots. A track holds a slot number, so that no gallery moves
in memory when a track starts or ends, and memory is bounded by the largest number of live tracks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.numbers import as_float
from deepsort_reid.tracking.distance_calibration import Calibration
from deepsort_reid.tracking.settings import is_count

Embeddings = NDArray[np.float32]
Slots = NDArray[np.int64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GalleryAppearance:
    """A gallery of the last `budget` embeddings of each track; the nearest one counts."""

    budget: int = 100

    def __post_init__(self) -> None:
        if not is_count(self.budget, 1):
            raise ValueError(f"budget must be at least 1 embedding, got {self.budget!r:.80}")

    def create_store(self) -> "RingBufferStore":
        """An empty store of this kind."""
        return RingBufferStore(self.budget)


@dataclass(frozen=True, kw_only=True)
class MeanAppearance:
    """One exponential moving average per track, of unit length.

    The new mean is `momentum` of the old one and the rest of the new embedding. After k matches
    without an embedding, `momentum` ** sqrt(k + 1) takes its place: an embedding that stands for
    k + 1 matches counts more than one, but less than as many, because it varies as one does.
    """

    momentum: float = 0.95

    def __post_init__(self) -> None:
        if not 0 <= as_float(self.momentum) < 1:
            raise ValueError(f"momentum must be in [0, 1), got {self.momentum!r:.80}")

    def create_store(self) -> "MovingMeanStore":
        """An empty store of this kind."""
        return MovingMeanStore(self.momentum)


Appearance = GalleryAppearance | MeanAppearance


class GalleryStore:
    """Slots of (rows, D) float32, allocated to tracks and released when tracks end.

    Args:
        rows: embeddings that a slot has room for.

    Attributes:
        calibration: distances between and within identities, of this video.
    """

    NOT_STATE = frozenset({"_overwritten"})

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._data = np.empty((0, rows, 0), dtype=np.float32)
        self._count = np.empty(0, dtype=np.int64)  # embeddings ever added, per slot
        self._provisional = np.empty(0, dtype=bool)  # slots that hold only non-storable embeddings
        self._num_skipped = np.empty(0, dtype=np.int64)  # since the last embedding; see `skip`
        self._free: list[int] = []
        # Array, slots, rows and old values of what this update wrote: a copy of all embeddings
        # would take longer than the rest of an update.
        self._overwritten: list[tuple[Embeddings, Slots, Slots, Embeddings]] = []
        self.calibration = Calibration()

    def copy_written(self) -> None:
        """Begin an update: from now on, arrays that others hold are not written to.

        Only that of the embeddings is, which `undo_writes` restores.
        """
        self._count, self._provisional = self._count.copy(), self._provisional.copy()
        self._num_skipped = self._num_skipped.copy()
        self._free, self._overwritten = self._free.copy(), []

    def undo_writes(self) -> None:
        """Restore the embeddings that this update has overwritten."""
        for data, slots, rows, old in reversed(self._overwritten):
            data[slots, rows] = old

    @property
    def dim(self) -> int:
        """Length D of the embeddings, 0 before the first one."""
        return int(self._data.shape[2])

    def set_dim(self, dim: int) -> None:
        """Set the length of the embeddings.

        Raises ValueError when earlier embeddings had another length.
        """
        if dim == self.dim:
            return
        if self.dim:
            raise ValueError(
                f"embeddings must keep their length: expected {self.dim}, got {dim}; "
                "use one embedder per tracker"
            )
        self._resize(dim)

    def allocate(self, n: int) -> Slots:
        """Slot numbers (n,) of empty slots for n new tracks."""
        if n > len(self._free):
            old = len(self._count)
            new = max(2 * old, old + n, 16)
            self._free = [*range(new - 1, old - 1, -1), *self._free]
            for name in ("_count", "_provisional", "_num_skipped"):
                old_values = getattr(self, name)
                added = np.zeros(new - old, dtype=old_values.dtype)
                setattr(self, name, np.concatenate([old_values, added]))
            self._resize(self.dim)
        slots = np.array([self._free.pop() for _ in range(n)], dtype=np.int64)
        self._count[slots] = self._num_skipped[slots] = 0
        return slots

    def release(self, slots: Slots) -> None:
        """Make the slots of ended tracks available again."""
        self._free.extend(slots.tolist())

    def has_embedding(self, slots: Slots) -> Flags:
        """Slots (N,) that hold at least one embedding."""
        return np.asarray(self._count.take(slots) > 0)

    def needs_embedding(self, slots: Slots, storable: Flags) -> Flags:
        """Slots (N,) that the embedding of a detection, `storable` (N,) or not, would represent.

        They are empty, or hold only provisional embeddings (see `add`) and it is storable.
        """
        return np.asarray(~self.has_embedding(slots) | (self._provisional[slots] & storable))

    def skip(self, slots: Slots) -> None:
        """The tracks of these slots (K,) were matched, but a storable embedding is not known.

        The next embedding stands for these matches, too: a moving mean gives it more weight.
        """
        self._num_skipped[slots] += 1

    def update(
        self, slots: Slots, embedding: Embeddings, *, storable: Flags, consecutive: Flags
    ) -> None:
        """Calibrate with the new embedding (K, D) of each slot (K,), then add it.

        The distance to the slot's own embedding is an intra-identity distance where the track was
        matched in the previous frame, too: `consecutive` (K,).
        """
        repeated = consecutive & self.has_embedding(slots)
        self.calibration.update_intra(self.own_distance(slots[repeated], embedding[repeated]))
        self.add(slots, embedding, storable)

    def add(self, slots: Slots, embedding: Embeddings, storable: Flags | bool = True) -> None:
        """Add one embedding (K, D) to each slot (K,).

        An embedding that is not `storable` (K,), of a low-score, truncated or occluded box, is
        provisional: it is added only while the slot holds no storable one, and the first storable
        one replaces it.
        """
        if isinstance(storable, bool):
            storable = np.full(len(slots), storable)
        accepted = storable | ~self.has_embedding(slots)
        if np.count_nonzero(accepted) < len(slots):
            slots, embedding, storable = slots[accepted], embedding[accepted], storable[accepted]
        provisional = self._provisional.take(slots)
        if np.count_nonzero(provisional == storable):  # those of some slots become others
            self._count[slots[storable & provisional]] = 0
            self._provisional[slots] = ~storable
        rows = self._count.take(slots) % self._rows
        old = self._data[slots, rows]
        self._overwritten.append((self._data, slots, rows, old))
        self._write(slots, rows, embedding, old)
        self._num_skipped[slots] = 0

    def num_embeddings(self, slot: int) -> int:
        """Number of embeddings ever added to one slot, provisional ones that were replaced not."""
        return int(self._count[slot])

    def mean_embedding(self, slot: int) -> Embeddings | None:
        """Mean (D,) of the embeddings of one slot, unit length; None for an empty slot."""
        mean = self.embeddings(slot).sum(axis=0)
        length = float(np.linalg.norm(mean))
        return mean / length if length > 0 else None

    def embeddings(self, slot: int) -> Embeddings:
        """The stored embeddings (n, D) of one slot, oldest first."""
        raise NotImplementedError

    def cosine_distance(
        self, slots: Slots, embedding: Embeddings, row: Rows, column: Rows
    ) -> Array:
        """Distance (P,) in [0, 2] of pairs of slots (N,) and embeddings (M, D).

        `row` (P,) are rows of `slots`, none of them empty, in ascending order; `column` (P,) are
        rows of `embedding`.
        """
        raise NotImplementedError

    def own_distance(self, slots: Slots, embedding: Embeddings) -> Array:
        """Cosine distance (K,) of each embedding (K, D) to its own slot (K,), none of them empty.

        Compares with the last embedding of a ring buffer, or with the mean.
        """
        raise NotImplementedError

    def _write(self, slots: Slots, rows: Slots, embedding: Embeddings, old: Embeddings) -> None:
        """Store one embedding (K, D) in the given row (K,) of each slot (K,), in place of `old`."""
        raise NotImplementedError

    def _resize(self, dim: int) -> None:
        data = np.zeros((len(self._count), self._rows, dim), dtype=np.float32)
        if dim == self.dim:
            data[: len(self._data)] = self._data
        self._data = data


class RingBufferStore(GalleryStore):
    """Slots that keep the last embeddings of a track; the nearest one counts."""

    def embeddings(self, slot: int) -> Embeddings:
        """The stored embeddings (n, D) of one slot, oldest first."""
        count = int(self._count[slot])
        rows = self._data[slot, : min(count, self._rows)]
        return np.roll(rows, -(count % self._rows), axis=0) if count > self._rows else rows.copy()

    def cosine_distance(
        self, slots: Slots, embedding: Embeddings, row: Rows, column: Rows
    ) -> Array:
        """Distance (P,) to the nearest embedding; see `GalleryStore.cosine_distance`."""
        filled = np.minimum(self._count[slots], self._rows)
        # One small product per track: with 400 tracks each gallery is read once, which is 15 times
        # faster than all galleries against all detections.
        ends = np.searchsorted(row, np.arange(len(slots) + 1))
        candidates = embedding[column]
        similarity = np.empty(len(row))
        data = self._data
        for n, slot, first, last in zip(
            filled.tolist(), slots.tolist(), ends[:-1].tolist(), ends[1:].tolist(), strict=True
        ):
            if last > first:
                similarity[first:last] = (candidates[first:last] @ data[slot, :n].T).max(axis=1)
        return np.maximum(1 - similarity, 0)

    def own_distance(self, slots: Slots, embedding: Embeddings) -> Array:
        """Cosine distance (K,) of each embedding (K, D) to the last one of its slot (K,)."""
        last = self._data[slots, (self._count[slots] - 1) % self._rows]
        return np.asarray(1 - np.einsum("nd,nd->n", last, embedding), dtype=np.float64)

    def _write(self, slots: Slots, rows: Slots, embedding: Embeddings, old: Embeddings) -> None:
        self._data[slots, rows] = embedding
        self._count[slots] += 1


class MovingMeanStore(GalleryStore):
    """Slots of one unit embedding each: the exponential moving average of those added."""

    def __init__(self, momentum: float) -> None:
        super().__init__(1)
        self._momentum = momentum

    def embeddings(self, slot: int) -> Embeddings:
        """The mean (1, D) of one slot, (0, D) while it is empty."""
        return self._data[slot, : min(int(self._count[slot]), 1)].copy()

    def cosine_distance(
        self, slots: Slots, embedding: Embeddings, row: Rows, column: Rows
    ) -> Array:
        """Distance (P,) to the mean; see `GalleryStore.cosine_distance`."""
        if not len(row):  # without detections, the length of embeddings may be unknown
            return np.empty(0)
        return np.maximum(self.own_distance(slots.take(row), embedding.take(column, axis=0)), 0)

    def own_distance(self, slots: Slots, embedding: Embeddings) -> Array:
        """Cosine distance (K,) of each embedding (K, D) to the mean of its slot (K,)."""
        mean = self._data[:, 0].take(slots, axis=0)
        return np.asarray(1 - np.einsum("nd,nd->n", mean, embedding), dtype=np.float64)

    def _write(self, slots: Slots, rows: Slots, embedding: Embeddings, old: Embeddings) -> None:
        powers = self._momentum ** np.sqrt(1 + self._num_skipped.take(slots))
        momentum = np.where(self.has_embedding(slots), powers, 0).astype(np.float32)[:, None]
        mean = momentum * old + (1 - momentum) * embedding
        length = np.sqrt(np.einsum("nd,nd->n", mean, mean))[:, None]
        self._data[slots, rows] = np.divide(mean, length, out=embedding.copy(), where=length > 0)
        self._count[slots] += 1
