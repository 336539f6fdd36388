"""Drawings of the results page: presence of persons over time, and their ways."""

from collections.abc import Iterable, Mapping, Sequence

from deepsort_reid.pages.html import escape, image_source
from deepsort_reid.results.doubts import KINDS, SURE, Doubt
from deepsort_reid.results.people import Person, PersonTrack
from deepsort_reid.results.place import Place
from deepsort_reid.results.times import clock
from deepsort_reid.results.traces import Trace
from deepsort_reid.structures.colours import id_colour

ROW = 18  # height of a row of the timeline in pixels
_UNITS = 1000.0  # width of the timeline
_MIN_WIDTH = 1.5  # of a bar


def colour(id: int) -> str:
    """The colour of a person, as in the annotated video."""
    return "#{:02x}{:02x}{:02x}".format(*id_colour(id))


def presence(
    persons: Sequence[Person],
    traces: Mapping[int, Trace],
    doubts: Iterable[Doubt],
    first_time: float,
    last_time: float,
) -> str:
    """Presence of persons: a row for each, a bar for each time in which a track has boxes."""
    scale = _UNITS / max(last_time - first_time, 1e-3)
    rows = {person.id: row for row, person in enumerate(persons)}
    parts = []
    for person, row in zip(persons, rows.values(), strict=True):
        parts.append(f'<g data-person="{person.id}">')
        parts.append(f'<rect class="lane" y="{row * ROW}" width="{_UNITS:g}" height="{ROW - 1}"/>')
        for track in person.tracks:
            trace = traces.get(track.id)
            spans = trace.spans if trace else [[track.first_time, track.last_time]]
            for start, end in spans:
                left = min((start - first_time) * scale, _UNITS - _MIN_WIDTH)
                width = max((end - start) * scale, _MIN_WIDTH)
                parts.append(
                    f'<rect x="{left:.1f}" y="{row * ROW + 3}" width="{width:.1f}" '
                    f'height="{ROW - 7}" fill="{colour(person.id)}"><title>'
                    f"{escape(_describe(person, track, start, end))}</title></rect>"
                )
        parts.append("</g>")
    parts += _marks(doubts, rows, first_time, scale)
    height = max(len(persons), 1) * ROW
    return (
        f'<svg id="presence" role="img" aria-label="Presence of persons over time" '
        f'viewBox="0 0 {_UNITS:g} {height}" height="{height}" preserveAspectRatio="none" '
        f'data-first="{first_time:.3f}" data-last="{last_time:.3f}">{"".join(parts)}'
        f'<line id="now" x1="-9" x2="-9" y2="{height}"/></svg>'
    )


def _describe(person: Person, track: PersonTrack, start: float, end: float) -> str:
    text = f"person {person.id}, track {track.id}: {clock(start)} to {clock(end)}"
    return text + (f", probability {track.probability:.2f}" if track.probability < SURE else "")


def _marks(
    doubts: Iterable[Doubt], rows: Mapping[int, int], first_time: float, scale: float
) -> list[str]:
    """A mark for each doubt, in the rows of its persons."""
    marks = []
    for doubt in doubts:
        for row in sorted({rows[person] for person in doubt.persons if person in rows}):
            x = (doubt.time - first_time) * scale
            marks.append(
                f'<line class="doubt" x1="{x:.1f}" x2="{x:.1f}" y1="{row * ROW}" '
                f'y2="{(row + 1) * ROW - 1}"><title>{escape(KINDS[doubt.kind])}: '
                f"{escape(doubt.text)}</title></line>"
            )
    return marks


def background(place: Place) -> tuple[str, bool]:
    """The background, hidden, as what `ways` and `heat` refer to; and whether it is static."""
    image, static = place.background()
    width, height = place.size
    defined = (
        '<svg class="definitions" aria-hidden="true"><defs><image id="background" '
        f'width="{width}" height="{height}" href="{image_source(image)}"/></defs></svg>'
    )
    return defined, static


def ways(persons: Sequence[Person], traces: Mapping[int, Trace], place: Place) -> str:
    """The way of each track over the background; a circle is where it ends."""
    radius = max(place.size) / 240
    parts = []
    for person in persons:
        shown = [(track, traces[track.id]) for track in person.tracks if track.id in traces]
        lines = []
        for track, trace in shown:
            positions = [*trace.points, trace.last]
            points = " ".join(f"{point.x:.0f},{point.y:.0f}" for point in positions)
            x, y = positions[-1].x, positions[-1].y
            name = f"person {person.id}, track {track.id}"
            times = f"{clock(track.first_time)} to {clock(track.last_time)}"
            lines.append(
                f'<polyline class="under" points="{points}"/><polyline points="{points}" '
                f'stroke="{colour(person.id)}"/><circle cx="{x:.0f}" cy="{y:.0f}" '
                f'r="{radius:.1f}" fill="{colour(person.id)}"/>'
                f"<title>{escape(f'{name}: {times}')}</title>"
            )
        parts += [
            f'<g data-person="{person.id}" data-time="{track.first_time:.2f}">{line}</g>'
            for (track, _), line in zip(shown, lines, strict=True)
        ]
    return _map("Ways of persons", place, f'<g class="ways">{"".join(parts)}</g>')


def heat(place: Place) -> str:
    """The heat map over the background."""
    width, height = place.size
    overlay = (
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" '
        f'href="{image_source(place.heat_map())}"/>'
    )
    return _map("Heat map", place, overlay)


def _map(label: str, place: Place, content: str) -> str:
    width, height = place.size
    return (
        f'<svg class="map" role="img" aria-label="{label}" viewBox="0 0 {width} {height}">'
        f'<use href="#background"/>{content}</svg>'
    )
