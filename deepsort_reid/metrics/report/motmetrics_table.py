"""Text table of our scores beside those of motmetrics."""

from collections.abc import Mapping

from deepsort_reid.metrics.motmetrics_check import (
    DEFINITIONS,
    MotmetricsCheck,
    MotmetricsCounts,
    _why,
)
from deepsort_reid.metrics.scores import Scores


def motmetrics_table(ours: Mapping[str, Scores], checks: Mapping[str, MotmetricsCheck]) -> str:
    """Both columns for all sequences together, then where and why single matches differ."""
    from deepsort_reid.metrics.report.tables import COLUMNS

    total = sum(ours.values(), Scores())
    theirs = sum((check.counts for check in checks.values()), MotmetricsCounts()).columns()
    lines = [f"{'':8}{'here':>12}{'motmetrics':>12}"]
    for column in COLUMNS:
        if column.name in theirs:
            here, there = column.value(total), theirs[column.name]
            shown = "12.2%" if column.is_share else "12.0f"
            mark = "" if abs(here - there) < 1e-9 else "  differs"
            lines.append(f"{column.name:8}{here:{shown}}{there:{shown}}{mark}")
    lines += ["", *_why(checks), DEFINITIONS]
    return "\n".join(lines)
