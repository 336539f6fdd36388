"""What a track remembers of how its person looks, and how far a detection is from that.

A gallery keeps the last K embeddings of a track in a ring buffer and compares with the nearest
(Wojke et al. 2017, eq. 2); a mean keeps one moving average (Du et al. 2022, eq. 2). Both store
float32 rows in one pool: a track holds the number of a slot in it, so that no gallery moves in
memory when a track begins or ends, and memory is bounded by the largest number of live tracks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.tracking.distance_calibration import Calibration

Embeddings = NDArray[np.float32]
Slots = NDArray[np.int64]
Pairs = NDArray[np.bool_]
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GalleryAppearance:
    """The last `budget` embeddings of each track; the nearest one counts."""

    budget: int = 100

    def __post_init__(self) -> None:
        if self.budget < 1:
            raise ValueError(f"budget must be at least 1 embedding, got {self.budget}")

    def pool(self) -> "GalleryPool":
        """An empty memory for tracks that work by this rule."""
        return GalleryPool(self.budget)


@dataclass(frozen=True, kw_only=True)
class MeanAppearance:
    """One moving mean per track: `momentum` of the old, the rest of the new, unit length again."""

    momentum: float = 0.95

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {self.momentum}")

    def pool(self) -> "MeanPool":
        """An empty memory for tracks that work by this rule."""
        return MeanPool(self.momentum)


Appearance = GalleryAppearance | MeanAppearance


class _Pool:
    """Slots of (rows, width) float32 that are handed out, taken back and used again."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._store = np.empty((0, rows, 0), dtype=np.float32)
        self._seen = np.empty(0, dtype=np.int64)  # embeddings ever remembered, per slot
        self._poor = np.empty(0, dtype=bool)  # what a slot holds is there for want of better
        self._free: list[int] = []
        self.calibration = Calibration()

    @property
    def width(self) -> int:
        """Length of the embeddings, 0 while none has been seen."""
        return int(self._store.shape[2])

    def take(self, n: int) -> Slots:
        """Slot numbers (n,) for n new tracks, all empty."""
        if n > len(self._free):
            old = len(self._seen)
            new = max(2 * old, old + n, 16)
            self._free = [*range(new - 1, old - 1, -1), *self._free]
            self._seen = np.concatenate([self._seen, np.zeros(new - old, dtype=np.int64)])
            self._poor = np.concatenate([self._poor, np.zeros(new - old, dtype=bool)])
            self._resize(self.width)
        slots = np.array([self._free.pop() for _ in range(n)], dtype=np.int64)
        self._seen[slots] = 0
        return slots

    def give_back(self, slots: Slots) -> None:
        """The tracks that held these slots are gone."""
        self._free.extend(slots.tolist())

    def known(self, slots: Slots) -> NDArray[np.bool_]:
        """Which of the slots (N,) hold at least one embedding."""
        return np.asarray(self._seen[slots] > 0)

    def remember(self, slots: Slots, embedding: Embeddings, clean: Any = True) -> None:
        """Take in one embedding (N, D) for each slot (N,).

        Those that are not `clean` (N,), of boxes that are unsure or cut off, are taken only while
        a slot has nothing better, and go when a clean one comes.
        """
        clean = np.broadcast_to(clean, slots.shape)
        wanted = clean | ~self.known(slots)
        slots, embedding, clean = slots[wanted], embedding[wanted], clean[wanted]
        self._seen[slots[clean & self._poor[slots]]] = 0
        self._poor[slots] = ~clean
        self._add(slots, embedding)

    def looks(self, slot: int) -> int:
        """How many embeddings stand behind `look_of`."""
        return int(self._seen[slot])

    def look_of(self, slot: int) -> Embeddings | None:
        """The mean (D,) of what one slot holds, unit length; None while it holds nothing."""
        rows = self.rows_of(slot)
        mean = rows.sum(axis=0)
        length = float(np.linalg.norm(mean))
        return mean / length if length > 0 else None

    def rows_of(self, slot: int) -> Embeddings:
        """The embeddings (n, D) of one slot, oldest first."""
        raise NotImplementedError

    def _add(self, slots: Slots, embedding: Embeddings) -> None:
        """Let each slot (N,) hold its embedding (N, D), too."""
        raise NotImplementedError

    def expect(self, width: int) -> None:
        """Make sure that embeddings are `width` long.

        Raises ValueError when earlier ones had another length.
        """
        if width == self.width:
            return
        if self.width:
            raise ValueError(
                f"embeddings must keep their width: expected {self.width}, got {width}; "
                "one tracker serves one embedder"
            )
        self._resize(width)

    def _resize(self, width: int) -> None:
        store = np.zeros((len(self._seen), self._rows, width), dtype=np.float32)
        if width == self.width:
            store[: len(self._store)] = self._store
        self._store = store


