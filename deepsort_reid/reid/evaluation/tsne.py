"""Exact t-SNE (van der Maaten & Hinton 2008) of up to 1,500 embeddings."""

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 1500  # every step costs N x N operations


def tsne(
    points: NDArray[np.float32], *, perplexity: float = 30.0, steps: int = 400, seed: int = 0
) -> NDArray[np.float32]:
    """Map points (N, D) to a plane (N, 2) in which neighbours stay close.

    The first two principal components initialise the map, which keeps the global structure and
    makes the seed nearly irrelevant (Kobak & Berens 2019). Learning rate and exaggeration are those
    of that paper.

    Raises ValueError for fewer than 4 or more than MAX_POINTS points.
    """
    count = len(points)
    if not 4 <= count <= MAX_POINTS:
        raise ValueError(f"t-SNE: expected 4 to {MAX_POINTS} points, got {count}")
    # A perplexity above a third of the points cannot be reached.
    joint = _joint_probability(_squared_distance(points), min(perplexity, (count - 1) / 3))
    layout = _principal_components(points)
    layout += 1e-3 * np.random.default_rng(seed).standard_normal(layout.shape, np.float32)
    layout *= 1e-2 / max(float(layout[:, 0].std()), 1e-12)
    update = np.zeros_like(layout)
    gain = np.ones_like(layout)
    exaggeration = 12.0
    learning_rate = max(count / exaggeration, 50.0)
    early_steps = steps // 3
    joint *= np.float32(exaggeration)
    for step in range(steps):
        if step == early_steps:
            joint /= np.float32(exaggeration)
        gradient = _gradient(layout, joint)
        # Delta-bar-delta (Jacobs 1988): a larger gain while the direction of descent persists.
        same_sign = (gradient > 0) == (update > 0)
        gain = np.clip(np.where(same_sign, gain * 0.8, gain + 0.2), 0.01, None)
        momentum = 0.5 if step < early_steps else 0.8
        update = momentum * update - learning_rate * gain * gradient
        layout = layout + update
        layout -= layout.mean(axis=0)
    return layout


def _squared_distance(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared Euclidean distances (N, N) of points (N, D)."""
    length = (points**2).sum(axis=1)
    squared = np.asarray((-2 * points) @ points.T, np.float32)
    squared += length[:, None]
    squared += length
    np.fill_diagonal(squared, 0)
    return np.maximum(squared, 0, out=squared)


def _joint_probability(squared: NDArray[np.float32], perplexity: float) -> NDArray[np.float32]:
    """Joint probabilities p (N, N), symmetric with sum 1 (equation 1).

    Bisection finds the precision of each row that gives it the requested perplexity.
    """
    count = len(squared)
    target = np.log(perplexity)
    low, high = np.zeros(count), np.full(count, np.inf)
    others = squared + np.where(np.eye(count, dtype=bool), np.inf, 0)
    nearest = others.min(axis=1, keepdims=True)
    # Distances relative to the nearest neighbour: the sum of weights cannot underflow.
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
    """The first two principal components (N, 2); 0 where there is only one."""
    centred = points - points.mean(axis=0)
    left, scale, right = np.linalg.svd(centred, full_matrices=False)
    # The sign of a component is arbitrary: fixed, so that all platforms give the same map.
    sign = np.sign(right[np.arange(len(right)), np.abs(right).argmax(axis=1)])
    plane = np.zeros((len(points), 2), np.float32)
    width = min(2, len(scale))
    plane[:, :width] = (left * scale * sign)[:, :width]
    return plane


def _gradient(layout: NDArray[np.float32], joint: NDArray[np.float32]) -> NDArray[np.float32]:
    """Equation 5: 4 sum_j (p_ij - q_ij) (1 + |y_i - y_j|^2)^-1 (y_i - y_j)."""
    kernel = _squared_distance(layout)
    kernel += 1
    np.reciprocal(kernel, out=kernel)
    np.fill_diagonal(kernel, 0)
    # In place: memory access dominates the run time.
    weight = kernel * np.float32(-1 / kernel.sum(dtype=np.float64))
    weight += joint
    weight *= kernel
    return np.asarray(4 * (weight.sum(axis=1)[:, None] * layout - weight @ layout), np.float32)
