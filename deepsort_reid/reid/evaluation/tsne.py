"""A map of embeddings: exact t-SNE (van der Maaten & Hinton 2008) for up to 1,500 points."""

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 1500  # every step costs N x N


def tsne(
    points: NDArray[np.float32], *, perplexity: float = 30.0, steps: int = 400, seed: int = 0
) -> NDArray[np.float32]:
    """Places (N, D) points on a plane, (N, 2), so that near ones stay near.

    Starts from the first two principal components: distances between groups then mean something
    and the seed hardly matters (Kobak & Berens 2019); their learning rate and exaggeration, too.

    Raises ValueError for more than 1,500 points or fewer than 4.
    """
    count = len(points)
    if not 4 <= count <= MAX_POINTS:
        raise ValueError(f"t-SNE needs 4 to {MAX_POINTS} points, got {count}")
    # More than a third of the points cannot be neighbours of each.
    likeness = _joint_probability(_squared_distance(points), min(perplexity, (count - 1) / 3))
    place = _principal_components(points)
    place += 1e-3 * np.random.default_rng(seed).standard_normal(place.shape, np.float32)
    place *= 1e-2 / max(float(place[:, 0].std()), 1e-12)
    speed = np.zeros_like(place)
    gain = np.ones_like(place)
    exaggeration = 12.0
    rate = max(count / exaggeration, 50.0)
    early = steps // 3
    likeness *= np.float32(exaggeration)
    for step in range(steps):
        if step == early:
            likeness /= np.float32(exaggeration)
        slope = _gradient(place, likeness)
        # Delta-bar-delta (Jacobs 1988): faster where the direction holds, slower where it turns.
        agrees = (slope > 0) == (speed > 0)
        gain = np.clip(np.where(agrees, gain * 0.8, gain + 0.2), 0.01, None)
        speed = (0.5 if step < early else 0.8) * speed - rate * gain * slope
        place = place + speed
        place -= place.mean(axis=0)
    return place


def _squared_distance(points: NDArray[np.float32]) -> NDArray[np.float32]:
    length = (points**2).sum(axis=1)
    squared = np.asarray((-2 * points) @ points.T, np.float32)
    squared += length[:, None]
    squared += length
    np.fill_diagonal(squared, 0)
    return np.maximum(squared, 0, out=squared)


def _joint_probability(squared: NDArray[np.float32], perplexity: float) -> NDArray[np.float32]:
    """p (N, N) symmetric, sum 1: each row's width gives it `perplexity` neighbours (eq. 1)."""
    count = len(squared)
    target = np.log(perplexity)
    low, high = np.zeros(count), np.full(count, np.inf)
    others = squared + np.where(np.eye(count, dtype=bool), np.inf, 0)
    nearest = others.min(axis=1, keepdims=True)
    # Shifted by the nearest neighbour: the sum cannot vanish.
    shifted = others.astype(np.float64) - nearest
    finite = np.where(np.isfinite(shifted), shifted, 0)
    precision = 1 / np.maximum(finite.mean(axis=1), 1e-12)
    for _ in range(40):
        weight = np.exp(-shifted * precision[:, None])
        total = weight.sum(axis=1)
        entropy = np.log(total) + precision * (finite * weight).sum(axis=1) / total
        too_wide = entropy > target
        low, high = np.where(too_wide, precision, low), np.where(too_wide, high, precision)
        precision = np.where(np.isinf(high), precision * 2, (low + np.minimum(high, 1e300)) / 2)
    weight = np.exp(-shifted * precision[:, None])
    conditional = weight / weight.sum(axis=1, keepdims=True)
    return np.asarray((conditional + conditional.T) / (2 * count), np.float32)


def _principal_components(points: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = points - points.mean(axis=0)
    left, scale, right = np.linalg.svd(centred, full_matrices=False)
    # The sign of a component is arbitrary: fixed, so that every machine draws the same map.
    sign = np.sign(right[np.arange(len(right)), np.abs(right).argmax(axis=1)])
    plane = np.zeros((len(points), 2), np.float32)
    width = min(2, len(scale))
    plane[:, :width] = (left * scale * sign)[:, :width]
    return plane


def _gradient(place: NDArray[np.float32], likeness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Equation 5: 4 sum_j (p_ij - q_ij) (1 + |y_i - y_j|^2)^-1 (y_i - y_j)."""
    kernel = _squared_distance(place)
    kernel += 1
    np.reciprocal(kernel, out=kernel)
    np.fill_diagonal(kernel, 0)
    # In place: the time goes into walking through N x N numbers, not into counting.
    pull = kernel * np.float32(-1 / kernel.sum(dtype=np.float64))
    pull += likeness
    pull *= kernel
    return np.asarray(4 * (pull.sum(axis=1)[:, None] * place - pull @ place), np.float32)
