"""Which pictures go into which batch."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def identity_batches(
    identity: NDArray[np.int64],
    identities_per_batch: int,
    images_per_identity: int,
    *,
    seed: int,
    epoch: int,
) -> Iterator[NDArray[np.int64]]:
    """Batches of `people` x `images_per_identity` rows, grouped by person, for one epoch.

    `identity` (N,) holds one number per picture. Every person comes once before anybody comes
    again, and so does every picture of a person; people with fewer than `images_per_identity`
    pictures repeat theirs. An epoch has N // (images per batch) batches. The same seed and epoch
    give the same batches.
    """
    identity = np.asarray(identity, np.int64)
    names = np.unique(identity)
    if identities_per_batch < 1 or images_per_identity < 1:
        raise ValueError(
            "identities_per_batch and images_per_identity must be at least 1, "
            f"got {identities_per_batch} and {images_per_identity}"
        )
    if identities_per_batch > len(names):
        raise ValueError(
            f"a batch of {identities_per_batch} people needs as many in the data, got {len(names)}"
        )
    rng = np.random.default_rng((seed, epoch))
    rows_of = {name: _Deck(np.flatnonzero(identity == name), rng) for name in names}
    everybody = _Deck(names, rng)
    for _ in range(max(len(identity) // (identities_per_batch * images_per_identity), 1)):
        chosen = everybody.draw(identities_per_batch)
        yield np.concatenate([rows_of[name].draw(images_per_identity) for name in chosen])


def local_batch(
    rows: NDArray[np.int64], images_per_identity: int, rank: int, world_size: int
) -> NDArray[np.int64]:
    """The rows of one process: whole people; the shares in order of rank are the batch."""
    people = len(rows) // images_per_identity
    if people % world_size:
        raise ValueError(
            f"people in a batch must divide among the processes, got {people} for {world_size}"
        )
    each = people // world_size * images_per_identity
    return rows[rank * each : (rank + 1) * each]


class _Deck:
    """Cards that are dealt all before any is dealt again."""

    def __init__(self, cards: NDArray[np.int64], rng: np.random.Generator) -> None:
        self._cards = cards
        self._rng = rng
        self._left = rng.permutation(cards)

    def draw(self, count: int) -> NDArray[np.int64]:
        """`count` cards, without repetition as long as there are `count` different ones."""
        hand = self._left[:count]
        self._left = self._left[count:]
        while len(hand) < count:
            fresh = self._rng.permutation(self._cards)
            if len(self._cards) >= count:
                fresh = np.concatenate([fresh[~np.isin(fresh, hand)], fresh[np.isin(fresh, hand)]])
            need = count - len(hand)
            hand, self._left = np.concatenate([hand, fresh[:need]]), fresh[need:]
        return hand
