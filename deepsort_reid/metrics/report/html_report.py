"""HTML report: tables, plots, a timeline of all identities, and images of the worst switches.

The page is self-contained: it holds its style, script, data and images, and needs no network.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from deepsort_reid.metrics.analysis.events import NO_ID, EventKind, Events, SwitchCause
from deepsort_reid.metrics.analysis.reidentification import GAP_BINS, ReidAfterGapCounts
from deepsort_reid.metrics.analysis.sequence_analysis import SequenceAnalysis
from deepsort_reid.metrics.analysis.worst_switches import WorstSwitch
from deepsort_reid.metrics.report.svg_plots import reid_after_gap_bars, threshold_curves
from deepsort_reid.metrics.report.tables import COLUMNS, COMBINED, Column, with_combined
from deepsort_reid.metrics.scores import Scores
from deepsort_reid.pages.document import document
from deepsort_reid.pages.html import (
    data,
    escape,
    figure,
    image_source,
    paragraph,
    row,
    select,
    table,
)
from deepsort_reid.structures.colours import id_colour

CARDS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")

SWITCHES_LISTED = 500


@dataclass(frozen=True)
class SwitchStrip:
    """A row of images that shows an identity switch."""

    switch: WorstSwitch
    images: tuple[tuple[int, bytes], ...]  # frame number, JPEG or PNG file


def html_report(
    title: str, analyses: Sequence[SequenceAnalysis], strips: Sequence[SwitchStrip] = ()
) -> str:
    """The page as HTML text.

    Args:
        title: title and heading of the page.
        analyses: of one or more sequences.
        strips: images of the worst switches; the section is left out if there are none.
    """
    rows = with_combined({each.files.name: each.scores for each in analyses})
    overall = rows[COMBINED] if COMBINED in rows else analyses[0].scores
    body = [
        f"<h1>{escape(title)}</h1>",
        _summary(overall, analyses),
        _cards(overall),
        _notes(analyses),
        "<h2>Scores</h2>",
        paragraph("Ratios in percent. Click a column name to sort."),
        _score_table(rows),
        "<h2>IoU thresholds and re-identification after gaps</h2>",
        _plots(rows, analyses),
        "<h2>Timeline</h2>",
        _timelines(analyses),
        _strips(strips),
        "<h2>Identity switches</h2>",
        _switch_table(analyses),
        data("timelines", [_timeline_data(each) for each in analyses]),
    ]
    return document(title, body, "deepsort_reid.metrics.report", "report")


def _summary(overall: Scores, analyses: Sequence[SequenceAnalysis]) -> str:
    boxes = overall.boxes
    parts = [
        f"{len(analyses)} sequence{'s' if len(analyses) > 1 else ''}",
        f"{boxes.frames} frames",
        f"{boxes.truth_ids} ground-truth ids in {boxes.truth_boxes} boxes",
        f"{boxes.predicted_ids} predicted ids in {boxes.predicted_boxes} boxes",
        f"protocol {', '.join(sorted({each.protocol for each in analyses}))}",
    ]
    return paragraph(" &middot; ".join(parts))


def _cell(column: Column, scores: Scores) -> tuple[str, float]:
    """The text of a table cell and the value by which it is sorted."""
    value = column.value(scores)
    return (f"{100 * value:.1f}" if column.is_share else f"{value:.0f}"), value


def _cards(scores: Scores) -> str:
    cards = [
        f'<div class="card" title="{escape(column.meaning)}"><span>{column.name}</span>'
        f"<b>{_cell(column, scores)[0]}</b></div>"
        for column in COLUMNS
        if column.name in CARDS
    ]
    return f'<div class="cards">{"".join(cards)}</div>'


def _notes(analyses: Sequence[SequenceAnalysis]) -> str:
    lines = [
        f"<li>{escape(each.files.name)}: {escape(note)}</li>"
        for each in analyses
        for note in each.notes
    ]
    if not lines:
        return ""
    return f"<details><summary>Notes ({len(lines)})</summary><ul>{''.join(lines)}</ul></details>"


def _score_table(rows: dict[str, Scores]) -> str:
    html_rows = {
        name: row([name, *(_cell(column, scores) for column in COLUMNS)])
        for name, scores in rows.items()
    }
    foot = html_rows.pop(COMBINED, "")
    names, meanings = [c.name for c in COLUMNS], [c.meaning for c in COLUMNS]
    return table(["Sequence", *names], list(html_rows.values()), foot, ["", *meanings])


def _plots(rows: dict[str, Scores], analyses: Sequence[SequenceAnalysis]) -> str:
    counts = {each.files.name: each.reid_after_gap for each in analyses}
    if COMBINED in rows:
        counts[COMBINED] = sum(counts.values(), ReidAfterGapCounts())
    names = list(reversed(rows))  # COMBINED first
    figures = []
    for name in names:
        hidden = "" if name == names[0] else " hidden"
        attributes = f' data-sequence="{escape(name)}"{hidden}'
        caption = (
            "HOTA, DetA and AssA at each IoU threshold of a match. The numbers are the means "
            "over the thresholds."
        )
        figures.append(figure(threshold_curves(rows[name].hota), caption, attributes))
        caption = (
            "Share of the gaps after which the person has the same id as before, by gap length. "
            "A gap is the frames between two matches of a ground-truth id."
        )
        figures.append(figure(reid_after_gap_bars(counts[name]), caption, attributes))
    choice = f"<label>Sequence {select('plot-choice', names, names)}</label>"
    plots = f'<div class="controls">{choice}</div><div class="plots">{"".join(figures)}</div>'
    return plots + _reid_after_gap_table(counts)


def _reid_after_gap_table(rows: dict[str, ReidAfterGapCounts]) -> str:
    html_rows = {}
    for name, counts in rows.items():
        cells = [
            (f"{100 * rate:.0f} % ({same} of {gaps})", rate) if gaps else ("", -1.0)
            for rate, same, gaps in zip(counts.rate, counts.same_id, counts.num_gaps, strict=True)
        ]
        html_rows[name] = row([name, *cells])
    foot = html_rows.pop(COMBINED, "")
    return table(["Same id after a gap of", *GAP_BINS], list(html_rows.values()), foot)


def _timelines(analyses: Sequence[SequenceAnalysis]) -> str:
    names = [each.files.name for each in analyses]
    indices = [str(i) for i in range(len(names))]
    orders = ["start", "switches", "id"]
    zoom = '<input type="range" id="timeline-zoom" min="1" max="12" step="0.5" value="1">'
    controls = [
        f"<label>Sequence {select('timeline-choice', names, indices)}</label>",
        f"<label>Sort by {select('timeline-order', orders, orders)}</label>",
        f"<label>Zoom {zoom}</label>",
    ]
    legend = paragraph(
        "One row per ground-truth id, one colour per track. An identity switch is a change "
        "of colour with a dark line. A thin grey line marks frames without a match."
    )
    drawing = '<svg preserveAspectRatio="none"></svg><div class="axis"></div>'
    return (
        f'{legend}<div class="controls">{"".join(controls)}</div>'
        '<div id="timeline" class="timeline"><div class="names"></div>'
        f'<div class="rows">{drawing}</div></div>'
    )


def _timeline_data(analysis: SequenceAnalysis) -> dict[str, object]:
    """The script's input: intervals (first frame, last frame, track or None) by ground-truth id.

    Ids are sorted by their first frame. "colours" holds the colour of each track.
    """
    intervals = analysis.timeline
    columns = (
        *(intervals.truth_id, intervals.track_id),
        *(intervals.first_frame, intervals.last_frame),
    )
    by_id: dict[int, list[tuple[int, int, int | None]]] = {}
    for truth_id, track, first, last in zip(*(each.tolist() for each in columns), strict=True):
        by_id.setdefault(truth_id, []).append((first, last, None if track == NO_ID else track))
    by_start = sorted(by_id.items(), key=lambda item: item[1][0][0])
    tracks = np.unique(intervals.track_id[intervals.track_id != NO_ID]).tolist()
    return {
        "frames": max(1, analysis.scores.boxes.frames),
        "identities": [{"id": truth_id, "intervals": own} for truth_id, own in by_start],
        "colours": {track: "#{:02x}{:02x}{:02x}".format(*id_colour(track)) for track in tracks},
    }


def _strips(strips: Sequence[SwitchStrip]) -> str:
    if not strips:
        return ""
    parts = [
        "<h2>Worst identity switches</h2>",
        paragraph(
            "The switches that split the longest segments. White: ground truth. "
            "Coloured: tracks, in the colours of the timeline."
        ),
    ]
    for strip in strips:
        switch = strip.switch
        images = [
            f'<span><img alt="frame {frame}" src="{image_source(image)}">{frame}</span>'
            for frame, image in strip.images
        ]
        caption = (
            f"{escape(switch.sequence)}, ground-truth id {switch.truth_id}: track "
            f"{switch.old_track} changes to track {switch.new_track} in frame {switch.frame}, "
            f"after {switch.gap} frames without a match. The old track was matched in "
            f"{switch.frames_before} frames, the new track is matched in {switch.frames_after}."
        )
        parts.append(figure(f"<div>{''.join(images)}</div>", caption, ' class="strip"'))
    return "".join(parts)


def _switch_table(analyses: Sequence[SequenceAnalysis]) -> str:
    """The identity switches, up to `SWITCHES_LISTED`. Columns without any value are left out."""
    switches = {each.files.name: each.events.of_kind(EventKind.SWITCH) for each in analyses}
    columns: dict[str, Callable[[Events], Sequence[object]]] = {
        "frame": lambda each: each.frame.tolist(),
        "ground-truth id": lambda each: each.truth_id.tolist(),
        "old track": lambda each: each.old_track.tolist(),
        "new track": lambda each: each.new_track.tolist(),
        "gap": lambda each: each.gap.tolist(),
    }
    if any(np.isfinite(each.visibility_before).any() for each in switches.values()):
        columns["visibility before"] = lambda each: [_percent(v) for v in each.visibility_before]
        columns["visibility after"] = lambda each: [_percent(v) for v in each.visibility_after]
    if any((each.cause != SwitchCause.UNKNOWN).any() for each in switches.values()):
        columns["cause"] = lambda each: [SwitchCause(value).label for value in each.cause]
    html_rows = [
        row([name, *cells])
        for name, each in switches.items()
        for cells in zip(*(column(each) for column in columns.values()), strict=True)
    ]
    limit = f" The first {SWITCHES_LISTED}:" if len(html_rows) > SWITCHES_LISTED else ""
    listed = table(["Sequence", *columns], html_rows[:SWITCHES_LISTED])
    total = paragraph(f"{len(html_rows)} in total. The gap is in frames.{limit}")
    return total + _cause_table(switches.values()) + listed


def _cause_table(switches: Iterable[Events]) -> str:
    """The number of switches by cause; empty if no cause is known."""
    count = np.bincount(
        np.concatenate([each.cause for each in switches]), minlength=len(SwitchCause)
    )
    if count[SwitchCause.UNKNOWN] == count.sum():
        return ""
    html_rows = [
        row([cause.label or "unknown", count[cause], (f"{100 * share:.0f} %", share)])
        for cause, share in zip(SwitchCause, count / count.sum(), strict=True)
        if count[cause]
    ]
    return table(["Cause", "switches", "share"], html_rows)


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.0f} %"
