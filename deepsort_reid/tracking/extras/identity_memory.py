"""Identity memory: embeddings and ids of lost identities, for re-identification.

A track is deleted after `max_age` frames without a match, but the person may return after minutes.
Before a track gets a new id, its embedding is compared with those of lost identities. It gets the
id of the nearest one if that is much nearer than identities of this video usually are, and clearly
nearer than the second best; otherwise it gets a new id, because a wrong match is the larger error.
"""

import math
from collections.abc import Collection, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures.numbers import as_float, as_numbers
from deepsort_reid.tracking.settings import is_count

Embeddings = NDArray[np.float32]

_MAX_ID = 2**53  # exact as a float64
_MAX_MARGIN = 1e9
_UNIT_TOLERANCE = 1e-2  # of the length of an embedding: files may hold float16


class ReidMatch(NamedTuple):
    """Result of a comparison with K lost identities; `str()` puts it in words.

    Attributes:
        id: ids (K,), nearest first.
        distance: normalised cosine distances (K,), 1 on average between identities.
        max_normalized_distance: maximum of a match.
        margin: minimum difference to the second best.
        matched_id: the id of the match, None when there is no clear one.
    """

    id: NDArray[np.int64]
    distance: NDArray[np.floating[Any]]
    max_normalized_distance: float
    margin: float
    matched_id: int | None

    def __str__(self) -> str:
        if not len(self.id):
            return "no lost identity to compare with"
        nearest = f"nearest lost identity {self.id[0]} at distance {self.distance[0]:.2f}"
        if self.distance[0] > self.max_normalized_distance:
            return f"{nearest}, above the maximum of {self.max_normalized_distance:.2f}"
        # An unknown identity at distance 1 is the second best when no other is nearer.
        if len(self.id) > 1 and self.distance[1] < 1:
            second = f"second {self.id[1]} at {self.distance[1]:.2f}"
        else:
            second = "no other below 1.00"
        clear = "clear" if self.matched_id is not None else "not clear"
        return f"{nearest}, {second}: {clear}, required margin {self.margin:.2f}"


