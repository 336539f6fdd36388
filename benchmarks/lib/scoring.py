"""Tracking scores as shown in every table: HOTA, DetA, AssA, MOTA, IDF1 and identity switches."""

from dataclasses import dataclass

from deepsort_reid.metrics import Scores


@dataclass(frozen=True)
class ScoreRow:
    """Scores of one sequence or of several: percentages, and the number of identity switches."""

    hota: float
    deta: float
    assa: float
    mota: float
    idf1: float
    switches: int

    @classmethod
    def of(cls, scores: Scores) -> "ScoreRow":
        """Return the row of one sequence, or of several whose counts were added."""
        return cls(
            hota=100 * float(scores.hota.hota.mean()),
            deta=100 * float(scores.hota.deta.mean()),
            assa=100 * float(scores.hota.assa.mean()),
            mota=100 * scores.clear.mota,
            idf1=100 * scores.identity.idf1,
            switches=scores.clear.switches,
        )

    def __str__(self) -> str:
        ratios = (self.hota, self.deta, self.assa, self.mota, self.idf1)
        return " ".join(f"{ratio:6.1f}" for ratio in ratios) + f" {self.switches:5d}"


HEADER = "  HOTA   DetA   AssA   MOTA   IDF1  IDSW"  # columns of `str(ScoreRow)`
