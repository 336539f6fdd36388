"""A simulated crowd as boxes and embeddings, without images.

    from benchmarks.lib.crowd import crowd
    scene = crowd(people=100, frames=300, seed=0)
    scene.detections[0], scene.truth

The result depends only on the arguments. The model:

- Persons stand on a floor in perspective (their height grows towards the bottom of the image), walk
  at 1.2 to 1.5 m/s at 25 frames per second, change their heading slowly and turn round at the
  border of the image; their paths cross often.
- A person of which a nearer one covers more than 70 % is not detected. A person may also be hidden
  by an obstacle for 5 to 40 frames, about every 250 frames. The detector misses 4 % of the rest.
- Box errors have a standard deviation of 2.5 % of the height and are correlated in time: 0.8 of an
  error remains in the next frame. There is one false_boxes positive per frame for every 20 persons.
- An embedding is the sum of a direction of the identity, a direction common to all identities (two
  identities have a cosine distance of 0.55, not 1), noise per frame, and the embedding of the
  covering person weighted by the covered fraction.
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
EMBEDDING_DIM = 128
METRES_PER_FRAME = (1.2 / 25, 1.5 / 25)
PERSON_HEIGHT = 1.7  # metres
MAX_OCCLUSION = 0.7  # covered fraction from which a person is not detected
OBSTACLE_INTERVAL, OBSTACLE_FRAMES = 250, (5, 40)  # frames: mean interval, range of duration
MISS_RATE = 0.04
FALSE_PER_PERSON = 0.05
BOX_ERROR, ERROR_CORRELATION = 0.025, 0.8  # std in box heights; fraction in the next frame
FAR_HEIGHT, NEAR_HEIGHT = 45, 150  # pixels
COMMON_LENGTH, NOISE_LENGTH = 0.9, 0.32  # relative to the direction of the identity


class CrowdFrame(NamedTuple):
    """One frame of the crowd."""

    detections: Detections
    true_id: NDArray[np.int64]  # (M,) identity of each detection, -1 for a false positive
    id: NDArray[np.int64]  # (N,) identities, detected or not
    xyxy: Array  # (N, 4)


@dataclass(frozen=True)
class Crowd:
    """A finite simulated video."""

    detections: tuple[Detections, ...]
    true_id: tuple[NDArray[np.int64], ...]
    truth: MotRows


def crowd(people: int, frames: int = 300, seed: int = 0) -> Crowd:
    """Simulate `frames` frames in which the same `people` persons stay."""
    crowd_frames = list(islice(simulate(people, seed), frames))
    frame = np.repeat(np.arange(1, frames + 1), people)
    truth = MotRows(
        frame,
        np.concatenate([crowd_frame.id for crowd_frame in crowd_frames]),
        np.concatenate([crowd_frame.xyxy for crowd_frame in crowd_frames]),
    )
    return Crowd(
        tuple(crowd_frame.detections for crowd_frame in crowd_frames),
        tuple(crowd_frame.true_id for crowd_frame in crowd_frames),
        truth,
    )


def simulate(people: int, seed: int = 0, *, mean_stay: float = np.inf) -> Iterator[CrowdFrame]:
    """Simulate frames without end.

    Args:
        people: persons at a time.
        seed: of all random numbers.
        mean_stay: mean number of frames after which a person is replaced by a new one.
    """
    rng = np.random.default_rng(seed)
    common = _unit(rng.standard_normal(EMBEDDING_DIM))
    identity = np.arange(1, people + 1)
    direction = _unit(rng.standard_normal((people, EMBEDDING_DIM)))
    feet, heading = _random_feet(rng, people)
    aspect = rng.uniform(0.36, 0.46, people)
    speed = rng.uniform(*METRES_PER_FRAME, people)
    turn = np.zeros(people)
    hidden = np.zeros(people, dtype=np.int64)  # remaining frames behind an obstacle
    error = rng.normal(0, BOX_ERROR, (people, 4))  # of the detected box, in box heights
    while True:
        xyxy = _boxes(feet, aspect)
        begins = (hidden == 0) & (rng.random(people) < 1 / OBSTACLE_INTERVAL)
        hidden = np.where(begins, rng.integers(*OBSTACLE_FRAMES, people, endpoint=True), hidden)
        appearance = _unit(direction + COMMON_LENGTH * common)
        yield _detect(rng, identity, xyxy, error, appearance, hidden > 0)
        hidden = np.maximum(hidden - 1, 0)
        fresh = rng.normal(0, BOX_ERROR * np.sqrt(1 - ERROR_CORRELATION**2), (people, 4))
        error = ERROR_CORRELATION * error + fresh
        turn = 0.9 * turn + rng.normal(0, 0.01, people)
        heading = heading + turn
        feet, heading = _step(feet, heading, speed)
        leaving = np.flatnonzero(rng.random(people) < 1 / mean_stay)
        if len(leaving):
            identity[leaving] = identity.max() + 1 + np.arange(len(leaving))
            direction[leaving] = _unit(rng.standard_normal((len(leaving), EMBEDDING_DIM)))
            feet[leaving], heading[leaving] = _random_feet(rng, len(leaving))
            hidden[leaving] = 0


def _random_feet(rng: np.random.Generator, people: int) -> tuple[Array, Array]:
    """Return random feet (people, 2) in pixels and headings (people,) in radians."""
    feet = np.column_stack([rng.uniform(0, WIDTH, people), rng.uniform(*_floor_rows(), people)])
    return feet, rng.uniform(0, 2 * np.pi, people)


def _floor_rows() -> tuple[float, float]:
    """Return the top and bottom row of the floor."""
    return 0.3 * HEIGHT, float(HEIGHT)


def _pixel_height(foot: Array) -> Array:
    """Return the height in pixels of persons whose feet are in the rows `foot`."""
    far, near = _floor_rows()
    return FAR_HEIGHT + (foot - far) / (near - far) * (NEAR_HEIGHT - FAR_HEIGHT)


def _boxes(feet: Array, aspect: Array) -> Array:
    height = _pixel_height(feet[:, 1])
    half = aspect * height / 2
    x, foot = feet.T
    return np.column_stack([x - half, foot - height, x + half, foot])


def _step(feet: Array, heading: Array, speed: Array) -> tuple[Array, Array]:
    """Return feet and heading one frame later; persons turn round at the end of the floor."""
    pixels = speed * _pixel_height(feet[:, 1]) / PERSON_HEIGHT
    # The camera is low: movement in depth moves the feet by fewer pixels than sideways movement.
    x = feet[:, 0] + pixels * np.cos(heading)
    y = feet[:, 1] + 0.5 * pixels * np.sin(heading)
    far, near = _floor_rows()
    aside, along = (x < 0) | (x > WIDTH), (y < far) | (y > near)
    heading = np.where(aside, np.pi - heading, heading)
    heading = np.where(along, -heading, heading)
    return np.column_stack([np.clip(x, 0, WIDTH), np.clip(y, far, near)]), heading


def _detect(
    rng: np.random.Generator,
    identity: NDArray[np.int64],
    xyxy: Array,
    error: Array,
    appearance: Array,
    hidden: NDArray[np.bool_],
) -> CrowdFrame:
    """Simulate detector and embedder for persons at `xyxy` (N, 4)."""
    people = len(identity)
    covered, covering = _occlusion(xyxy)
    missed = rng.random(people) < MISS_RATE
    detected = np.flatnonzero(~hidden & ~missed & (covered < MAX_OCCLUSION))
    height = (xyxy[detected, 3] - xyxy[detected, 1])[:, None]
    true_boxes = xyxy[detected] + error[detected] * height
    mixed = appearance[detected] + covered[detected, None] * appearance[covering[detected]]
    embedding = _unit(_add_noise(rng, mixed))
    score = 0.92 - 0.5 * covered[detected] + rng.normal(0, 0.05, len(detected))

    n_false = rng.poisson(FALSE_PER_PERSON * people)
    feet, _ = _random_feet(rng, n_false)
    false_boxes = _boxes(feet, rng.uniform(0.3, 0.6, n_false))
    background = _unit(rng.standard_normal((n_false, EMBEDDING_DIM)))

    order = rng.permutation(len(detected) + n_false)
    detections = Detections(
        np.concatenate([true_boxes, false_boxes])[order],
        np.clip(np.concatenate([score, rng.uniform(0.3, 0.6, n_false)]), 0.05, 0.99)[order],
        embedding=np.concatenate([embedding, background]).astype(np.float32)[order],
    )
    true_id = np.concatenate([identity[detected], np.full(n_false, -1)])[order]
    return CrowdFrame(detections, true_id, identity.copy(), xyxy)


def _occlusion(xyxy: Array) -> tuple[Array, NDArray[np.intp]]:
    """Return for each box the fraction (N,) that one nearer person covers, and its row (N,).

    Of several nearer persons, the one that covers most counts.
    """
    top_left = np.maximum(xyxy[:, None, :2], xyxy[None, :, :2])  # (N, N, 2)
    bottom_right = np.minimum(xyxy[:, None, 2:], xyxy[None, :, 2:])
    intersection = np.maximum(bottom_right - top_left, 0).prod(axis=2)
    nearer = xyxy[None, :, 3] > xyxy[:, None, 3]
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
    fraction = np.where(nearer, intersection, 0) / area[:, None]
    covering = fraction.argmax(axis=1)
    return fraction[np.arange(len(xyxy)), covering], covering


def _add_noise(rng: np.random.Generator, embedding: Array) -> Array:
    noise = rng.standard_normal(embedding.shape) / np.sqrt(embedding.shape[1])
    return _unit(embedding) + NOISE_LENGTH * noise


def _unit(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