class IdentityMemory:
    """Bounded memory of lost identities, id -> unit embedding; the oldest one is dropped first.

    Args:
        capacity: maximum number of identities; 0 for none.
        max_normalized_distance: maximum cosine distance of a match, in units of the mean
            inter-identity distance of the video.
        margin: minimum difference of the second best distance, in the same units.
        small_sample_margin: added to `margin`, divided by the number of embeddings of the track:
            the first few often show a truncated person.

    Raises ValueError when a value is outside its range.

    Attributes:
        id: ids (P,), in the order in which the identities were lost.
        embedding: unit embeddings (P, D).
        last_id: the highest id assigned so far; no id is assigned twice.
    """

    def __init__(
        self,
        capacity: int = 500,
        *,
        max_normalized_distance: float = 0.35,
        margin: float = 0.2,
        small_sample_margin: float = 0.6,
    ) -> None:
        in_range = is_count(capacity, 0) and 0 <= as_float(max_normalized_distance) <= 1
        margins = as_float(margin), as_float(small_sample_margin)
        if not in_range or not all(0 <= each <= _MAX_MARGIN for each in margins):
            raise ValueError(
                "expected capacity >= 0, max_normalized_distance in [0, 1], margin >= 0 and "
                f"small_sample_margin >= 0, got {capacity!r:.80}, {max_normalized_distance!r:.80}, "
                f"{margin!r:.80}, {small_sample_margin!r:.80}"
            )
        self.capacity = capacity
        self.max_normalized_distance = max_normalized_distance
        self.margin = margin
        self.small_sample_margin = small_sample_margin
        self.last_id = 0
        self.id = np.empty(0, dtype=np.int64)
        self.embedding: Embeddings = np.empty((0, 0), dtype=np.float32)

    def __len__(self) -> int:
        return len(self.id)

    def new_id(self) -> int:
        """The next unused id."""
        self.last_id += 1
        return self.last_id

    def add(self, id: int, embedding: ArrayLike) -> None:
        """Add a lost identity with its unit embedding (D,); replaces an older entry of the id.

        Raises ValueError when the id is no whole number from 1 to 2**53, or the embedding is no
        unit row or has another length than the stored ones; nothing has changed then.
        """
        if not isinstance(id, Integral) or not 1 <= id <= _MAX_ID:
            raise ValueError(f"id must be a whole number from 1 to 2**53, got {id!r:.80}")
        id = int(id)
        added = as_numbers(embedding, np.float32, "embedding must be numbers of shape (D,)")
        if added.ndim != 1:
            raise ValueError(f"embedding must have shape (D,), got {added.shape}")
        if len(self.id) and added.shape != self.embedding.shape[1:]:
            raise ValueError(
                f"embeddings must keep their length: expected {self.embedding.shape[1]}, "
                f"got {added.shape}"
            )
        _check_embeddings(added[None])
        self.remove(id)
        self.last_id = max(self.last_id, id)
        if not self.capacity:
            return
        stored = self.embedding.reshape(-1, len(added))
        self.id = np.append(self.id, id)[-self.capacity :]
        self.embedding = np.concatenate([stored, added[None]])[-self.capacity :]

    def remove(self, id: int) -> None:
        """Remove one identity; nothing happens when the id is not stored."""
        keep = self.id != id
        self.id, self.embedding = self.id[keep], self.embedding[keep]

    def match(
        self,
        embedding: Embeddings,
        inter_identity_distance: float,
        *,
        num_embeddings: float = math.inf,
        lost_tracks: Sequence[tuple[int, Embeddings]] = (),
        excluded_ids: Collection[int] = (),
    ) -> ReidMatch:
        """Compare the embedding (D,) of a track with the stored identities.

        Args:
            embedding: unit mean of the track's embeddings (D,).
            inter_identity_distance: mean cosine distance between identities of this video.
            num_embeddings: number of embeddings of which `embedding` is the mean.
            lost_tracks: id and embedding (D,) of further candidates: coasting tracks.
            excluded_ids: stored ids that are no candidates.
        """
        candidate = ~np.isin(self.id, list(excluded_ids))
        id, known = self.id[candidate], self.embedding[candidate]
        if lost_tracks:
            id = np.concatenate([id, [lost_id for lost_id, _ in lost_tracks]])
            also = [lost_embedding for _, lost_embedding in lost_tracks]
            known = np.concatenate([known.reshape(-1, len(embedding)), also])
        margin = self.margin + self.small_sample_margin / num_embeddings
        if not len(id) or embedding.shape != known.shape[1:]:
            no_id = np.empty(0, dtype=np.int64)
            return ReidMatch(no_id, np.empty(0), self.max_normalized_distance, margin, None)
        distance = (1 - known @ embedding) / inter_identity_distance
        order = np.argsort(distance, kind="stable")
        id, distance = id[order], distance[order]
        # An unknown identity at distance 1 is the second best when no other is nearer.
        second = min(distance[1:].min(initial=np.inf), 1.0)
        is_clear = distance[0] <= self.max_normalized_distance and second - distance[0] >= margin
        matched_id = int(id[0]) if is_clear else None
        return ReidMatch(id, distance, self.max_normalized_distance, margin, matched_id)

    def merge(self, other: "IdentityMemory") -> None:
        """Add all identities of `other`; its embedding replaces that of an id stored in both.

        Raises ValueError when the embeddings have different lengths.
        """
        for id, embedding in zip(other.id.tolist(), other.embedding, strict=True):
            self.add(id, embedding)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays for `from_arrays`, e.g. to save: `np.savez(path, **memory.as_arrays())`."""
        settings = [
            self.capacity,
            self.max_normalized_distance,
            self.margin,
            self.small_sample_margin,
            self.last_id,
        ]
        return {
            "id": self.id.copy(),
            "embedding": self.embedding.copy(),
            "limits": np.array(settings),
        }

    @classmethod
    def from_arrays(cls, arrays: Any) -> "IdentityMemory":
        """The memory of the arrays of `as_arrays`: a dictionary, or the result of `np.load`.

        Raises ValueError when an array is missing, has another shape, or holds values that no
        memory has: ids that repeat or are below 1 or above `last_id`, embeddings whose length is
        not 1.
        """
        try:
            id, embedding, limits = (arrays[name] for name in ("id", "embedding", "limits"))
        except KeyError as error:
            raise ValueError(f"expected the arrays id, embedding and limits: no {error}") from error
        id = as_numbers(id, np.float64, "id must be numbers of shape (P,)")
        embedding = as_numbers(embedding, np.float32, "embedding must be numbers of shape (P, D)")
        limits = as_numbers(limits, np.float64, "limits must be 5 numbers")
        if id.ndim != 1 or embedding.ndim != 2 or len(embedding) != len(id) or limits.shape != (5,):
            raise ValueError(
                f"expected one embedding per id and 5 limits: got {embedding.shape} for {id.shape} "
                f"and {limits.shape}"
            )
        capacity, max_distance, margin, small_sample_margin, last_id = limits.tolist()
        _check_limits(limits)
        _check_ids(id, int(capacity), int(last_id))
        _check_embeddings(embedding)
        memory = cls(
            int(capacity),
            max_normalized_distance=max_distance,
            margin=margin,
            small_sample_margin=small_sample_margin,
        )
        memory.last_id = int(last_id)
        memory.id = id.astype(np.int64)
        memory.embedding = embedding.copy()
        return memory


def _check_limits(limits: NDArray[np.float64]) -> None:
    """Raise ValueError unless the limits (5,) are finite, and the counts whole and not negative."""
    counts = limits[[0, 4]]
    valid = np.isfinite(limits).all() and (counts == np.round(counts)).all()
    if not (valid and (counts >= 0).all() and (counts <= _MAX_ID).all()):
        raise ValueError(
            "limits must be capacity, max_normalized_distance, margin, small_sample_margin and "
            f"last_id, finite, the first and the last whole numbers from 0, got {limits.tolist()}"
        )


def _check_ids(id: NDArray[np.float64], capacity: int, last_id: int) -> None:
    """Raise ValueError unless the ids (P,) are those of a memory with these limits."""
    invalid = ~((id >= 1) & (id <= last_id) & (id == np.round(id)))
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        raise ValueError(
            f"id must be whole numbers from 1 to last_id, which is {last_id}, got {id[row]:g} in "
            f"row {row}"
        )
    values, count = np.unique(id, return_counts=True)
    if (count > 1).any():
        value = values[count > 1][0]
        row = int(np.flatnonzero(id == value)[1])
        raise ValueError(f"id must not repeat, got {value:g} again in row {row}")
    if len(id) > capacity:
        raise ValueError(f"expected at most {capacity} identities, the capacity, got {len(id)}")


def _check_embeddings(embedding: Embeddings) -> None:
    """Raise ValueError unless the rows (P, D) have length 1."""
    with np.errstate(over="ignore"):
        length = np.linalg.norm(embedding, axis=1)
    invalid = ~(np.abs(length - 1) <= _UNIT_TOLERANCE)  # includes NaN
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        raise ValueError(
            f"embedding must be rows of length 1, got length {length[row]:.4g} in row {row}"
        )
