"""Simulated embeddings of many persons under many cameras, made from those of real tracks.

A simulated person is a real one in another place: the residuals of all prototypes of its tracks,
which are neither small nor of equal size in all directions, are those of a real person; its mean is
partly that of this person and partly random, with the covariance of the means of real persons. The
means of cameras are random, with the covariance of those of the real cameras.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.ended_track import summarize

Array = NDArray[np.float64]
Embeddings = NDArray[np.float32]
Ints = NDArray[np.int64]

_JOIN_DISTANCE = 0.125  # of prototypes: that of the registry before it has seen two people together
_MIN_TRACKS = 3  # of a real person


class TrackPrototypes(NamedTuple):
    """Prototypes (G, D) of tracks, and the camera, person and track (G,) of each."""

    embedding: Embeddings
    camera: Ints
    person: Ints
    track: Ints


def prototypes_of_tracks(
    embedding: Embeddings, crops: list[Ints], camera: Ints, person: Ints
) -> TrackPrototypes:
    """Prototypes of tracks (T,), given the rows of `embedding` (N, D) of each."""
    found = [summarize(embedding[rows], join_distance=_JOIN_DISTANCE).embedding for rows in crops]
    track = np.repeat(np.arange(len(crops)), [len(each) for each in found])
    return TrackPrototypes(np.concatenate(found), camera[track], person[track], track)


class Population:
    """Simulated persons.

    Args:
        real: prototypes of real tracks; persons with fewer than three tracks are not used.
        cameras: number of simulated cameras.
        rng: random numbers.
        random_share: share of the variance of the mean of a person that is random; chosen by
            `calibrated_random_share` when not given.
    """

    def __init__(
        self,
        real: TrackPrototypes,
        cameras: int,
        rng: np.random.Generator,
        random_share: float | None = None,
    ) -> None:
        self._rng = rng
        rows = real.embedding.astype(np.float64)
        mean = rows.mean(axis=0)
        camera_means, camera = group_means(rows, real.camera)
        rows = rows - camera_means[camera]
        person_means, person = group_means(rows, real.person)
        first = np.unique(real.track, return_index=True)[1]
        number_of_tracks = np.bincount(person[first])
        self._residuals = (rows - person_means[person]).astype(np.float32)
        ends = np.append(first[1:], len(rows))
        self._tracks: list[list[slice]] = [[] for _ in person_means]
        for begin, end in zip(first.tolist(), ends.tolist(), strict=True):
            self._tracks[person[begin]].append(slice(begin, end))
        self.seeds = np.flatnonzero(number_of_tracks >= _MIN_TRACKS)
        self._means = person_means.astype(np.float32)
        self._factor = _factor(np.cov(person_means.T))
        camera_factor = _factor(np.cov(camera_means.T))
        self._camera = mean.astype(np.float32) + self._normal(cameras, camera_factor)
        self.random_share = random_share
        if random_share is None:
            self.random_share = self._calibrated(real)

    def persons(self, number: int, seeds: Ints | None = None) -> tuple[Ints, Embeddings]:
        """New persons: the real one (N,) of each, and their means (N, D)."""
        seed = self._rng.choice(self.seeds if seeds is None else seeds, size=number)
        share = self.random_share or 0.0
        moved = np.sqrt(share) * self._normal(number, self._factor)
        return seed, np.sqrt(1 - share, dtype=np.float32) * self._means[seed] + moved

    def tracks(
        self, seed: Ints, mean: Embeddings, camera: Ints, turn: int
    ) -> tuple[Embeddings, Ints]:
        """One track of each person: prototypes (G, D), and the row of the person (G,) of each.

        Args:
            seed, mean: of the persons (N,), see `persons`.
            camera: (N,).
            turn: number of the track of a person, 0 to 2: different real tracks.
        """
        found = []
        for real in seed.tolist():
            tracks = self._tracks[real]
            found.append(tracks[(real + turn) % len(tracks)])
        size = [each.stop - each.start for each in found]
        index = np.concatenate([np.arange(each.start, each.stop) for each in found])
        row = np.repeat(np.arange(len(seed)), size)
        embedding = self._residuals[index] + (mean + self._camera[camera])[row]
        embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
        return embedding, row

    def _calibrated(self, real: TrackPrototypes) -> float:
        """The share with which half of the real persons make as similar people as all of them."""
        target = nearest_other(real.embedding, real.person)
        low, high = 0.0, 1.0
        for _ in range(7):
            self.random_share = (low + high) / 2
            half = self._rng.permutation(self.seeds)[: len(self.seeds) // 2]
            seed, mean = self.persons(len(self.seeds), half)
            parts = []
            for turn in range(_MIN_TRACKS):
                camera = self._rng.integers(len(self._camera), size=len(seed))
                parts.append(self.tracks(seed, mean, camera, turn))
            rows, person = (np.concatenate(each) for each in zip(*parts, strict=True))
            if nearest_other(rows, person) > target:
                low = self.random_share
            else:
                high = self.random_share
        return (low + high) / 2

    def _normal(self, number: int, factor: Embeddings) -> Embeddings:
        return self._rng.standard_normal((number, len(factor)), dtype=np.float32) @ factor


def group_means(rows: Array, group: Ints) -> tuple[Array, Ints]:
    """Mean (K, D) of the rows (N, D) of each group (N,), and the row of it (N,) for each."""
    _, index = np.unique(group, return_inverse=True)
    total = np.zeros((int(index.max()) + 1, rows.shape[1]))
    np.add.at(total, index, rows)
    return total / np.bincount(index)[:, None], index


def nearest_other(embedding: Embeddings, person: Ints) -> float:
    """Median over persons of the largest cosine of two prototypes, theirs and another person's."""
    _, index = np.unique(person, return_inverse=True)
    largest = np.full(int(index.max()) + 1, -1.0)
    for begin in range(0, len(index), 1024):
        part = index[begin : begin + 1024]
        cosine = embedding[begin : begin + 1024] @ embedding.T
        cosine[part[:, None] == index] = -1
        np.maximum.at(largest, part, cosine.max(axis=1))
    return float(np.median(largest))


def _factor(covariance: Array) -> Embeddings:
    """Matrix (R, D) with which standard normal rows (N, R) get a covariance (D, D)."""
    value, vector = np.linalg.eigh(covariance)
    used = value > 1e-9 * value.max()
    return np.asarray((vector[:, used] * np.sqrt(value[used])).T, dtype=np.float32)
