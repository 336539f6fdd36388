"""Lower bound on the time of one frame: only the NumPy and lap operations that tracking needs.

For N tracks with galleries and N detections: Kalman predict and update in decoupled form, gating,
cosine distance of the gated pairs, IoU and one assignment, on random arrays of the right sizes.
"""

from collections.abc import Callable
from typing import Any

import lap
import numpy as np

GALLERY_SIZE, EMBEDDING_DIM = 100, 128
GATED_PER_TRACK = 5


def milliseconds(
    people: int, clock: Callable[[], float], *, repeats: int = 30, seed: int = 0
) -> dict[str, float]:
    """Return the median milliseconds of each operation.

    Args:
        people: number of tracks and of detections.
        clock: time in seconds.
        repeats: measurements per operation.
        seed: of the random arrays.
    """
    rng = np.random.default_rng(seed)
    medians = {}
    for name, operation in _operations(people, rng).items():
        operation()
        seconds = []
        for _ in range(repeats):
            start = clock()
            operation()
            seconds.append(clock() - start)
        medians[name] = 1000 * float(np.median(seconds))
    return medians


def _operations(n: int, rng: np.random.Generator) -> dict[str, Callable[[], Any]]:
    mean = rng.standard_normal((n, 4))
    variance, covariance, noise = (rng.uniform(1, 2, (n, 4)) for _ in range(3))
    measured = rng.standard_normal((n, 4))
    position = rng.uniform(0, 1800, (n, 2))
    xyxy = np.concatenate([position, position + rng.uniform(20, 120, (n, 2))], axis=1)
    gallery = rng.standard_normal((n, GALLERY_SIZE, EMBEDDING_DIM)).astype(np.float32)
    embedding = rng.standard_normal((n, EMBEDDING_DIM)).astype(np.float32)
    near = rng.integers(0, n, (n, min(n, GATED_PER_TRACK)))
    cost = np.full((n, n), 0.2 + 1e-5)
    cost[np.arange(n)[:, None], near] = rng.uniform(0, 0.2, near.shape)

    def kalman() -> Any:
        predicted = mean + 0.5 * measured
        predicted_variance = variance + 2 * covariance + noise
        gain = predicted_variance / (predicted_variance + 1)
        updated = predicted + gain * (measured - predicted)
        return updated, (1 - gain) * predicted_variance, covariance + noise

    def gating() -> Any:
        # Sum over four coordinates of (a - b)^2 / s, as one matrix product.
        scaled = 1 / noise
        tracks = np.concatenate([mean**2 * scaled, -2 * mean * scaled, scaled], axis=1)
        detections = np.concatenate([np.ones((n, 4)), measured, measured**2], axis=1)
        return tracks @ detections.T <= 9.4877

    def cosine() -> Any:
        candidates = embedding[near]
        return [1 - (candidates[k] @ gallery[k].T).max(axis=1) for k in range(n)]

    left, top, right, bottom = xyxy.astype(np.float32).T

    def iou() -> Any:
        # float32 and one axis at a time: much faster than (N, N, 2) in float64.
        intersection = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
        np.maximum(intersection, 0, out=intersection)
        height = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
        intersection *= np.maximum(height, 0, out=height)
        area = (right - left) * (bottom - top)
        return intersection / (area[:, None] + area - intersection)

    def assignment() -> Any:
        return lap.lapjv(cost, extend_cost=True)

    return {
        "Kalman": kalman, "gating": gating, "cosine": cosine, "IoU": iou, "assignment": assignment
    }  # fmt: skip
