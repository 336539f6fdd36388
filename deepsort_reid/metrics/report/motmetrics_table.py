"""Text table of the scores of this package and of motmetrics, with the reasons for differences."""

from collections.abc import Mapping

from deepsort_reid.metrics.motmetrics_check import REASONS, MotmetricsCheck, MotmetricsCounts
from deepsort_reid.metrics.report.tables import COLUMNS
from deepsort_reid.metrics.scores import Scores

EXAMPLES = 3  # boxes that are listed for each sequence and reason

DEFINITIONS = """\
Different definitions:
Frag    In TrackEval a track is also fragmented by frames in which the person is absent, but not by
        frames without any prediction; in motmetrics only by misses.
MT, ML  TrackEval: more than 80 % and less than 20 % of the frames. motmetrics: 80 % or more is MT.
"""


def motmetrics_table(ours: Mapping[str, Scores], checks: Mapping[str, MotmetricsCheck]) -> str:
    """Both scores of all sequences together, followed by the differences and their reasons."""
    total = sum(ours.values(), Scores())
    theirs = sum((check.counts for check in checks.values()), MotmetricsCounts()).columns()
    lines = [f"{'':8}{'here':>12}{'motmetrics':>12}"]
    for column in COLUMNS:
        if column.name in theirs:
            here, there = column.value(total), theirs[column.name]
            number = "12.2%" if column.is_share else "12.0f"
            mark = "" if abs(here - there) < 1e-9 else "  differs"
            lines.append(f"{column.name:8}{here:{number}}{there:{number}}{mark}")
    lines += ["", *_differences(checks), DEFINITIONS.rstrip()]
    return "\n".join(lines)


def _differences(checks: Mapping[str, MotmetricsCheck]) -> list[str]:
    lines = []
    for name, check in checks.items():
        for reason in REASONS:
            found = [each for each in check.differences if each.reason == reason]
            if not found:
                continue
            lines.append(f"{name}: {len(found)} boxes are matched differently: {reason}")
            for each in found[:EXAMPLES]:
                ours, theirs = (
                    "no track" if track is None else f"track {track}"
                    for track in (each.ours, each.theirs)
                )
                lines.append(
                    f"  frame {each.frame}, ground-truth id {each.truth_id}: "
                    f"{ours} here, {theirs} in motmetrics"
                )
    return lines or ["All boxes are matched identically."]
