"""Which pictures go into which batch."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def identity_batches(
    identity: NDArray[np.int64], people: int, images_each: int, *, seed: int, epoch: int
) -> Iterator[NDArray[np.int64]]:
    """Batches of `people` x `images_each` rows, grouped by person, for one epoch.

    `identity` (N,) holds one number per picture. Every person comes once before anybody comes
    again, and so does every picture of a person; people with fewer than `images_each` pictures
    repeat theirs. An epoch is as many batches as it takes to show N pictures. The same seed and
    epoch give the same batches.
    """
    identity = np.asarray(identity, np.int64)
    names = np.unique(identity)
    if people < 1 or images_each < 1:
        raise ValueError(f"people and images_each must be at least 1, got {people}, {images_each}")
    if people > len(names):
        raise ValueError(f"a batch of {people} people needs as many in the data, got {len(names)}")
    rng = np.random.default_rng((seed, epoch))
    rows_of = {name: _Deck(np.flatnonzero(identity == name), rng) for name in names}
    everybody = _Deck(names, rng)
    for _ in range(max(len(identity) // (people * images_each), 1)):
        chosen = everybody.draw(people)
        yield np.concatenate([rows_of[name].draw(images_each) for name in chosen])


def share_of_batch(
    rows: NDArray[np.int64], images_each: int, rank: int, processes: int
) -> NDArray[np.int64]:
    """The rows of one process: whole people; the shares in order of rank are the batch."""
    people = len(rows) // images_each
    if people % processes:
        raise ValueError(
            f"people in a batch must divide among the processes, got {people} for {processes}"
        )
    each = people // processes * images_each
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