class GalleryPool(_Pool):
    """Ring buffers of the last `budget` embeddings."""

    def _add(self, slots: Slots, embedding: Embeddings) -> None:
        self._store[slots, self._seen[slots] % self._rows] = embedding
        self._seen[slots] += 1

    def cosine_distance(self, slots: Slots, embedding: Embeddings, pairs: Pairs) -> Array:
        """Distance in [0, 2] to the nearest remembered embedding, where `pairs` (N, M) is set.

        Everywhere else, and for an empty slot, `inf`.
        """
        distance = np.full(pairs.shape, np.inf)
        filled = np.minimum(self._seen[slots], self._rows)
        # Gated pairs only, one small product per track: at 400 tracks this reads each gallery
        # once and is 15 times cheaper than all galleries against all detections.
        row, column = np.nonzero(pairs)
        ends = np.searchsorted(row, np.arange(len(slots) + 1))
        candidates = embedding[column]
        nearest = np.full(len(row), np.inf)
        store = self._store
        for n, slot, first, last in zip(
            filled.tolist(), slots.tolist(), ends[:-1].tolist(), ends[1:].tolist(), strict=True
        ):
            if n and last > first:
                similarity = candidates[first:last] @ store[slot, :n].T
                nearest[first:last] = 1 - similarity.max(axis=1)
        distance[row, column] = np.maximum(nearest, 0)
        return distance

    def own_distance(self, slots: Slots, embedding: Embeddings) -> Array:
        """Cosine distance (N,) of each embedding (N, D) to the last one of its own slot (N,)."""
        last = self._store[slots, (self._seen[slots] - 1) % self._rows]
        return np.asarray(1 - np.einsum("nd,nd->n", last, embedding), dtype=np.float64)

    def rows_of(self, slot: int) -> Embeddings:
        """The embeddings (n, D) of one slot, oldest first."""
        seen = int(self._seen[slot])
        rows = self._store[slot, : min(seen, self._rows)]
        return np.roll(rows, -(seen % self._rows), axis=0) if seen > self._rows else rows.copy()


class MeanPool(_Pool):
    """One unit row per track, the moving mean of what was remembered."""

    def __init__(self, momentum: float) -> None:
        super().__init__(1)
        self._momentum = momentum

    def _add(self, slots: Slots, embedding: Embeddings) -> None:
        momentum = np.where(self._seen[slots] > 0, self._momentum, 0.0).astype(np.float32)[:, None]
        mean = momentum * self._store[slots, 0] + (1 - momentum) * embedding
        length = np.linalg.norm(mean, axis=1, keepdims=True)
        self._store[slots, 0] = np.divide(mean, length, out=embedding.copy(), where=length > 0)
        self._seen[slots] += 1

    def cosine_distance(self, slots: Slots, embedding: Embeddings, pairs: Pairs) -> Array:
        """Distance in [0, 2] to the mean, where `pairs` (N, M) is set; elsewhere `inf`."""
        usable = pairs & self.known(slots)[:, None]
        if not usable.any():  # of no detections the embedding's width may be unknown
            return np.full(pairs.shape, np.inf)
        similarity = self._store[slots, 0] @ embedding.T
        return np.where(usable, np.maximum(1 - similarity, 0), np.inf).astype(np.float64)

    def own_distance(self, slots: Slots, embedding: Embeddings) -> Array:
        """Cosine distance (N,) of each embedding (N, D) to the mean of its own slot (N,)."""
        mean = self._store[slots, 0]
        return np.asarray(1 - np.einsum("nd,nd->n", mean, embedding), dtype=np.float64)

    def rows_of(self, slot: int) -> Embeddings:
        """The mean (1, D) of one slot, (0, D) while it is empty."""
        return self._store[slot, : min(int(self._seen[slot]), 1)].copy()


Pool = GalleryPool | MeanPool
