"""Is one tracker really better than another? A paired bootstrap, over sequences and over blocks.

Both trackers saw the same frames, so both are summed over the same draws: what is hard for both
cancels. Drawing sequences asks "would it hold on other sequences like these?"; drawing blocks of
frames within each sequence asks "is it more than the luck of these frames?" (Efron and Tibshirani,
"An introduction to the bootstrap", 1993; blocks after Kuensch, 1989, because frames that follow
one another are alike).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.block_counts import STATISTICS, statistics

Array = NDArray[np.float64]

DRAWS = 2000


@dataclass(frozen=True)
class ConfidenceInterval:
    """95 % of the draws lie between `low` and `high`."""

    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 where all of it is above zero, -1 where all is below, else 0."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class MetricDifference:
    """Second tracker minus first, in one number."""

    name: str  # of STATISTICS
    first: float
    second: float
    over_sequences: (
        ConfidenceInterval | None
    )  # None for a single sequence: there is nothing to draw
    over_blocks: ConfidenceInterval
    sequences: dict[
        str, tuple[float, ConfidenceInterval]
    ]  # of each: difference, interval over its blocks

    @property
    def change(self) -> float:
        return self.second - self.first

    def sequences_with_sign(self, sign: int) -> list[str]:
        """Sequences whose own interval lies on that side of zero; 0: on both."""
        return [name for name, (_, each) in self.sequences.items() if each.sign == sign]


def bootstrap_differences(
    first: Mapping[str, Array], second: Mapping[str, Array], *, draws: int = DRAWS, seed: int = 0
) -> list[MetricDifference]:
    """Compare two trackers by the `block_counts` (B, WIDTH) of the same sequences.

    Raises ValueError when the sequences are not the same.
    """
    both = _paired(first, second)
    rng = np.random.default_rng(seed)
    drawn = [_draw(each, rng, draws) for each in both]  # (2, draws, WIDTH) each
    of_blocks = _gain(np.sum(drawn, axis=0))
    of_sequences = None
    if len(both) > 1:
        totals = np.stack([each.sum(axis=1) for each in both], axis=1)  # (2, sequences, WIDTH)
        of_sequences = _gain(_draw(totals, rng, draws))
    whole = statistics(np.sum([each.sum(axis=1) for each in both], axis=0))
    alone = [
        (_gain(total), _gain(each.sum(axis=1))) for total, each in zip(drawn, both, strict=True)
    ]
    return [
        MetricDifference(
            name=name,
            first=float(whole[name][0]),
            second=float(whole[name][1]),
            over_sequences=None if of_sequences is None else _interval(of_sequences[name]),
            over_blocks=_interval(of_blocks[name]),
            sequences={
                sequence: (float(gain[name]), _interval(spread[name]))
                for sequence, (spread, gain) in zip(first, alone, strict=True)
            },
        )
        for name in STATISTICS
    ]


def _paired(first: Mapping[str, Array], second: Mapping[str, Array]) -> list[Array]:
    """Counts (2, B, WIDTH) of each sequence; after its last box a tracker's blocks are empty."""
    if list(first) != list(second):
        raise ValueError(
            f"both trackers need the same sequences: got {list(first)} and {list(second)}"
        )
    if not first:
        raise ValueError("nothing to compare: there is no sequence")
    pairs = []
    for name, counts in first.items():
        n_blocks = max(len(counts), len(second[name]))
        pairs.append(
            np.stack(
                [
                    np.concatenate([each, np.zeros((n_blocks - len(each), each.shape[1]))])
                    for each in (counts, second[name])
                ]
            )
        )
    return pairs


def _draw(units: Array, rng: np.random.Generator, draws: int) -> Array:
    """Sums (2, draws, WIDTH) over as many units as there are, drawn with replacement, paired."""
    n = units.shape[1]
    times = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)  # (draws, n)
    sums: Array = times @ units
    return sums


def _gain(sums: Array) -> dict[str, Array]:
    """Second minus first of every number: (2, ..., WIDTH) -> (...,) each."""
    return {name: value[1] - value[0] for name, value in statistics(sums).items()}


def _interval(values: Array) -> ConfidenceInterval:
    low, high = np.quantile(values, [0.025, 0.975])
    return ConfidenceInterval(float(low), float(high))
