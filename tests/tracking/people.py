"""People for the tracker's tests: boxes at known places, unit embeddings, a noisy crowd."""

import numpy as np
import pytest

from deepsort_reid import Detections
from deepsort_reid.tracking import MeanAppearance, SizeMotion
from deepsort_reid.tracking.cascade import Cascade

# The rule that comes by default, the published one, and every other part exchanged.
TRACKERS = {
    "default": dict,
    "published": lambda: {"association": Cascade()},
    "means and sizes": lambda: {"appearance": MeanAppearance(), "motion": SizeMotion()},
}
each_tracker = pytest.mark.parametrize("parts", TRACKERS.values(), ids=TRACKERS.keys())


def standing(*lefts, top=100, width=20, height=50):
    """Boxes (N, 4) of people of one size side by side, by their left edges."""
    return np.array([[left, top, left + width, top + height] for left in lefts], dtype=np.float64)


def looks(n, width=16, seed=0):
    """Embeddings (n, width) of n people who do not resemble each other: orthogonal rows."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0][:n]


def alike(embedding, rng, noise=0.03):
    """The same people (N, D) a moment later: a little different, unit length again."""
    changed = embedding + noise * rng.normal(size=embedding.shape)
    return changed / np.linalg.norm(changed, axis=1, keepdims=True)


def crowd(frames, people=12, seed=0, embedded=True, classes=1):
    """Detections of each frame: walkers with misses, jitter and false positives."""
    rng = np.random.default_rng(seed)
    place = rng.uniform([0, 0], [640, 480], (people, 2))
    speed = rng.normal(0, 3, (people, 2))
    height = rng.uniform(60, 140, people)
    embedding, class_id = looks(people), rng.integers(0, classes, people)
    for _ in range(frames):
        place += speed
        seen = np.flatnonzero(rng.random(people) < 0.85)
        false = rng.integers(0, 3)
        centre = np.concatenate(
            [place[seen] + rng.normal(0, 1, (len(seen), 2)), rng.uniform(0, 480, (false, 2))]
        )
        tall = np.concatenate([height[seen] * rng.normal(1, 0.02, len(seen)), np.full(false, 90.0)])
        rows = np.concatenate([alike(embedding[seen], rng), alike(np.zeros((false, 16)), rng, 1)])
        yield Detections.from_xywh(
            np.column_stack([centre, 0.4 * tall, tall]),
            np.concatenate([rng.uniform(0.4, 1, len(seen)), rng.uniform(0, 0.6, false)]),
            np.concatenate([class_id[seen], np.zeros(false, dtype=np.int64)]),
            rows if embedded else None,
        )
