"""Embeddings of people for the tests: unit vectors around one direction for each person."""

import numpy as np

DIM = 64


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def directions(number, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(number, DIM)))


class People:
    """People who are seen with some noise; `rng` is seeded."""

    def __init__(self, number=12, noise=0.02, seed=1):
        self._rng = np.random.default_rng(seed)
        self._direction = directions(number)
        self._noise = noise

    def embed(self, persons):
        """Embeddings (T, D) of these people."""
        clean = self._direction[np.asarray(persons, dtype=int)]
        return unit(clean + self._noise * self._rng.normal(size=clean.shape))


def show(registry, people, tracks, *, camera="door", start=0.0, frames=10, ended=()):
    """Update with `frames` frames of these tracks, id -> number of the person.

    Returns the last update, with the changes of all.
    """
    ids, changes = list(tracks), []
    for frame in range(frames):
        last = frame == frames - 1
        embedding = people.embed([tracks[id] for id in ids]) if ids else None
        update = registry.update(camera, start + frame, ids, embedding, ended=ended if last else ())
        changes += update.changes
    return update._replace(changes=changes)
