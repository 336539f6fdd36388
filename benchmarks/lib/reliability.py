"""Reliability of probabilities: of the joins reported with probability p, a share p must be right.

A join is a track that is not the first one of its person. It is right when most of the other tracks
of the person are of its identity.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)

Joins = list[tuple[float, bool]]  # probability, and whether it is right


def joins_of(persons: Iterable[Sequence[tuple[int, float]]]) -> Joins:
    """Return the joins of persons; each is (identity, probability) of its tracks, first one first.

    An identity of 0 is unknown: such a track is no join.
    """
    found: Joins = []
    for tracks in persons:
        identities = np.array([identity for identity, _ in tracks])
        for row, (identity, probability) in enumerate(tracks):
            others = np.delete(identities, row)
            others = others[others > 0]
            if row and identity and len(others):
                values, counts = np.unique(others, return_counts=True)
                right = bool((values[counts == counts.max()] == identity).any())
                found.append((probability, right))
    return found


def calibration_error(joins: Joins) -> float:
    """Return the expected calibration error: mean difference over the bins, by their sizes."""
    probability, right = _columns(joins)
    total = sum(
        rows.sum() * abs(probability[rows].mean() - right[rows].mean())
        for rows in _bins(probability)
    )
    return float(total / len(joins))


def table(joins: Joins) -> list[str]:
    """Return a line per bin with its joins, mean probability and share that is right."""
    if not joins:
        return ["no joins"]
    probability, right = _columns(joins)
    lines = [f"{'probability':14}{'joins':>8}{'mean':>8}{'right':>8}"]
    for rows in _bins(probability):
        low = max(each for each in BINS if each <= probability[rows].min())
        high = min((each for each in BINS if each > low), default=1.0)
        means = f"{probability[rows].mean():8.3f}{right[rows].mean():8.3f}"
        lines.append(f"{low:.2f} to {high:.2f}  {rows.sum():8}{means}")
    error = f"expected calibration error {calibration_error(joins):.1%}"
    return [*lines, f"{len(joins)} joins, {right.mean():.1%} right, {error}"]


def _columns(joins: Joins) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    probability, right = np.array(joins, dtype=np.float64).T
    return probability, right


def _bins(probability: NDArray[np.float64]) -> list[NDArray[np.bool_]]:
    """Rows (N,) of each bin that is not empty."""
    number = np.searchsorted(BINS[1:-1], probability, side="right")
    return [number == each for each in np.unique(number)]
