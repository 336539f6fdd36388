"""A crowd without pictures: people who walk, cross and hide, as boxes and embeddings.

    from benchmarks.lib.crowd import crowd
    scene = crowd(people=100, frames=300, seed=0)
    scene.detections[0], scene.truth

Everything follows from the seed. What is modelled, with the numbers that set it:

- People stand on a floor seen in perspective (height grows towards the bottom of the picture),
  walk at 1.2 to 1.5 m/s at 25 frames per second, change their heading slowly and turn round at
  the border of the picture; they cross all the time.
- A person covered by a nearer one by more than 70 % is not seen; a person may step behind
  something (a gap of 5 to 40 frames, about every 250 frames); a detector misses 4 % of the rest.
- Boxes are off by 2.5 % of the height, and stay off: a detector that puts somebody's feet too
  low does so for a while (0.8 of the error is left in the next frame). A false positive comes
  for every twentieth person.
- Embeddings: a direction of the person's own, one that all people share (so that two people are
  0.55 apart in cosine distance, not 1), noise in every frame, and what covers the person mixed in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows

Array = NDArray[np.float64]

WIDTH, HEIGHT = 1920, 1080
EMBEDDING_WIDTH = 128
METRES_PER_FRAME = (1.2 / 25, 1.5 / 25)
TALL = 1.7  # metres
HIDDEN_AT = 0.7  # covered share from which nobody is seen
BEHIND_EVERY, BEHIND_FRAMES = 250, (5, 40)
MISSED = 0.04
FALSE_PER_PERSON = 0.05
BOX_ERROR, ERROR_KEPT = 0.025, 0.8  # of the height; share left in the next frame
FAR_TALL, NEAR_TALL = 45, 150  # pixels
SHARED, OWN_NOISE = 0.9, 0.32  # lengths beside a person's own direction of length 1


class Moment(NamedTuple):
    """One frame of the crowd."""

    detections: Detections
    true_id: NDArray[np.int64]  # (M,) of each detection, -1 for a false positive
    id: NDArray[np.int64]  # (N,) everybody, seen or not
    xyxy: Array  # (N, 4)


@dataclass(frozen=True)
class Crowd:
    """A crowd of some hundred frames, kept."""

    detections: tuple[Detections, ...]
    true_id: tuple[NDArray[np.int64], ...]
    truth: MotRows


def crowd(people: int, frames: int = 300, seed: int = 0) -> Crowd:
    """`frames` frames of a crowd in which the same `people` people stay."""
    moments = list(islice(walk(people, seed), frames))
    frame = np.repeat(np.arange(1, frames + 1), people)
    truth = MotRows(
        frame,
        np.concatenate([moment.id for moment in moments]),
        np.concatenate([moment.xyxy for moment in moments]),
    )
    return Crowd(
        tuple(moment.detections for moment in moments),
        tuple(moment.true_id for moment in moments),
        truth,
    )


def walk(people: int, seed: int = 0, *, stay: float = np.inf) -> Iterator[Moment]:
    """Frames without end; somebody leaves after `stay` frames on average and another comes."""
    rng = np.random.default_rng(seed)
    shared = _unit(rng.standard_normal(EMBEDDING_WIDTH))
    identity = np.arange(1, people + 1)
    looks = _unit(rng.standard_normal((people, EMBEDDING_WIDTH)))
    place, heading = _places(rng, people)
    aspect = rng.uniform(0.36, 0.46, people)
    speed = rng.uniform(*METRES_PER_FRAME, people)
    turn = np.zeros(people)
    behind = np.zeros(people, dtype=np.int64)  # frames left behind something
    error = rng.normal(0, BOX_ERROR, (people, 4))  # of the detected box, in heights
    while True:
        xyxy = _boxes(place, aspect)
        begins = (behind == 0) & (rng.random(people) < 1 / BEHIND_EVERY)
        behind = np.where(begins, rng.integers(*BEHIND_FRAMES, people, endpoint=True), behind)
        yield _seen(rng, identity, xyxy, error, _unit(looks + SHARED * shared), behind > 0)
        behind = np.maximum(behind - 1, 0)
        fresh = rng.normal(0, BOX_ERROR * np.sqrt(1 - ERROR_KEPT**2), (people, 4))
        error = ERROR_KEPT * error + fresh
        turn = 0.9 * turn + rng.normal(0, 0.01, people)
        heading = heading + turn
        place, heading = _step(place, heading, speed)
        left = np.flatnonzero(rng.random(people) < 1 / stay)
        if len(left):
            identity[left] = identity.max() + 1 + np.arange(len(left))
            looks[left] = _unit(rng.standard_normal((len(left), EMBEDDING_WIDTH)))
            place[left], heading[left] = _places(rng, len(left))
            behind[left] = 0


def _places(rng: np.random.Generator, people: int) -> tuple[Array, Array]:
    """Feet (people, 2) in pixels and headings (people,) in radians."""
    feet = np.column_stack([rng.uniform(0, WIDTH, people), rng.uniform(*_floor(), people)])
    return feet, rng.uniform(0, 2 * np.pi, people)


def _floor() -> tuple[float, float]:
    """Highest and lowest row where feet can be."""
    return 0.3 * HEIGHT, float(HEIGHT)


def _tall(foot: Array) -> Array:
    """Height in pixels of a person whose feet are in row `foot`."""
    far, near = _floor()
    return FAR_TALL + (foot - far) / (near - far) * (NEAR_TALL - FAR_TALL)


def _boxes(place: Array, aspect: Array) -> Array:
    height = _tall(place[:, 1])
    half = aspect * height / 2
    x, foot = place.T
    return np.column_stack([x - half, foot - height, x + half, foot])


def _step(place: Array, heading: Array, speed: Array) -> tuple[Array, Array]:
    """One frame later; who would leave the floor turns round instead."""
    pixels = speed * _tall(place[:, 1]) / TALL
    # A floor seen from a low camera: depth moves the feet less than width does.
    x = place[:, 0] + pixels * np.cos(heading)
    y = place[:, 1] + 0.5 * pixels * np.sin(heading)
    far, near = _floor()
    aside, along = (x < 0) | (x > WIDTH), (y < far) | (y > near)
    heading = np.where(aside, np.pi - heading, heading)
    heading = np.where(along, -heading, heading)
    return np.column_stack([np.clip(x, 0, WIDTH), np.clip(y, far, near)]), heading


def _seen(
    rng: np.random.Generator,
    identity: NDArray[np.int64],
    xyxy: Array,
    error: Array,
    looks: Array,
    behind: NDArray[np.bool_],
) -> Moment:
    """What a detector and an embedder make of people standing at `xyxy` (N, 4)."""
    people = len(identity)
    covered, by = _covered(xyxy)
    missed = rng.random(people) < MISSED
    here = np.flatnonzero(~behind & ~missed & (covered < HIDDEN_AT))
    height = (xyxy[here, 3] - xyxy[here, 1])[:, None]
    real = xyxy[here] + error[here] * height
    mixed = looks[here] + covered[here, None] * looks[by[here]]
    appearance = _unit(_noisy(rng, mixed))
    certainty = 0.92 - 0.5 * covered[here] + rng.normal(0, 0.05, len(here))

    n_false = rng.poisson(FALSE_PER_PERSON * people)
    feet, _ = _places(rng, n_false)
    false = _boxes(feet, rng.uniform(0.3, 0.6, n_false))
    background = _unit(rng.standard_normal((n_false, EMBEDDING_WIDTH)))

    order = rng.permutation(len(here) + n_false)
    detections = Detections(
        np.concatenate([real, false])[order],
        np.clip(np.concatenate([certainty, rng.uniform(0.3, 0.6, n_false)]), 0.05, 0.99)[order],
        embedding=np.concatenate([appearance, background]).astype(np.float32)[order],
    )
    true_id = np.concatenate([identity[here], np.full(n_false, -1)])[order]
    return Moment(detections, true_id, identity.copy(), xyxy)


def _covered(xyxy: Array) -> tuple[Array, NDArray[np.intp]]:
    """Share of each box (N,) that the nearer person covering most of it hides, and who that is."""
    corner = np.maximum(xyxy[:, None, :2], xyxy[None, :, :2])  # (N, N, 2)
    other = np.minimum(xyxy[:, None, 2:], xyxy[None, :, 2:])
    both = np.maximum(other - corner, 0).prod(axis=2)
    nearer = xyxy[None, :, 3] > xyxy[:, None, 3]
    share = np.where(nearer, both, 0) / (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)[:, None]
    by = share.argmax(axis=1)
    return share[np.arange(len(xyxy)), by], by


def _noisy(rng: np.random.Generator, looks: Array) -> Array:
    noise = rng.standard_normal(looks.shape) / np.sqrt(looks.shape[1])
    return looks / np.linalg.norm(looks, axis=1, keepdims=True) + OWN_NOISE * noise


def _unit(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
