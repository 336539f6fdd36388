"""Paired bootstrap: confidence intervals of the difference between two trackers.

Both trackers are scored on the same random resamples of the data, so that the difficulty of a
resample cancels. Resampled sequences tell whether the difference would hold on other sequences of
this kind. Resampled blocks of frames within each sequence tell whether it is larger than the
variation between these frames. See B. Efron, R. Tibshirani: "An Introduction to
the Bootstrap", 1993. Blocks are drawn, not frames, because consecutive frames are correlated: H. R.
Kuensch: "The Jackknife and the Bootstrap for General Stationary Observations", The Annals of
Statistics 1989.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.block_counts import STATISTICS, statistics

Array = NDArray[np.float64]

N_RESAMPLES = 2000


@dataclass(frozen=True)
class ConfidenceInterval:
    """The interval from `low` to `high` that holds 95 % of the resamples."""

    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 if the interval lies above zero, -1 if it lies below, 0 if it contains zero."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class MetricDifference:
    """The difference between two trackers in one metric."""

    name: str  # of STATISTICS
    first: float
    second: float
    over_sequences: ConfidenceInterval | None  # of the change; None for a single sequence
    over_blocks: ConfidenceInterval  # of the change
    # The change in each sequence, and its interval over the blocks of the sequence.
    sequences: dict[str, tuple[float, ConfidenceInterval]]

    @property
    def change(self) -> float:
        """`second` minus `first`."""
        return self.second - self.first

    def sequences_with_sign(self, sign: int) -> list[str]:
        """The sequences whose interval lies above (1) or below (-1) zero, or contains zero (0)."""
        return [name for name, (_, each) in self.sequences.items() if each.sign == sign]


def bootstrap_differences(
    first: Mapping[str, Array],
    second: Mapping[str, Array],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> list[MetricDifference]:
    """Compare two trackers in every metric of STATISTICS.

    Args:
        first: the `block_counts` (B, WIDTH) of each sequence by the first tracker.
        second: those of the same sequences by the second tracker.
        n_resamples: number of resamples.
        seed: of the random numbers.

    Raises:
        ValueError: the sequences differ, or there is none.
    """
    counts = _paired(first, second)
    rng = np.random.default_rng(seed)
    resampled = [
        _resample(each, rng, n_resamples) for each in counts
    ]  # (2, n_resamples, WIDTH) each
    over_blocks = _changes(np.sum(resampled, axis=0))
    over_sequences = None
    if len(counts) > 1:
        totals = np.stack([each.sum(axis=1) for each in counts], axis=1)  # (2, sequences, WIDTH)
        over_sequences = _changes(_resample(totals, rng, n_resamples))
    overall = statistics(np.sum([each.sum(axis=1) for each in counts], axis=0))
    by_sequence = {
        name: (_changes(each.sum(axis=1)), _changes(sums))
        for name, each, sums in zip(first, counts, resampled, strict=True)
    }
    return [
        MetricDifference(
            name=name,
            first=float(overall[name][0]),
            second=float(overall[name][1]),
            over_sequences=None if over_sequences is None else _interval(over_sequences[name]),
            over_blocks=_interval(over_blocks[name]),
            sequences={
                sequence: (float(change[name]), _interval(sampled[name]))
                for sequence, (change, sampled) in by_sequence.items()
            },
        )
        for name in STATISTICS
    ]


def _paired(first: Mapping[str, Array], second: Mapping[str, Array]) -> list[Array]:
    """The counts (2, B, WIDTH) of each sequence, with zeros after the last block of a tracker."""
    if list(first) != list(second):
        raise ValueError(
            f"expected the same sequences of both trackers, got {list(first)} and {list(second)}"
        )
    if not first:
        raise ValueError("expected at least one sequence to compare, got none")
    pairs = []
    for name, counts in first.items():
        n_blocks = max(len(counts), len(second[name]))
        padded = [
            np.concatenate([each, np.zeros((n_blocks - len(each), each.shape[1]))])
            for each in (counts, second[name])
        ]
        pairs.append(np.stack(padded))
    return pairs


def _resample(units: Array, rng: np.random.Generator, n_resamples: int) -> Array:
    """Sums over N units drawn with replacement: (2, N, WIDTH) -> (2, n_resamples, WIDTH).

    Both trackers get the same draws.
    """
    n = units.shape[1]
    times_drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(np.float64)
    sums: Array = times_drawn @ units
    return sums


def _changes(sums: Array) -> dict[str, Array]:
    """Second minus first tracker in every metric: (2, ..., WIDTH) -> (...,) each."""
    return {name: value[1] - value[0] for name, value in statistics(sums).items()}


def _interval(values: Array) -> ConfidenceInterval:
    low, high = np.quantile(values, [0.025, 0.975])
    return ConfidenceInterval(float(low), float(high))
