"""One self-contained page: tables, plots, a timeline of everybody, and the worst switches.

No other file and no network is needed: style, script, data and pictures are in the page.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from deepsort_reid.metrics.analysis.events import NO_ID, EventKind, Events, SwitchCause
from deepsort_reid.metrics.analysis.reidentification import GAP_BINS, ReidAfterGapCounts
from deepsort_reid.metrics.analysis.sequence_analysis import SequenceAnalysis
from deepsort_reid.metrics.analysis.worst_switches import WorstSwitch
from deepsort_reid.metrics.report.html import data, escape, figure, paragraph, row, select, table
from deepsort_reid.metrics.report.svg_plots import reid_after_gap_bars, threshold_curves
from deepsort_reid.metrics.report.tables import COLUMNS, COMBINED, Column, with_combined
from deepsort_reid.metrics.scores import Scores

CARDS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")

SWITCHES_LISTED = 500


@dataclass(frozen=True)
class SwitchStrip:
    """A switch as a row of pictures: (frame, JPEG or PNG bytes)."""

    switch: WorstSwitch
    pictures: tuple[tuple[int, bytes], ...]


def html_report(
    title: str, found: Sequence[SequenceAnalysis], strips: Sequence[SwitchStrip] = ()
) -> str:
    """The page as text. `found` are the sequences, at least one; `strips` are optional."""
    rows = with_combined({each.pair.name: each.scores for each in found})
    overall = rows[COMBINED] if COMBINED in rows else found[0].scores
    body = [
        f"<h1>{escape(title)}</h1>",
        _summary(overall, found),
        _cards(overall),
        _notes(found),
        "<h2>Scores</h2>",
        paragraph("Shares in percent. A click on a name sorts."),
        _score_table(rows),
        "<h2>Over thresholds, and after gaps</h2>",
        _plots(rows, found),
        "<h2>Timeline</h2>",
        _timelines(found),
        _strips(strips),
        "<h2>Identity switches</h2>",
        _switch_table(found),
        data("timelines", [_timeline_data(each) for each in found]),
    ]
    page = files("deepsort_reid.metrics.report") / "page"
    style = (page / "report.css").read_text(encoding="utf-8")
    script = (page / "report.js").read_text(encoding="utf-8")
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        # An icon of its own keeps the browser from asking a server for one.
        '<link rel="icon" href="data:,">',
        f"<style>\n{style}</style>",
    ]
    lines = ["<!doctype html>", '<html lang="en"><head>', *head, "</head><body>", *body]
    return "\n".join([*lines, f"<script>\n{script}</script>", "</body></html>", ""])


def _summary(overall: Scores, found: Sequence[SequenceAnalysis]) -> str:
    boxes = overall.boxes
    parts = [
        f"{len(found)} sequence{'s' if len(found) > 1 else ''}",
        f"{boxes.frames} frames",
        f"{boxes.truth_ids} people in {boxes.truth_boxes} boxes",
        f"{boxes.predicted_ids} tracks in {boxes.predicted_boxes} boxes",
        f"protocol {', '.join(sorted({each.protocol for each in found}))}",
    ]
    return paragraph(" &middot; ".join(parts))


def _shown(column: Column, scores: Scores) -> tuple[str, float]:
    value = column.value(scores)
    return (f"{100 * value:.1f}" if column.is_share else f"{value:.0f}"), value


def _cards(scores: Scores) -> str:
    cards = [
        f'<div class="card" title="{escape(column.meaning)}"><span>{column.name}</span>'
        f"<b>{_shown(column, scores)[0]}</b></div>"
        for column in COLUMNS
        if column.name in CARDS
    ]
    return f'<div class="cards">{"".join(cards)}</div>'


def _notes(found: Sequence[SequenceAnalysis]) -> str:
    lines = [
        f"<li>{escape(each.pair.name)}: {escape(note)}</li>"
        for each in found
        for note in each.notes
    ]
    if not lines:
        return ""
    return f"<details><summary>Notes ({len(lines)})</summary><ul>{''.join(lines)}</ul></details>"


def _score_table(rows: dict[str, Scores]) -> str:
    lines = {
        name: row([name, *(_shown(column, scores) for column in COLUMNS)])
        for name, scores in rows.items()
    }
    foot = lines.pop(COMBINED, "")
    names, meanings = [c.name for c in COLUMNS], [c.meaning for c in COLUMNS]
    return table(["Sequence", *names], list(lines.values()), foot, ["", *meanings])


def _plots(rows: dict[str, Scores], found: Sequence[SequenceAnalysis]) -> str:
    away = {each.pair.name: each.reid_after_gap for each in found}
    if COMBINED in rows:
        away[COMBINED] = sum(away.values(), ReidAfterGapCounts())
    names = list(reversed(rows))  # COMBINED is shown first
    figures = []
    for name in names:
        hidden = "" if name == names[0] else " hidden"
        attributes = f' data-sequence="{escape(name)}"{hidden}'
        caption = (
            "Detection and association at each overlap from which a box counts; "
            "the numbers are the means."
        )
        figures.append(figure(threshold_curves(rows[name].hota), caption, attributes))
        caption = (
            "People who come back with the id they had, "
            "by the frames for which no track matched them."
        )
        figures.append(figure(reid_after_gap_bars(away[name]), caption, attributes))
    choice = f"<label>Sequence {select('plot-choice', names, names)}</label>"
    shown = f'<div class="controls">{choice}</div><div class="plots">{"".join(figures)}</div>'
    return shown + _reid_after_gap_table(away)


def _reid_after_gap_table(away: dict[str, ReidAfterGapCounts]) -> str:
    lines = {}
    for name, counts in away.items():
        cells = [
            (f"{100 * share:.0f} % ({same} of {back})", share) if back else ("", -1.0)
            for share, same, back in zip(counts.rate, counts.same_id, counts.num_gaps, strict=True)
        ]
        lines[name] = row([name, *cells])
    foot = lines.pop(COMBINED, "")
    return table(["Same id after", *GAP_BINS], list(lines.values()), foot)


def _timelines(found: Sequence[SequenceAnalysis]) -> str:
    names = [each.pair.name for each in found]
    numbers = [str(number) for number in range(len(names))]
    orders = ["start", "switches", "id"]
    zoom = '<input type="range" id="timeline-zoom" min="1" max="12" step="0.5" value="1">'
    controls = [
        f"<label>Sequence {select('timeline-choice', names, numbers)}</label>",
        f"<label>Order by {select('timeline-order', orders, orders)}</label>",
        f"<label>Zoom {zoom}</label>",
    ]
    explained = paragraph(
        "One row per person, one colour per track: where a row changes colour, an id changed. "
        "A thin grey line is a person whom no track matched."
    )
    picture = '<svg preserveAspectRatio="none"></svg><div class="axis"></div>'
    return (
        f'{explained}<div class="controls">{"".join(controls)}</div>'
        '<div id="timeline" class="timeline"><div class="names"></div>'
        f'<div class="rows">{picture}</div></div>'
    )


def _timeline_data(analysis: SequenceAnalysis) -> dict[str, object]:
    spells = analysis.timeline
    people: dict[int, list[tuple[int, int, int | None]]] = {}
    columns = (spells.person, spells.track, spells.first, spells.last)
    for person, track, first, last in zip(*(each.tolist() for each in columns), strict=True):
        people.setdefault(person, []).append((first, last, None if track == NO_ID else track))
    by_start = sorted(people.items(), key=lambda item: item[1][0][0])
    rows = [{"id": person, "spells": spells} for person, spells in by_start]
    return {"frames": max(1, analysis.scores.boxes.frames), "people": rows}


def _strips(strips: Sequence[SwitchStrip]) -> str:
    if not strips:
        return ""
    parts = [
        "<h2>The worst switches</h2>",
        paragraph(
            "Those that tear the most frames of one person apart. White: the truth; "
            "coloured: the tracks, as in the timeline."
        ),
    ]
    for strip in strips:
        at = strip.switch
        pictures = [
            f'<span><img alt="frame {frame}" src="data:{_kind(picture)};base64,'
            f'{base64.b64encode(picture).decode("ascii")}">{frame}</span>'
            for frame, picture in strip.pictures
        ]
        caption = (
            f"{escape(at.sequence)}, person {at.person}: track {at.old_track} became "
            f"{at.new_track} in frame {at.frame}, after {at.gap} frames without a match. The "
            f"person had the old track for {at.frames_before} frames and the new one for "
            f"{at.frames_after}."
        )
        parts.append(figure(f"<div>{''.join(pictures)}</div>", caption, ' class="strip"'))
    return "".join(parts)


def _kind(picture: bytes) -> str:
    return "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"


def _switch_table(found: Sequence[SequenceAnalysis]) -> str:
    """Every identity switch, up to a limit, as a table."""
    switches = {each.pair.name: each.events.of_kind(EventKind.SWITCH) for each in found}
    columns: dict[str, Callable[[Events], Sequence[object]]] = {
        "frame": lambda each: each.frame.tolist(),
        "person": lambda each: each.truth_id.tolist(),
        "old track": lambda each: each.old_track.tolist(),
        "new track": lambda each: each.new_track.tolist(),
        "frames away": lambda each: each.gap.tolist(),
    }
    if any(np.isfinite(each.visibility_before).any() for each in switches.values()):
        columns["visible before"] = lambda each: [_percent(v) for v in each.visibility_before]
        columns["visible after"] = lambda each: [_percent(v) for v in each.visibility_after]
    if any((each.cause != SwitchCause.UNKNOWN).any() for each in switches.values()):
        columns["cause"] = lambda each: [SwitchCause(value).label for value in each.cause]
    lines = [
        row([name, *cells])
        for name, each in switches.items()
        for cells in zip(*(column(each) for column in columns.values()), strict=True)
    ]
    rest = f" The first {SWITCHES_LISTED} of them:" if len(lines) > SWITCHES_LISTED else ""
    shown = table(["Sequence", *columns], lines[:SWITCHES_LISTED])
    return paragraph(f"{len(lines)} in all.{rest}") + _cause_table(switches.values()) + shown


def _cause_table(switches: Iterable[Events]) -> str:
    """How many switches each cause has; nothing where no cause is known."""
    count = np.bincount(
        np.concatenate([each.cause for each in switches]), minlength=len(SwitchCause)
    )
    if count[SwitchCause.UNKNOWN] == count.sum():
        return ""
    lines = [
        row([cause.label or "unknown", count[cause], (f"{100 * share:.0f} %", share)])
        for cause, share in zip(SwitchCause, count / count.sum(), strict=True)
        if count[cause]
    ]
    return table(["SwitchCause", "switches", "share"], lines)


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.0f} %"
