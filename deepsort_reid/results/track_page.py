"""Results page of a tracked video: one HTML file to look at without a server."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from deepsort_reid.pages.document import document
from deepsort_reid.pages.html import data, escape, figure, paragraph
from deepsort_reid.results import svg
from deepsort_reid.results.doubts import KINDS, Doubt, find_doubts
from deepsort_reid.results.elements import (
    MAX_DOUBTS,
    cards,
    crop_strip,
    doubt_list,
    facts,
    notes,
    time_axis,
    time_button,
    video,
)
from deepsort_reid.results.people import Person
from deepsort_reid.results.recorder import Recorder
from deepsort_reid.results.times import clock, count
from deepsort_reid.results.video_index import VideoIndex

MAX_SHEETS = 120  # persons with images
MAX_ROWS = 400  # persons in the timeline, and on the map


@dataclass(frozen=True)
class RunResults:
    """What the page shows of a run.

    Attributes:
        title: name of the source.
        frames, boxes: counts.
        first_time, last_time: of the frames, in seconds since the first frame of the source.
        speed: frames per second; None where unknown.
        persons: by first time.
        recorder: of the run.
        videos: the annotated videos beside the page.
        facts: what was used: name and value.
        notes: what is probably wrong, and what the page lacks, in words.
    """

    title: str
    frames: int
    boxes: int
    first_time: float
    last_time: float
    speed: float | None
    persons: Sequence[Person]
    recorder: Recorder
    videos: VideoIndex
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]


def track_page(results: RunResults) -> str:
    """The page as HTML text."""
    doubts = find_doubts(results.persons, results.recorder)
    longest = sorted(results.persons, key=lambda each: (-each.frames, each.id))
    in_rows = {each.id for each in longest[:MAX_ROWS]}
    rows = [each for each in results.persons if each.id in in_rows]
    body = [
        f"<header><h1>{escape(results.title)}</h1>{_cards(results)}</header>",
        notes(results.notes),
        '<div class="watch">',
        video(results.videos),
        doubt_list(doubts, KINDS),
        "</div>",
        "<h2>Who was there when</h2>",
        _timeline(results, rows, doubts[:MAX_DOUBTS]),
        "<h2>Where people walked and stood</h2>",
        _maps(results, rows),
        "<h2>Persons</h2>",
        _sheets(results, longest, doubts),
        "<h2>How it was tracked</h2>",
        facts(results.facts),
        data("videos", list(results.videos.videos.items())),
    ]
    return document(results.title, body, "deepsort_reid.results", "results", videos=True)


def _cards(results: RunResults) -> str:
    tracks = sum(len(person.tracks) for person in results.persons)
    speed = "" if results.speed is None else f"{results.speed:.3g} fps"
    values = [
        ("persons", f"{len(results.persons):,}"),
        ("tracks", f"{tracks:,}"),
        ("boxes", f"{results.boxes:,}"),
        ("frames", f"{results.frames:,}"),
        ("duration", clock(results.last_time - results.first_time)),
        *([("tracked at", speed)] if speed else []),
    ]
    return cards(values)


def _timeline(results: RunResults, rows: Sequence[Person], doubts: Sequence[Doubt]) -> str:
    traces, first, last = results.recorder.traces.of_track, results.first_time, results.last_time
    drawing = svg.presence(rows, traces, doubts, first, last)
    names = "".join(
        f'<a href="#person-{person.id}" data-person="{person.id}">{person.id}</a>'
        for person in rows
    )
    text = (
        "A row for each person; a red line marks a doubt. A click shows the time in the video. "
        "A click on the name of a person, below, shows that person alone here and on the map."
    )
    return (
        f"{paragraph(text + _left_out(results, len(rows)))}"
        f'<div id="timeline" class="timeline"><div class="names">{names}</div>'
        f'<div class="rows">{drawing}{time_axis(first, last)}</div></div>'
    )


def _left_out(results: RunResults, shown: int) -> str:
    """Which persons are not shown, in words."""
    hidden = len(results.persons) - shown
    if not hidden:
        return ""
    return f" The {count(shown, 'person')} with most boxes are shown, {hidden:,} are left out."


def _maps(results: RunResults, rows: Sequence[Person]) -> str:
    place = results.recorder.place
    if not place.size[0]:
        return paragraph("No frame was recorded.")
    background, static = svg.background(place)
    way_text = "Ways of the feet, one colour for each person; a dot is the end of a track."
    way_text += _left_out(results, len(rows))
    heat_text = "How long people stood or walked there: yellow is longest."
    if not static:
        moved = " The camera moved, so that places of different times do not fit together."
        way_text, heat_text = way_text + moved, heat_text + moved
    return (
        f'{background}<div class="maps">'
        f"{figure(svg.ways(rows, results.recorder.traces.of_track, place), way_text)}"
        f"{figure(svg.heat(place), heat_text)}</div>"
    )


def _sheets(results: RunResults, longest: Sequence[Person], doubts: Sequence[Doubt]) -> str:
    """A contact sheet for each person; of many persons, for those with most boxes."""
    shown = {each.id for each in longest[:MAX_SHEETS]}
    doubtful = Counter(person for doubt in doubts for person in doubt.persons)
    sheets = [_sheet(each, doubtful[each.id]) for each in results.persons if each.id in shown]
    hidden = len(results.persons) - len(sheets)
    text = "The best images of each person with their times."
    if hidden:
        text += (
            f" The {count(len(sheets), 'person')} with most boxes are shown; {hidden:,} others "
            "are in people.csv only."
        )
    orders = (
        ("first", "first time"),
        ("frames", "number of boxes"),
        ("doubts", "number of doubts"),
        ("id", "number"),
    )
    options = "".join(f'<option value="{value}">{name}</option>' for value, name in orders)
    control = f'<label>Sort by <select id="order">{options}</select></label>'
    return (
        f'{paragraph(text)}<div class="controls">{control}</div>'
        f'<div class="sheets">{"".join(sheets)}</div>'
    )


def _sheet(person: Person, doubts: int) -> str:
    ids = [str(track.id) for track in person.tracks]
    tracks = ", ".join(ids[:8]) + (f" and {len(ids) - 8} more" if len(ids) > 8 else "")
    details = [
        f"{time_button(person.first_time)} to {time_button(person.last_time)}",
        count(person.frames, "box", "boxes"),
        f"{'tracks' if len(ids) > 1 else 'track'} {tracks}",
    ]
    if doubts:
        details.append(f'<span class="doubtful">{count(doubts, "doubt")}</span>')
    swatch = '<svg class="swatch" viewBox="0 0 1 1"><rect width="1" height="1" '
    swatch += f'fill="{svg.colour(person.id)}"/></svg>'
    return (
        f'<section class="sheet" id="person-{person.id}" data-person="{person.id}" '
        f'data-first="{person.first_time:.3f}" data-frames="{person.frames}" '
        f'data-doubts="{doubts}" data-id="{person.id}">'
        f'<h3>{swatch}<button class="pick">Person {person.id}</button> {escape(person.name)}</h3>'
        f'<p class="muted">{" &middot; ".join(details)}</p>'
        f"{crop_strip(person.crops, f'person {person.id}')}</section>"
    )
