"""Do people who were away come back with the same id? By the length of the gap."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.analysis.events import stays
from deepsort_reid.metrics.comparison import Comparison

LONGEST = (10, 30, 60, 150)  # frames: the last gap of each class but the open one

GAPS = ("1-10", "11-30", "31-60", "61-150", "longer")


def _zeros() -> NDArray[np.int64]:
    return np.zeros(len(GAPS), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class RecoveryCounts:
    """Returns of one sequence or, added up, of many; one number per class of `GAPS`, (5,).

    Somebody is away from the frame after one match of CLEAR to the frame before the next, hidden
    or merely missed; who is never matched again has not come back.
    """

    came_back: NDArray[np.int64] = field(default_factory=_zeros)
    same_id: NDArray[np.int64] = field(default_factory=_zeros)

    def __add__(self, other: "RecoveryCounts") -> "RecoveryCounts":
        return RecoveryCounts(self.came_back + other.came_back, self.same_id + other.same_id)

    @property
    def share(self) -> NDArray[np.float64]:
        """Share of the returns that kept the id, (5,); NaN where nobody came back."""
        share = np.full(len(GAPS), np.nan)
        np.divide(self.same_id, self.came_back, out=share, where=self.came_back > 0)
        return share


def recovery(comparison: Comparison) -> RecoveryCounts:
    """Count who came back, and who with the same id as before."""
    matched = stays(comparison)
    gap = np.diff(matched.frame) - 1
    away = matched.follows[1:] & (gap > 0)
    same = away & (matched.track[1:] == matched.track[:-1])
    length = np.searchsorted(LONGEST, gap, side="left")
    return RecoveryCounts(
        np.bincount(length[away], minlength=len(GAPS)),
        np.bincount(length[same], minlength=len(GAPS)),
    )


def recovery_table(rows: dict[str, RecoveryCounts]) -> str:
    """An aligned table: the share, and how many of how many, by length of the gap in frames."""
    cells = [["", *GAPS]]
    for name, counts in rows.items():
        shown = [
            f"{100 * share:.0f} % ({same}/{back})" if back else "-"
            for share, same, back in zip(
                counts.share, counts.same_id, counts.came_back, strict=True
            )
        ]
        cells.append([name, *shown])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells
    )
