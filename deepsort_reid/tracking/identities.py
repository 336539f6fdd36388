"""People who left, kept by how they looked, so that they get their id back when they return.

A track dies when nobody was seen for `max_misses` frames; the person may be back in ten minutes.
The memory outlives tracks: before a new id is given, it is asked whether this is somebody it
knows. It answers only when one of them is much more alike than people here usually are, and
clearly more alike than the second best; otherwise a new id is the smaller mistake.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Embeddings = NDArray[np.float32]


class Identities:
    """A bounded memory of people: id -> unit embedding, the one that left first forgotten first.

    Args:
        capacity: how many people it holds.
        max_share: how unlike a returning person may be, as a share of the cosine distance between
            different people of this video.
        margin: by how much of that distance the second best must be worse.

    Raises ValueError when a number is outside its range.
    """

    def __init__(
        self, capacity: int = 500, *, max_share: float = 0.35, margin: float = 0.3
    ) -> None:
        if capacity < 0 or not 0 <= max_share <= 1 or margin < 0:
            raise ValueError(
                "expected capacity >= 0, max_share in [0, 1] and margin >= 0, got "
                f"{capacity}, {max_share}, {margin}"
            )
        self.capacity = capacity
        self.max_share = max_share
        self.margin = margin
        self.last_id = 0  # the highest id ever given: none is given twice
        self.id = np.empty(0, dtype=np.int64)  # in the order of leaving
        self.embedding: Embeddings = np.empty((0, 0), dtype=np.float32)  # (P, D)

    def __len__(self) -> int:
        return len(self.id)

    def new_id(self) -> int:
        """The next id, for somebody new."""
        self.last_id += 1
        return self.last_id

    def remember(self, id: int, embedding: ArrayLike) -> None:
        """Somebody left: keep the unit embedding (D,); an older one of the same id goes.

        Raises ValueError when the embedding has another length than those before.
        """
        look = np.asarray(embedding, dtype=np.float32)
        if len(self.id) and look.shape != self.embedding.shape[1:]:
            raise ValueError(
                f"embeddings must keep their width: expected {self.embedding.shape[1]}, "
                f"got {look.shape}"
            )
        self.forget(id)
        self.last_id = max(self.last_id, id)
        if not self.capacity:
            return
        before = self.embedding.reshape(-1, len(look))
        self.id = np.append(self.id, id)[-self.capacity :]
        self.embedding = np.concatenate([before, look[None]])[-self.capacity :]

    def recognise(
        self,
        embedding: Embeddings,
        unit: float,
        *,
        waited_for: tuple[NDArray[np.int64], Embeddings] | None = None,
    ) -> int | None:
        """The id of the person who looks like this (D,), or None when that is not clear.

        `unit` is the cosine distance between different people of this video. `waited_for` are
        people whose tracks still wait for them, ids (W,) and embeddings (W, D): they may be meant
        as well.
        """
        id, known = self.id, self.embedding
        if waited_for is not None and len(waited_for[0]):
            id = np.concatenate([id, waited_for[0]])
            known = np.concatenate([known.reshape(-1, len(embedding)), waited_for[1]])
        if not len(id) or embedding.shape != known.shape[1:]:
            return None
        share = (1 - known @ embedding) / unit
        best = int(share.argmin())
        others = np.delete(share, best)
        if share[best] > self.max_share:
            return None
        # Alone in the memory there is no second best; then somebody unknown stands for it.
        if min(others.min(initial=np.inf), 1.0) - share[best] < self.margin:
            return None
        return int(id[best])

    def forget(self, id: int) -> None:
        """Drop one person; nothing happens when the memory does not know the id."""
        keep = self.id != id
        self.id, self.embedding = self.id[keep], self.embedding[keep]

    def merge(self, other: "Identities") -> None:
        """Take over everybody that `other` holds; where both know an id, the other's look stays.

        Raises ValueError when the embeddings have different lengths.
        """
        for id, embedding in zip(other.id.tolist(), other.embedding, strict=True):
            self.remember(id, embedding)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """What `from_arrays` needs, e.g. for `np.savez(path, **identities.as_arrays())`."""
        return {
            "id": self.id.copy(),
            "embedding": self.embedding.copy(),
            "limits": np.array([self.capacity, self.max_share, self.margin, self.last_id]),
        }

    @classmethod
    def from_arrays(cls, arrays: Any) -> "Identities":
        """The memory that `as_arrays` came from: a dictionary, or what `np.load` gives.

        Raises ValueError when an array is missing or does not fit.
        """
        try:
            id, embedding, limits = (arrays[name] for name in ("id", "embedding", "limits"))
        except KeyError as error:
            raise ValueError(f"expected the arrays id, embedding and limits: no {error}") from error
        if embedding.ndim != 2 or len(embedding) != len(id) or len(limits) != 4:
            raise ValueError(f"expected one embedding per id: got {embedding.shape} for {len(id)}")
        made = cls(int(limits[0]), max_share=float(limits[1]), margin=float(limits[2]))
        made.last_id = int(limits[3])
        made.id = np.asarray(id, dtype=np.int64)
        made.embedding = np.asarray(embedding, dtype=np.float32)
        return made
