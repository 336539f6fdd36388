"""Prototypes: a few embeddings of different poses that represent a track.

Built online, one embedding at a time. An embedding that is near a prototype joins it as a running
mean; one that is far from all becomes a prototype of its own. When there are too many, the two are
merged whose union adds least to the sum of squared distances (Ward 1963, "Hierarchical grouping to
optimize an objective function"). A pose is therefore kept however few frames show it, and a video
of 60 frames per second has the prototypes of one of 15.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
Slots = NDArray[np.intp]
Flags = NDArray[np.bool_]

MAX_PROTOTYPES = 6
# Counts above it are equal in the choice of the pair that is merged, otherwise poses that were seen
# for long would never give way: two are merged when they are half as far apart as a new one is.
_MAX_WEIGHT = 3.0
_LOWER = np.tri(MAX_PROTOTYPES + 1, dtype=bool)  # pairs on and below the diagonal


class Prototypes(NamedTuple):
    """Prototypes of one track.

    Attributes:
        embedding: unit rows (P, D) float32.
        counts: number of embeddings in each (P,) float64.
    """

    embedding: Embeddings
    counts: NDArray[np.float64]


class PrototypeTable:
    """Prototypes of tracks that still grow, one slot each.

    A prototype is kept as the sum of its embeddings.

    Attributes:
        dim: length of the embeddings, 0 before the first one.
        num_embeddings: embeddings in the prototypes of each slot (S,).
        has_storable: slots (S,) with storable embeddings (see `update`).
    """

    _ARRAYS = ("_sum", "_scale", "_count", "num_embeddings", "has_storable", "_used")

    def __init__(self) -> None:
        self.dim = 0
        self._sum: Embeddings = np.zeros((0, MAX_PROTOTYPES, 0), dtype=np.float32)
        self._scale: Embeddings = np.zeros((0, MAX_PROTOTYPES), dtype=np.float32)  # 1 / length
        self._count = np.zeros((0, MAX_PROTOTYPES))
        self.num_embeddings = np.zeros(0, dtype=np.int64)
        self.has_storable = np.zeros(0, dtype=bool)
        self._used = np.zeros(0, dtype=bool)

    def set_dim(self, dim: int) -> None:
        """Set the length of the embeddings.

        Raises ValueError when embeddings of another length are stored.
        """
        if self.dim == dim:
            return
        if self.dim:
            raise ValueError(f"embeddings must keep their length: expected {self.dim}, got {dim}")
        self._sum = np.zeros((len(self._used), MAX_PROTOTYPES, dim), dtype=np.float32)
        self.dim = dim

    def free_slot(self) -> int:
        """A slot that is not in use; there is room for one more afterwards."""
        free = np.flatnonzero(~self._used)
        if len(free):
            return int(free[0])
        slot = len(self._used)
        for name in self._ARRAYS:
            array = getattr(self, name)
            added = np.zeros((max(16, slot), *array.shape[1:]), dtype=array.dtype)
            setattr(self, name, np.concatenate([array, added]))
        return slot

    def allocate(self, slot: int, prototypes: Prototypes) -> None:
        """Begin to use a slot, with these prototypes (P, D), or none."""
        self.clear(slot)
        self._used[slot] = True
        number = len(prototypes.embedding)
        if number:
            # Their embeddings are taken to be equal: how long the sum was is not known.
            self._sum[slot, :number] = prototypes.embedding * prototypes.counts[:, None]
            self._scale[slot, :number] = 1 / prototypes.counts
            self._count[slot, :number] = prototypes.counts
            self.num_embeddings[slot] = int(prototypes.counts.sum())
            self.has_storable[slot] = True

    def clear(self, slot: int) -> None:
        """Delete the embeddings of a slot."""
        self._sum[slot], self._scale[slot], self._count[slot] = 0, 0, 0
        self.num_embeddings[slot], self.has_storable[slot] = 0, False

    def release(self, slot: int) -> None:
        """Free a slot; what it held is overwritten with zeros."""
        self.clear(slot)
        self._used[slot] = False

    def backup(self, slots: Slots) -> tuple[Any, ...]:
        """Copies of the values of these slots, for `restore`."""
        return (slots, *[getattr(self, name).take(slots, axis=0) for name in self._ARRAYS])

    def restore(self, backup: tuple[Any, ...]) -> None:
        """Set slots to the values of a backup; embeddings of another length than then are lost."""
        slots, *values = backup
        for name, value in zip(self._ARRAYS, values, strict=True):
            array = getattr(self, name)
            array[slots] = value if array.shape[1:] == value.shape[1:] else 0

    def state_dict(self) -> dict[str, Any]:
        """The arrays as plain data, copies."""
        arrays = {name.lstrip("_"): getattr(self, name).copy() for name in self._ARRAYS}
        return {"dim": self.dim, **arrays}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`; raises ValueError when the arrays do not fit."""
        loaded = {name: np.asarray(state[name.lstrip("_")]) for name in self._ARRAYS}
        slots, dim = len(loaded["_used"]), int(state["dim"])
        for name, array in loaded.items():
            own = getattr(self, name)
            shape = (slots, MAX_PROTOTYPES, dim) if name == "_sum" else (slots, *own.shape[1:])
            if array.shape != shape or array.dtype != own.dtype:
                raise ValueError(
                    f"prototypes: expected {name.lstrip('_')} {own.dtype} {shape}, got "
                    f"{array.dtype} {array.shape}"
                )
        for name, array in loaded.items():
            setattr(self, name, array.copy())
        self.dim = dim

    def update(
        self,
        slots: Slots,
        embedding: Embeddings,
        storable: Flags,
        join_distance: float,
        backup: tuple[Any, ...] | None = None,
    ) -> None:
        """Add one embedding to each of these slots, which differ.

        Args:
            slots: (T,).
            embedding: unit rows (T, D).
            storable: rows (T,) that show one complete person. Others are used only as long as a
                slot holds no storable one.
            join_distance: embeddings up to this cosine distance, below 1, from a prototype join it.
            backup: of these slots; spares another copy of their embeddings.
        """
        has_storable = self.has_storable.take(slots)
        stored: Embeddings | None = None if backup is None else backup[1]
        if np.count_nonzero(has_storable) < len(slots):
            stored = None  # some are deleted
            for slot in slots[storable & ~has_storable].tolist():
                self.clear(slot)
                self.has_storable[slot] = True
            storable = storable | ~has_storable
        if np.count_nonzero(storable) < len(slots):
            slots, embedding = slots[storable], embedding[storable]
            stored = None if stored is None else stored[storable]
        if len(slots):
            if stored is None:
                stored = self._sum.take(slots, axis=0)
            self._add(slots, embedding, stored, join_distance)
            self.num_embeddings[slots] += 1

    def prototypes(self, slot: int) -> Prototypes:
        """The prototypes of a slot, a copy; (0, D) when it has no embeddings."""
        present = self._count[slot] > 0
        embedding = self._sum[slot, present] * self._scale[slot, present, None]
        return Prototypes(embedding, self._count[slot, present])

    def _add(
        self, slots: Slots, embedding: Embeddings, stored: Embeddings, join_distance: float
    ) -> None:
        """Join the nearest prototype where it is near; otherwise add a prototype.

        stored: sums (T, P, D) of the slots.
        """
        # Cosines (T, P); 0 where there is no prototype, which is never near.
        cosine = np.matmul(stored, embedding[:, :, None])[:, :, 0] * self._scale.take(slots, axis=0)
        nearest, row = cosine.argmax(axis=1), np.arange(len(slots))
        near = cosine[row, nearest] >= 1 - join_distance
        if np.count_nonzero(near) < len(near):
            for index in np.flatnonzero(~near).tolist():
                self._add_prototype(int(slots[index]), embedding[index])
            row, slots, nearest, embedding = row[near], slots[near], nearest[near], embedding[near]
        joined = stored[row, nearest] + embedding
        self._sum[slots, nearest] = joined
        self._scale[slots, nearest] = 1 / np.sqrt(np.einsum("td,td->t", joined, joined))
        self._count[slots, nearest] += 1

    def _add_prototype(self, slot: int, embedding: Embeddings) -> None:
        free = np.flatnonzero(self._count[slot] == 0)
        if len(free):
            self._set(slot, int(free[0]), embedding, 1.0)
            return
        # The new embedding is the last row. Ward's cost of a pair: squared distance of unit
        # vectors, which is twice the cosine distance, times n1 * n2 / (n1 + n2).
        sums = np.concatenate([self._sum[slot], embedding[None]])
        counts = np.append(self._count[slot], 1.0)
        points = sums * np.append(self._scale[slot], 1.0)[:, None]
        weight = np.minimum(counts, _MAX_WEIGHT)
        cost = (1 - points @ points.T) * np.outer(weight, weight) / np.add.outer(weight, weight)
        cost[_LOWER] = np.inf
        first, second = map(int, np.unravel_index(int(cost.argmin()), cost.shape))
        self._set(slot, first, sums[first] + sums[second], counts[first] + counts[second])
        if second < MAX_PROTOTYPES:
            self._set(slot, second, embedding, 1.0)

    def _set(self, slot: int, row: int, total: Embeddings, count: float) -> None:
        self._sum[slot, row], self._count[slot, row] = total, count
        self._scale[slot, row] = 1 / max(float(np.linalg.norm(total)), 1e-12)
