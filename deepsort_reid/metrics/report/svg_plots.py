"""The plots of the HTML report as SVG text."""

import numpy as np

from deepsort_reid.metrics.analysis.reidentification import GAP_BINS, ReidAfterGapCounts
from deepsort_reid.metrics.hota import THRESHOLDS, HotaCounts

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 84, 12, 40  # margins


def threshold_curves(hota: HotaCounts) -> str:
    """HOTA, DetA and AssA as functions of the IoU threshold."""
    parts = [_x_label("IoU threshold"), *_percent_grid()]
    for mark in (0.05, 0.25, 0.5, 0.75, 0.95):
        parts.append(_text(_x((mark - 0.05) / 0.9), HEIGHT - BOTTOM + 17, f"{mark:g}", "middle"))
    curves = {"HOTA": hota.hota, "DetA": hota.deta, "AssA": hota.assa}
    for i, (name, values) in enumerate(curves.items()):
        points = " ".join(
            f"{_x((alpha - 0.05) / 0.9):.1f},{_y(value):.1f}"
            for alpha, value in zip(THRESHOLDS, values, strict=True)
        )
        parts.append(f'<polyline class="curve {name}" points="{points}"/>')
        # The labels are beside the plot because the ends of the curves are close together.
        parts.append(
            f'<text class="{name}" x="{WIDTH - RIGHT + 12}" y="{TOP + 16 + 18 * i}">'
            f"{name} {100 * np.mean(values):.1f}</text>"
        )
    return _svg(parts, "HOTA, DetA and AssA by IoU threshold")


def reid_after_gap_bars(counts: ReidAfterGapCounts) -> str:
    """Share of the gaps with the same id before and after, by gap length."""
    parts = [_x_label("gap in frames"), *_percent_grid()]
    step = 1 / len(GAP_BINS)
    for i, (gap_bin, rate, same, gaps) in enumerate(
        zip(GAP_BINS, counts.rate, counts.same_id, counts.num_gaps, strict=True)
    ):
        left, middle = _x((i + 0.15) * step), _x((i + 0.5) * step)
        width = _x((i + 0.85) * step) - left
        height = 0.0 if gaps == 0 else float(rate)
        parts.append(
            f'<rect class="bar-ground" x="{left:.1f}" y="{_y(1):.1f}" width="{width:.1f}" '
            f'height="{_y(0) - _y(1):.1f}"/>'
            f'<rect class="bar" x="{left:.1f}" y="{_y(height):.1f}" width="{width:.1f}" '
            f'height="{_y(0) - _y(height):.1f}"><title>same id after {same} of {gaps} gaps</title>'
            "</rect>"
        )
        label = f"{same} of {gaps}" if gaps else "no gaps"
        # Above the bar, or inside a bar that is too high for it.
        is_inside = height >= 0.9
        y = _y(height) + 16 if is_inside else _y(height) - 6
        parts.append(_text(middle, y, label, "middle", style="on-bar" if is_inside else ""))
        parts.append(_text(middle, HEIGHT - BOTTOM + 17, gap_bin, "middle"))
    return _svg(parts, "Share of the gaps with the same id before and after, by gap length")


def _x(share: float) -> float:
    """Pixel of a position in the plot area, from 0 (left) to 1 (right)."""
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    """Pixel of a position in the plot area, from 0 (bottom) to 1 (top)."""
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _percent_grid() -> list[str]:
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent / 100)
        parts.append(f'<line class="grid" x1="{_x(0)}" x2="{_x(1)}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 7, y + 4, f"{percent}", "end", style="muted"))
    return parts


def _x_label(label: str) -> str:
    return _text(_x(0.5), HEIGHT - 5, label, "middle", style="muted")


def _text(x: float, y: float, text: str, anchor: str, *, style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _svg(parts: list[str], label: str) -> str:
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%">'
        + "".join(parts)
        + "</svg>"
    )
