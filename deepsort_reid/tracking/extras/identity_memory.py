"""People who left, kept by how they looked, so that they get their id back when they return.

A track dies when nobody was seen for `max_age` frames; the person may be back in ten minutes.
The memory outlives tracks: before a new id is given, it is asked whether this is somebody it
knows. It answers only when one of them is much more alike than people here usually are, and
clearly more alike than the second best; otherwise a new id is the smaller mistake.
"""

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Embeddings = NDArray[np.float32]


class Resemblance(NamedTuple):
    """How alike somebody is to the people who may be meant, and whom a memory takes them for.

    `str()` says it in words.
    """

    id: NDArray[np.int64]  # (K,) the most alike first
    share: NDArray[np.floating[Any]]  # (K,) cosine distance, 1 for different people
    max_share: float  # what the nearest may have at most
    margin: float  # and by how much the next must be worse
    person: int | None  # None: not clear enough

    def __str__(self) -> str:
        if not len(self.id):
            return "nobody is away who could be meant"
        nearest = f"{self.id[0]} is nearest at {self.share[0]:.2f}"
        if self.share[0] > self.max_share:
            return f"{nearest}, more than {self.max_share:.2f} of what different people have"
        # Alone in the memory there is no second best; then somebody unknown stands for it.
        if len(self.id) > 1 and self.share[1] < 1:
            after = f"{self.id[1]} next at {self.share[1]:.2f}"
        else:
            after = "nobody else below 1.00"
        clear = "clear" if self.person is not None else "not clear"
        return f"{nearest}, {after}: {clear}, a margin of {self.margin:.2f} is asked for"


class Identities:
    """A bounded memory of people: id -> unit embedding, the one that left first forgotten first.

    Args:
        capacity: how many people it holds.
        max_share: how unlike a returning person may be, as a share of the cosine distance between
            different people of this video.
        margin: by how much of that distance the second best must be worse,
        doubt: and by how much more, divided by the number of looks at the person: the first few
            are often of somebody half in the picture.

    Raises ValueError when a number is outside its range.
    """

    def __init__(
        self,
        capacity: int = 500,
        *,
        max_share: float = 0.35,
        margin: float = 0.2,
        doubt: float = 0.6,
    ) -> None:
        if capacity < 0 or not 0 <= max_share <= 1 or margin < 0 or doubt < 0:
            raise ValueError(
                "expected capacity >= 0, max_share in [0, 1], margin >= 0 and doubt >= 0, got "
                f"{capacity}, {max_share}, {margin}, {doubt}"
            )
        self.capacity = capacity
        self.max_share = max_share
        self.margin = margin
        self.doubt = doubt
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
        looks: float = math.inf,
        waited_for: Sequence[tuple[int, Embeddings]] = (),
        never: Collection[int] = (),
    ) -> Resemblance:
        """Who looks like this (D,), and whether it is clear who it is.

        `unit` is the cosine distance between different people of this video, `looks` the number of
        looks that the embedding is the mean of. `waited_for` are people whose tracks still wait
        for them, each with id and embedding (D,): they may be meant as well. `never` are ids that
        it cannot be.
        """
        possible = ~np.isin(self.id, list(never))
        id, known = self.id[possible], self.embedding[possible]
        if waited_for:
            id = np.concatenate([id, [waiter for waiter, _ in waited_for]])
            also = [look for _, look in waited_for]
            known = np.concatenate([known.reshape(-1, len(embedding)), also])
        margin = self.margin + self.doubt / looks
        if not len(id) or embedding.shape != known.shape[1:]:
            nobody = np.empty(0, dtype=np.int64)
            return Resemblance(nobody, np.empty(0), self.max_share, margin, None)
        share = (1 - known @ embedding) / unit
        order = np.argsort(share, kind="stable")
        id, share = id[order], share[order]
        # Alone in the memory there is no second best; then somebody unknown stands for it.
        second = min(share[1:].min(initial=np.inf), 1.0)
        clear = share[0] <= self.max_share and second - share[0] >= margin
        person = int(id[0]) if clear else None
        return Resemblance(id, share, self.max_share, margin, person)

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
            "limits": np.array(
                [self.capacity, self.max_share, self.margin, self.doubt, self.last_id]
            ),
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
        if embedding.ndim != 2 or len(embedding) != len(id) or len(limits) != 5:
            raise ValueError(f"expected one embedding per id: got {embedding.shape} for {len(id)}")
        max_share, margin, doubt = (float(limit) for limit in limits[1:4])
        made = cls(int(limits[0]), max_share=max_share, margin=margin, doubt=doubt)
        made.last_id = int(limits[4])
        made.id = np.asarray(id, dtype=np.int64)
        made.embedding = np.asarray(embedding, dtype=np.float32)
        return made
