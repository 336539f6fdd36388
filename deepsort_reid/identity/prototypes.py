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

    Attributes:
        dim: length of the embeddings, 0 before the first one.
        num_embeddings: embeddings in the prototypes of each slot (S,).
        has_storable: slots (S,) with storable embeddings (see `update`).
    """

    _ARRAYS = ("_embedding", "_count", "_sum", "_spread", "num_embeddings", "has_storable", "_used")

    def __init__(self) -> None:
        self.dim = 0
        self._embedding: Embeddings = np.zeros((0, MAX_PROTOTYPES, 0), dtype=np.float32)
        self._count = np.zeros((0, MAX_PROTOTYPES))
        self._sum: Embeddings = np.zeros((0, 0), dtype=np.float32)  # of all embeddings (S, D)
        # Number, sum and sum of squares of distances to the mean of the embeddings before.
        self._spread = np.zeros((0, 3))
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
        slots = len(self._used)
        self._embedding = np.zeros((slots, MAX_PROTOTYPES, dim), dtype=np.float32)
        self._sum = np.zeros((slots, dim), dtype=np.float32)
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
            self._embedding[slot, :number] = prototypes.embedding
            self._count[slot, :number] = prototypes.counts
            self._sum[slot] = prototypes.counts @ prototypes.embedding
            self.num_embeddings[slot] = int(prototypes.counts.sum())
            self.has_storable[slot] = True

    def clear(self, slot: int) -> None:
        """Delete the embeddings of a slot."""
        self._embedding[slot], self._count[slot] = 0, 0
        self._sum[slot], self._spread[slot] = 0, 0
        self.num_embeddings[slot], self.has_storable[slot] = 0, False

    def release(self, slot: int) -> None:
        """Free a slot; what it held is overwritten with zeros."""
        self.clear(slot)
        self._used[slot] = False

    def backup(self, slots: Slots) -> tuple[Any, ...]:
        """Copies of the values of these slots, for `restore`."""
        return (slots, *(getattr(self, name)[slots] for name in self._ARRAYS))

    def restore(self, backup: tuple[Any, ...]) -> None:
        """Set slots to the values of a backup; embeddings of another length than then are lost."""
        slots, *values = backup
        for name, value in zip(self._ARRAYS, values, strict=True):
            array = getattr(self, name)
            array[slots] = value if array.shape[1:] == value.shape[1:] else 0

    def state_dict(self) -> dict[str, Any]:
        """The arrays as plain data, copies."""
        return {
            "dim": self.dim,
            **{
                name[1:] if name[0] == "_" else name: getattr(self, name).copy()
                for name in self._ARRAYS
            },
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`; raises ValueError when the arrays do not fit."""
        loaded = {name: np.asarray(state[name.lstrip("_")]) for name in self._ARRAYS}
        slots, dim = len(loaded["_used"]), int(state["dim"])
        shapes = {"_embedding": (MAX_PROTOTYPES, dim), "_sum": (dim,)}
        for name, array in loaded.items():
            own = getattr(self, name)
            shape = (slots, *shapes.get(name, own.shape[1:]))
            if array.shape != shape or array.dtype != own.dtype:
                raise ValueError(
                    f"prototypes: expected {name.lstrip('_')} {own.dtype} {shape}, got "
                    f"{array.dtype} {array.shape}"
                )
        for name, array in loaded.items():
            setattr(self, name, array.copy())
        self.dim = dim

    def update(
        self, slots: Slots, embedding: Embeddings, storable: Flags, join_distance: float
    ) -> None:
        """Add one embedding to each of these slots, which differ.

        Args:
            slots: (T,).
            embedding: unit rows (T, D).
            storable: rows (T,) that show one complete person. Others are used only as long as a
                slot holds no storable one.
            join_distance: embeddings up to this cosine distance from a prototype join it.
        """
        provisional = ~self.has_storable[slots]
        if provisional.any():
            for slot in slots[provisional & storable].tolist():
                self.clear(slot)
                self.has_storable[slot] = True
            used = storable | provisional
        else:
            used = storable
        if not used.all():
            slots, embedding = slots[used], embedding[used]
        if len(slots):
            self._update_spread(slots, embedding)
            self._add(slots, embedding, join_distance)
            self.num_embeddings[slots] += 1

    def prototypes(self, slot: int) -> Prototypes:
        """The prototypes of a slot, a copy; (0, D) when it has no embeddings."""
        present = self._count[slot] > 0
        return Prototypes(self._embedding[slot][present], self._count[slot][present])

    def mean(self, slot: int) -> Embeddings:
        """The unit mean of the embeddings of a slot (D,); zero when it has none."""
        total = self._sum[slot]
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12), dtype=np.float32)

    def spread(self, slot: int) -> tuple[float, float, float]:
        """Number, mean and standard deviation of distances within the track of a slot.

        A distance is that of an embedding to those before it, on average.
        """
        number, total, squares = self._spread[slot].tolist()
        if not number:
            return 0.0, float("nan"), float("nan")
        mean = total / number
        return number, mean, max(squares / number - mean**2, 0.0) ** 0.5

    def _update_spread(self, slots: Slots, embedding: Embeddings) -> None:
        number = self.num_embeddings[slots]
        total = self._sum[slots]
        distance = 1 - np.einsum("td,td->t", total, embedding) / np.maximum(number, 1)
        distance *= number > 0
        self._spread[slots] += np.stack([number > 0, distance, distance * distance], axis=1)
        total += embedding
        self._sum[slots] = total

    def _add(self, slots: Slots, embedding: Embeddings, join_distance: float) -> None:
        """Join the nearest prototype where it is near; otherwise add a prototype."""
        stored, count = self._embedding[slots], self._count[slots]  # copies
        similarity = np.matmul(stored, embedding[:, :, None])[:, :, 0]
        similarity[count == 0] = -np.inf
        nearest, row = similarity.argmax(axis=1), np.arange(len(slots))
        near = similarity[row, nearest] >= 1 - join_distance
        joined = stored[row, nearest] * count[row, nearest, None] + embedding
        joined /= np.sqrt(np.einsum("td,td->t", joined, joined))[:, None] + 1e-12
        if near.all():
            self._embedding[slots, nearest] = joined
            self._count[slots, nearest] += 1
            return
        self._embedding[slots[near], nearest[near]] = joined[near]
        self._count[slots[near], nearest[near]] += 1
        for index in np.flatnonzero(~near).tolist():
            self._add_prototype(int(slots[index]), embedding[index])

    def _add_prototype(self, slot: int, embedding: Embeddings) -> None:
        stored, count = self._embedding[slot], self._count[slot]
        free = np.flatnonzero(count == 0)
        if len(free):
            stored[free[0]], count[free[0]] = embedding, 1
            return
        # The new embedding is the last row. Ward's cost of a pair: squared distance of unit
        # vectors, which is twice the cosine distance, times n1 * n2 / (n1 + n2).
        points = np.concatenate([stored, embedding[None]])
        counts = np.append(count, 1.0)
        weight = np.minimum(counts, _MAX_WEIGHT)
        cost = (1 - points @ points.T) * np.outer(weight, weight) / np.add.outer(weight, weight)
        cost[np.tril_indices(len(cost))] = np.inf
        first, second = np.unravel_index(int(cost.argmin()), cost.shape)
        merged = points[first] * counts[first] + points[second] * counts[second]
        stored[first] = merged / max(float(np.linalg.norm(merged)), 1e-12)
        count[first] = counts[first] + counts[second]
        if second < len(stored):
            stored[second], count[second] = embedding, 1
