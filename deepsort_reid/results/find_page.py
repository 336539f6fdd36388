"""Results page of a search for one person: one HTML file to look at without a server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deepsort_reid.pages.document import document
from deepsort_reid.pages.html import data, escape, figure, image_source, paragraph
from deepsort_reid.results.crops import Crop
from deepsort_reid.results.doubts import Doubt
from deepsort_reid.results.elements import (
    cards,
    crop_strip,
    doubt_list,
    facts,
    notes,
    time_axis,
    time_button,
    video,
)
from deepsort_reid.results.sightings import SearchRecorder, Sighting
from deepsort_reid.results.times import clock, count, duration
from deepsort_reid.results.video_index import VideoIndex

MAX_SHEETS = 120  # sightings with images
_WEAK = 0.08  # a best similarity this little above the threshold is doubtful
_CLOSE = 0.05  # as is a second person whose similarity is so near
_NEAR = 0.05  # and a frame without a match, this little below the threshold
_SHORT = 0.3  # seconds
_HEIGHT = 150  # of the curve, and 10 below for the sightings

KINDS = {
    "wrong": "another person",
    "weak": "little similarity",
    "close": "two look alike",
    "number": "another track",
    "followed": "followed, not recognised",
    "short": "short sighting",
    "almost": "almost a match",
}


@dataclass(frozen=True)
class FindResults:
    """What the page shows of a search.

    Attributes:
        title: name of the source.
        query: JPEG file of the query; None where it could not be cut out.
        recorder: of the search.
        ids: what the numbers of matches are: "person" or "track".
        scores: further large numbers: name and value.
        videos: the annotated clip beside the page.
        facts: what was used: name and value.
        notes: what the page lacks, in words.
    """

    title: str
    query: bytes | None
    recorder: SearchRecorder
    ids: str
    scores: Sequence[tuple[str, str]]
    videos: VideoIndex
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]


def find_page(results: FindResults) -> str:
    """The page as HTML text."""
    recorder = results.recorder
    doubts = find_doubts(recorder, results.ids)
    title = f"Search in {results.title}"
    query = ""
    if results.query is not None:
        image = f'<img alt="the query" src="{image_source(results.query)}">'
        query = figure(image, "the query", ' class="query"')
    body = [
        f"<header><div><h1>{escape(title)}</h1>{_cards(results)}</div>{query}</header>",
        notes(results.notes),
        '<div class="watch">',
        video(results.videos),
        doubt_list(doubts, KINDS),
        "</div>",
        "<h2>Similarity over time</h2>",
        _curve(recorder, doubts),
        "<h2>Sightings</h2>",
        _sheets(results, doubts),
        "<h2>How it was searched</h2>",
        facts(results.facts),
        data("videos", list(results.videos.videos.items())),
    ]
    return document(title, body, "deepsort_reid.results", "results", videos=True)


def find_doubts(recorder: SearchRecorder, ids: str) -> list[Doubt]:
    """What to doubt in a search, the most doubtful first; `persons` are numbers of sightings."""
    doubts = [doubt for each in recorder.sightings for doubt in _doubts_of(each, recorder, ids)]
    for time, similarity in recorder.almost:
        if similarity >= recorder.threshold - _NEAR:
            text = f"No match, but the similarity reaches {similarity:.2f}."
            severity = 0.4 - (recorder.threshold - similarity)
            doubts.append(Doubt(severity, "almost", time, (), text))
    return sorted(doubts, key=lambda each: (-each.severity, each.time))


def _doubts_of(sighting: Sighting, recorder: SearchRecorder, ids: str) -> Iterator[Doubt]:
    threshold = recorder.threshold
    usual = _usual_number(recorder.sightings)

    def doubt(severity: float, kind: str, text: str) -> Doubt:
        return Doubt(severity, kind, sighting.first_time, (sighting.id,), text)

    name = f"Sighting {sighting.id}"
    if sighting.wrong:
        text = f"{name}: by the labels, {sighting.wrong} of {sighting.frames} frames are wrong."
        yield doubt(0.9 + 0.1 * sighting.wrong / sighting.frames, "wrong", text)
    if sighting.best < threshold + _WEAK:
        text = f"{name}: the best similarity is {sighting.best:.2f}, the threshold {threshold:g}."
        yield doubt(0.6 - (sighting.best - threshold), "weak", text)
    if sighting.closest < _CLOSE:
        text = (
            f"{name}: another person in view was as similar but for {sighting.closest:.2f}, in "
            "the closest frame."
        )
        yield doubt(0.55 - sighting.closest, "close", text)
    if usual and sighting.number not in (0, usual):
        text = f"{name}: {ids} {sighting.number}; most matches are {ids} {usual}."
        yield doubt(0.5, "number", text)
    if sighting.below > sighting.frames / 2:
        text = (
            f"{name}: in {sighting.below} of {sighting.frames} frames the similarity is below the "
            f"threshold, and only the {ids} is followed."
        )
        yield doubt(0.4, "followed", text)
    if sighting.last_time - sighting.first_time < _SHORT:
        yield doubt(0.3, "short", f"{name}: {count(sighting.frames, 'frame')} only.")


def _usual_number(sightings: Sequence[Sighting]) -> int:
    """The number in most frames of all sightings; 0 where unknown."""
    frames: dict[int, int] = {}
    for sighting in sightings:
        for number, own in sighting.numbers.items():
            frames[number] = frames.get(number, 0) + own
    frames.pop(0, None)
    return max(frames, key=lambda number: (frames[number], -number), default=0)


def _cards(results: FindResults) -> str:
    recorder = results.recorder
    seen = sum(each.last_time - each.first_time for each in recorder.sightings)
    best = max((each.best for each in recorder.sightings), default=None)
    values = [
        ("sightings", f"{len(recorder.sightings):,}{' or more' * bool(recorder.num_dropped)}"),
        ("in view for", duration(seen)),
        ("matches", f"{recorder.matches:,}"),
        ("frames searched", f"{recorder.frames:,}"),
        *([("best similarity", f"{best:.2f}")] if best is not None else []),
        *results.scores,
    ]
    return cards(values)


def _curve(recorder: SearchRecorder, doubts: Sequence[Doubt]) -> str:
    """The similarity over time, and the sightings below it."""
    first, last = recorder.first_time, recorder.last_time
    scale = 1000 / max(last - first, 1e-3)
    points = " ".join(
        f"{(time - first) * scale:.1f},{_level(value):.1f}" for time, value in recorder.curve.values
    )
    level = _level(recorder.threshold)
    bars = "".join(
        f'<rect class="seen" x="{(each.first_time - first) * scale:.1f}" y="{_HEIGHT + 2}" '
        f'width="{max((each.last_time - each.first_time) * scale, 1.5):.1f}" height="10">'
        f"<title>{_span(each)}</title></rect>"
        for each in recorder.sightings
    )
    marks = "".join(
        f'<line class="doubt" x1="{x:.1f}" x2="{x:.1f}" y1="{_HEIGHT}" y2="{_HEIGHT + 14}">'
        f"<title>{escape(doubt.text)}</title></line>"
        for doubt in doubts
        for x in [(doubt.time - first) * scale]
    )
    text = (
        "The line is the similarity of the most similar person in view, from 0 to 1, the dashed "
        f"one the threshold of {recorder.threshold:g}. Blue bars are sightings, red lines doubts. "
        "A click shows the time in the clip."
    )
    return (
        f'{paragraph(text)}<div id="timeline"><svg id="presence" role="img" '
        f'aria-label="Similarity over time" viewBox="0 0 1000 {_HEIGHT + 14}" '
        f'height="{_HEIGHT + 14}" preserveAspectRatio="none" data-first="{first:.3f}" '
        f'data-last="{last:.3f}"><rect class="lane" width="1000" height="{_HEIGHT}"/>'
        f'<line class="threshold" x2="1000" y1="{level:.1f}" y2="{level:.1f}"/>'
        f'<polyline class="similarity" points="{points}"/>{bars}{marks}'
        f'<line id="now" x1="-9" x2="-9" y2="{_HEIGHT + 14}"/></svg>{time_axis(first, last)}</div>'
    )


def _level(similarity: float) -> float:
    """Height of a similarity in the curve, from the top."""
    return _HEIGHT * (1 - min(max(similarity, 0.0), 1.0))


def _span(sighting: Sighting) -> str:
    times = f"{clock(sighting.first_time)} to {clock(sighting.last_time)}"
    return f"sighting {sighting.id}: {times}, similarity up to {sighting.best:.2f}"


def _sheets(results: FindResults, doubts: Sequence[Doubt]) -> str:
    """A contact sheet for each sighting; of many, for the longest ones."""
    recorder = results.recorder
    if not recorder.sightings:
        return paragraph("The person was not found.")
    longest = sorted(recorder.sightings, key=lambda each: -each.frames)[:MAX_SHEETS]
    shown = {each.id for each in longest}
    sheets = [
        _sheet(each, recorder.crops.of_track.get(each.id, []), results.ids, doubts)
        for each in recorder.sightings
        if each.id in shown
    ]
    text = "Matches without a break of more than a second, with their best images and times."
    hidden = len(recorder.sightings) - len(sheets)
    if hidden:
        text += f" The longest {len(sheets)} are shown, {hidden:,} are left out."
    if recorder.num_dropped:
        text += f" {recorder.num_dropped:,} matches after the last one are left out."
    return f'{paragraph(text)}<div class="sheets">{"".join(sheets)}</div>'


def _sheet(sighting: Sighting, crops: list[Crop], ids: str, doubts: Sequence[Doubt]) -> str:
    own = [doubt for doubt in doubts if sighting.id in doubt.persons]
    mean = sighting.sum / sighting.frames
    details = [
        f"{time_button(sighting.first_time)} to {time_button(sighting.last_time)}",
        count(sighting.frames, "frame"),
        f"similarity {mean:.2f}, up to {sighting.best:.2f}",
        *([f"{ids} {sighting.number}"] if sighting.number else []),
    ]
    if own:
        reasons = ", ".join(dict.fromkeys(KINDS[doubt.kind] for doubt in own))
        details.append(f'<span class="doubtful">{reasons}</span>')
    return (
        f'<section class="sheet" id="sighting-{sighting.id}"><h3>Sighting {sighting.id}</h3>'
        f'<p class="muted">{" &middot; ".join(details)}</p>'
        f"{crop_strip(crops, f'sighting {sighting.id}')}</section>"
    )
