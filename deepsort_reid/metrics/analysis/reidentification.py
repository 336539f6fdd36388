"""Re-identification after gaps: how often a person has the same id as before, by gap length."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.events import match_history
from deepsort_reid.metrics.comparison import Comparison

GAP_BINS = ("1-10", "11-30", "31-60", "61-150", "longer")  # frames
GAP_BIN_LIMITS = (10, 30, 60, 150)  # the longest gap of each bin but the last


def _zeros() -> NDArray[np.int64]:
    return np.zeros(len(GAP_BINS), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ReidAfterGapCounts:
    """Gaps of one sequence or, added up, of several: one number per bin of `GAP_BINS`, (5,).

    A gap consists of the frames between two matches (CLEAR) of a ground-truth id, whether the
    person was occluded, absent or missed. The frames after the last match are not a gap.
    """

    num_gaps: NDArray[np.int64] = field(default_factory=_zeros)
    same_id: NDArray[np.int64] = field(default_factory=_zeros)  # gaps with the same track after it

    def __add__(self, other: "ReidAfterGapCounts") -> "ReidAfterGapCounts":
        return ReidAfterGapCounts(self.num_gaps + other.num_gaps, self.same_id + other.same_id)

    @property
    def rate(self) -> NDArray[np.float64]:
        """Share of the gaps with the same track before and after, (5,); NaN without gaps."""
        rate = np.full(len(GAP_BINS), np.nan)
        np.divide(self.same_id, self.num_gaps, out=rate, where=self.num_gaps > 0)
        return rate


def reid_after_gap(comparison: Comparison) -> ReidAfterGapCounts:
    """Count the gaps of a sequence and those with the same track before and after."""
    history = match_history(comparison)
    gap = np.diff(history.frame) - 1
    is_gap = history.continues[1:] & (gap > 0)
    is_same = is_gap & (history.track_id[1:] == history.track_id[:-1])
    gap_bin = np.searchsorted(GAP_BIN_LIMITS, gap, side="left")
    return ReidAfterGapCounts(
        np.bincount(gap_bin[is_gap], minlength=len(GAP_BINS)),
        np.bincount(gap_bin[is_same], minlength=len(GAP_BINS)),
    )


def reid_after_gap_table(rows: dict[str, ReidAfterGapCounts]) -> str:
    """An aligned text table with a row per name: rate, re-identified and all gaps in each bin."""
    cells = [["", *GAP_BINS]]
    for name, counts in rows.items():
        shown = [
            f"{100 * rate:.0f} % ({same}/{gaps})" if gaps else "-"
            for rate, same, gaps in zip(counts.rate, counts.same_id, counts.num_gaps, strict=True)
        ]
        cells.append([name, *shown])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells
    )
