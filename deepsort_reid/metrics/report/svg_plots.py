"""The report's plots as SVG text."""

import numpy as np

from deepsort_reid.metrics.analysis.reidentification import GAP_BINS, ReidAfterGapCounts
from deepsort_reid.metrics.hota import THRESHOLDS, HotaCounts

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 84, 12, 40  # margins


def threshold_curves(hota: HotaCounts) -> str:
    """HOTA, DetA and AssA over the threshold of overlap."""
    parts = [_frame("threshold of overlap"), *_percent_grid()]
    for mark in (0.05, 0.25, 0.5, 0.75, 0.95):
        parts.append(_text(_x((mark - 0.05) / 0.9), HEIGHT - BOTTOM + 17, f"{mark:g}", "middle"))
    curves = {"HOTA": hota.hota, "DetA": hota.deta, "AssA": hota.assa}
    for place, (name, values) in enumerate(curves.items()):
        points = " ".join(
            f"{_x((alpha - 0.05) / 0.9):.1f},{_y(value):.1f}"
            for alpha, value in zip(THRESHOLDS, values, strict=True)
        )
        parts.append(f'<polyline class="curve {name}" points="{points}"/>')
        # Beside the plot: the curves end close together, and low.
        parts.append(
            f'<text class="{name}" x="{WIDTH - RIGHT + 12}" y="{TOP + 16 + 18 * place}">'
            f"{name} {100 * np.mean(values):.1f}</text>"
        )
    return _svg(parts, "HOTA, DetA and AssA over the threshold of overlap")


def reid_after_gap_bars(counts: ReidAfterGapCounts) -> str:
    """Share of the people who come back with the same id, by how long they were away."""
    parts = [_frame("frames away"), *_percent_grid()]
    step = 1 / len(GAP_BINS)
    for place, (gap, share, same, back) in enumerate(
        zip(GAP_BINS, counts.rate, counts.same_id, counts.num_gaps, strict=True)
    ):
        left, middle = _x((place + 0.15) * step), _x((place + 0.5) * step)
        width = _x((place + 0.85) * step) - left
        tall = 0.0 if back == 0 else float(share)
        parts.append(
            f'<rect class="bar-ground" x="{left:.1f}" y="{_y(1):.1f}" width="{width:.1f}" '
            f'height="{_y(0) - _y(1):.1f}"/>'
            f'<rect class="bar" x="{left:.1f}" y="{_y(tall):.1f}" width="{width:.1f}" '
            f'height="{_y(0) - _y(tall):.1f}"><title>{same} of {back} kept their id</title></rect>'
        )
        shown = f"{same} of {back}" if back else "nobody"
        # Above the bar, or inside where it nearly fills its ground.
        height = _y(tall) - 6 if tall < 0.9 else _y(tall) + 16
        bright = tall >= 0.9
        parts.append(_text(middle, height, shown, "middle", style="on-bar" if bright else ""))
        parts.append(_text(middle, HEIGHT - BOTTOM + 17, gap, "middle"))
    return _svg(parts, "Share of returns with the same id, by frames away")


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _percent_grid() -> list[str]:
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent / 100)
        parts.append(f'<line class="grid" x1="{_x(0)}" x2="{_x(1)}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 7, y + 4, f"{percent}", "end", style="quiet"))
    return parts


def _frame(label: str) -> str:
    return _text(_x(0.5), HEIGHT - 5, label, "middle", style="quiet")


def _text(x: float, y: float, text: str, anchor: str, *, style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _svg(parts: list[str], label: str) -> str:
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%">'
        + "".join(parts)
        + "</svg>"
    )
