"""Identity-balanced batch sampling."""

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
    """Yield the batches of one epoch, `identities_per_batch` x `images_per_identity` rows each.

    identity: (N,) class index of each image. The rows of one identity are adjacent. All identities
    are drawn once before any is drawn again, and so are the images of an identity; identities with
    fewer than `images_per_identity` images repeat theirs. An epoch has N // (rows per batch)
    batches, at least one. The same seed and epoch give the same batches.

    Raises ValueError when a number is below 1 or there are fewer identities than a batch needs.
    """
    identity = np.asarray(identity, np.int64)
    names = np.unique(identity)
    if identities_per_batch < 1 or images_per_identity < 1:
        raise ValueError(
            "identities_per_batch and images_per_identity: expected at least 1, got "
            f"{identities_per_batch} and {images_per_identity}"
        )
    if identities_per_batch > len(names):
        raise ValueError(
            f"identities_per_batch: expected at most {len(names)}, the identities in the data, "
            f"got {identities_per_batch}"
        )
    rng = np.random.default_rng((seed, epoch))
    rows_of = {name: _ShuffledCycle(np.flatnonzero(identity == name), rng) for name in names}
    identities = _ShuffledCycle(names, rng)
    for _ in range(max(len(identity) // (identities_per_batch * images_per_identity), 1)):
        chosen = identities.draw(identities_per_batch)
        yield np.concatenate([rows_of[name].draw(images_per_identity) for name in chosen])


def group_batches(
    group: NDArray[np.int64], groups_per_batch: int, images_per_group: int, *, seed: int, epoch: int
) -> Iterator[NDArray[np.int64]]:
    """Yield the batches of one epoch, `groups_per_batch` x `images_per_group` rows each.

    group: (N,) number of the group of each image, such as its identity. Unlike in
    `identity_batches`, large groups come more often: every image is drawn once, except those that
    are left over where the numbers do not divide. Groups with fewer than `images_per_group` images
    repeat theirs. The same seed and epoch give the same batches.

    Raises ValueError when a number is below 1 or the images are too few for one batch.
    """
    if groups_per_batch < 1 or images_per_group < 1:
        raise ValueError(
            "groups_per_batch and images_per_group: expected at least 1, got "
            f"{groups_per_batch} and {images_per_group}"
        )
    rng = np.random.default_rng((seed, epoch))
    shuffled = rng.permutation(len(group))
    by_group = shuffled[np.argsort(group[shuffled], kind="stable")]
    ends = np.flatnonzero(np.diff(group[by_group], append=-1)) + 1
    parts = []
    for rows in np.split(by_group, ends[:-1]):
        count = max(len(rows) // images_per_group, 1)
        parts.append(np.resize(rows, (count, images_per_group)))
    chunks = rng.permutation(np.concatenate(parts))
    if len(chunks) < groups_per_batch:
        raise ValueError(
            f"groups_per_batch: expected at most {len(chunks)} with {len(group)} images in groups "
            f"of {images_per_group}, got {groups_per_batch}"
        )
    for first in range(0, len(chunks) - groups_per_batch + 1, groups_per_batch):
        yield chunks[first : first + groups_per_batch].ravel()


def local_batch(
    rows: NDArray[np.int64], images_per_identity: int, rank: int, world_size: int
) -> NDArray[np.int64]:
    """The rows of a batch that one process trains on.

    Each process gets complete identities; the parts in order of rank are the whole batch. Raises
    ValueError when the identities of the batch cannot be divided among the processes.
    """
    num_identities = len(rows) // images_per_identity
    if num_identities % world_size:
        raise ValueError(
            f"identities_per_batch: expected a multiple of the number of processes, {world_size}, "
            f"got {num_identities}"
        )
    size = num_identities // world_size * images_per_identity
    return rows[rank * size : (rank + 1) * size]


class _ShuffledCycle:
    """Values in random order, reshuffled when all were drawn."""

    def __init__(self, values: NDArray[np.int64], rng: np.random.Generator) -> None:
        self._values = values
        self._rng = rng
        self._remaining = rng.permutation(values)

    def draw(self, count: int) -> NDArray[np.int64]:
        """Draw `count` values, without repetition if there are that many different values."""
        drawn = self._remaining[:count]
        self._remaining = self._remaining[count:]
        while len(drawn) < count:
            fresh = self._rng.permutation(self._values)
            if len(self._values) >= count:
                repeated = np.isin(fresh, drawn)
                fresh = np.concatenate([fresh[~repeated], fresh[repeated]])
            need = count - len(drawn)
            drawn = np.concatenate([drawn, fresh[:need]])
            self._remaining = fresh[need:]
        return drawn
