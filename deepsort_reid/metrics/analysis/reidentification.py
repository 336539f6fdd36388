"""Do people who were away come back with the same id? By the length of the gap."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.events import match_history
from deepsort_reid.metrics.comparison import Comparison

GAP_BIN_LIMITS = (10, 30, 60, 150)  # frames: the last gap of each class but the open one

GAP_BINS = ("1-10", "11-30", "31-60", "61-150", "longer")


def _zeros() -> NDArray[np.int64]:
    return np.zeros(len(GAP_BINS), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ReidAfterGapCounts:
    """Returns of one sequence or, added up, of many; one number per class of `GAP_BINS`, (5,).

    Somebody is away from the frame after one match of CLEAR to the frame before the next, hidden
    or merely missed; who is never matched again has not come back.
    """

    num_gaps: NDArray[np.int64] = field(default_factory=_zeros)
    same_id: NDArray[np.int64] = field(default_factory=_zeros)

    def __add__(self, other: "ReidAfterGapCounts") -> "ReidAfterGapCounts":
        return ReidAfterGapCounts(self.num_gaps + other.num_gaps, self.same_id + other.same_id)

    @property
    def rate(self) -> NDArray[np.float64]:
        """Share of the returns that kept the id, (5,); NaN where nobody came back."""
        share = np.full(len(GAP_BINS), np.nan)
        np.divide(self.same_id, self.num_gaps, out=share, where=self.num_gaps > 0)
        return share


def reid_after_gap(comparison: Comparison) -> ReidAfterGapCounts:
    """Count who came back, and who with the same id as before."""
    matched = match_history(comparison)
    gap = np.diff(matched.frame) - 1
    away = matched.follows[1:] & (gap > 0)
    same = away & (matched.track[1:] == matched.track[:-1])
    length = np.searchsorted(GAP_BIN_LIMITS, gap, side="left")
    return ReidAfterGapCounts(
        np.bincount(length[away], minlength=len(GAP_BINS)),
        np.bincount(length[same], minlength=len(GAP_BINS)),
    )


def reid_after_gap_table(rows: dict[str, ReidAfterGapCounts]) -> str:
    """An aligned table: the share, and how many of how many, by length of the gap in frames."""
    cells = [["", *GAP_BINS]]
    for name, counts in rows.items():
        shown = [
            f"{100 * share:.0f} % ({same}/{back})" if back else "-"
            for share, same, back in zip(counts.rate, counts.same_id, counts.num_gaps, strict=True)
        ]
        cells.append([name, *shown])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells
    )
