"""HTML elements of the results pages."""

from collections import Counter
from collections.abc import Mapping, Sequence

from deepsort_reid.pages.html import escape, image_source, paragraph
from deepsort_reid.results.crops import Crop
from deepsort_reid.results.doubts import Doubt
from deepsort_reid.results.times import clock
from deepsort_reid.results.video_index import VideoIndex

MAX_DOUBTS = 60  # listed


def cards(values: Sequence[tuple[str, str]]) -> str:
    """Large numbers with their names."""
    shown = [
        f'<div class="card"><span>{escape(name)}</span><b>{escape(value)}</b></div>'
        for name, value in values
    ]
    return f'<div class="cards">{"".join(shown)}</div>'


def notes(lines: Sequence[str]) -> str:
    """Notes as a list; empty for none."""
    if not lines:
        return ""
    return f'<ul class="notes">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'


def facts(values: Sequence[tuple[str, str]]) -> str:
    """Names and values as a list."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in values)
    return f'<dl class="facts">{rows}</dl>'


def video(videos: VideoIndex) -> str:
    """The player of the annotated videos."""
    if not videos.videos:
        return (
            '<div class="player none"><p>No annotated video was written. '
            "With one, a click on a time shows it here.</p></div>"
        )
    first = escape(next(iter(videos.videos)))
    return (
        '<div class="player"><div class="dock"><button id="undock" title="close">&times;</button>'
        f'<video id="video" controls preload="metadata" playsinline src="{first}"></video></div>'
        '<p id="no-video" class="muted" hidden></p></div>'
    )


def time_button(time: float, content: str = "", attributes: str = "") -> str:
    """A button that shows a time in the video; `content` and `attributes` are HTML."""
    return (
        f'<button class="time" data-time="{time:.2f}"{attributes}>{content or clock(time)}</button>'
    )


def time_axis(first_time: float, last_time: float) -> str:
    """Times below a drawing over time."""
    times = [first_time + i / 4 * (last_time - first_time) for i in range(5)]
    spans = "".join(f'<span class="at-{i}">{clock(time)}</span>' for i, time in enumerate(times))
    return f'<div class="axis">{spans}</div>'


def doubt_list(doubts: Sequence[Doubt], kinds: Mapping[str, str]) -> str:
    """The doubts, in their order; `kinds` are the names of their kinds."""
    counts = Counter(each.kind for each in doubts)
    listed = ", ".join(f"{name}: {counts[kind]}" for kind, name in kinds.items() if counts[kind])
    shown = "".join(
        f"<li>{time_button(each.time)}<b>{kinds[each.kind]}</b> "
        f"<span>{escape(each.text)}</span></li>"
        for each in doubts[:MAX_DOUBTS]
    )
    text = f"The most doubtful first: {listed}." if doubts else "Nothing was found to doubt."
    if len(doubts) > MAX_DOUBTS:
        text += f" The first {MAX_DOUBTS} of {len(doubts):,} are listed."
    items = f"<ol>{shown}</ol>" if shown else ""
    return f'<section class="doubts"><h2>What to doubt</h2>{paragraph(text)}{items}</section>'


def crop_strip(crops: Sequence[Crop], name: str) -> str:
    """Images with their times, in a row; a click shows the time."""
    images = "".join(
        time_button(
            crop.time,
            f'<img alt="{escape(name)} at {clock(crop.time)}" decoding="async" '
            f'src="{image_source(crop.image)}"><span>{clock(crop.time)}</span>',
        )
        for crop in crops
    )
    return f'<div class="crops">{images or paragraph("no image")}</div>'
