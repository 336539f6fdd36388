"""The floor: what NumPy and lap alone take for one frame of N tracks and N detections.

The operations every tracker with galleries must do, on arrays of the right sizes, without any
of the decisions in between: Kalman predict and update in decoupled form, the gate, cosine for
the gated pairs, IoU and one assignment.
"""

from collections.abc import Callable
from typing import Any

import lap
import numpy as np

GALLERY, EMBEDDING_WIDTH = 100, 128
GATED_PER_TRACK = 5


def milliseconds(
    people: int, clock: Callable[[], float], *, repeats: int = 30, seed: int = 0
) -> dict[str, float]:
    """Median milliseconds of each operation at `people` tracks and detections."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, operation in _operations(people, rng).items():
        operation()
        spent = []
        for _ in range(repeats):
            start = clock()
            operation()
            spent.append(clock() - start)
        found[name] = 1000 * float(np.median(spent))
    return found


def _operations(n: int, rng: np.random.Generator) -> dict[str, Callable[[], Any]]:
    mean = rng.standard_normal((n, 4))
    variance, covariance, spread = (rng.uniform(1, 2, (n, 4)) for _ in range(3))
    measured = rng.standard_normal((n, 4))
    place = rng.uniform(0, 1800, (n, 2))
    xyxy = np.concatenate([place, place + rng.uniform(20, 120, (n, 2))], axis=1)
    gallery = rng.standard_normal((n, GALLERY, EMBEDDING_WIDTH)).astype(np.float32)
    embedding = rng.standard_normal((n, EMBEDDING_WIDTH)).astype(np.float32)
    near = rng.integers(0, n, (n, min(n, GATED_PER_TRACK)))
    cost = np.full((n, n), 0.2 + 1e-5)
    cost[np.arange(n)[:, None], near] = rng.uniform(0, 0.2, near.shape)

    def kalman() -> Any:
        moved = mean + 0.5 * measured
        grown = variance + 2 * covariance + spread
        gain = grown / (grown + 1)
        return moved + gain * (measured - moved), (1 - gain) * grown, covariance + spread

    def gate() -> Any:
        # (a - b)^2 / s summed over four coordinates, as one matrix product.
        scaled = 1 / spread
        ours = np.concatenate([mean**2 * scaled, -2 * mean * scaled, scaled], axis=1)
        seen = np.concatenate([np.ones((n, 4)), measured, measured**2], axis=1)
        return ours @ seen.T <= 9.4877

    def cosine() -> Any:
        chosen = embedding[near]
        return [1 - (chosen[k] @ gallery[k].T).max(axis=1) for k in range(n)]

    left, top, right, bottom = xyxy.astype(np.float32).T

    def iou() -> Any:
        # float32 and one axis at a time: much cheaper than (N, N, 2) in float64.
        both = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
        np.maximum(both, 0, out=both)
        down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
        both *= np.maximum(down, 0, out=down)
        area = (right - left) * (bottom - top)
        return both / (area[:, None] + area - both)

    def assignment() -> Any:
        return lap.lapjv(cost, extend_cost=True)

    return {
        "Kalman": kalman, "gate": gate, "cosine": cosine, "IoU": iou, "assignment": assignment
    }  # fmt: skip
