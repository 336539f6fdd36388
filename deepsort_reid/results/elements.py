"""HTML elements of the results pages."""

from collections.abc import Sequence

from deepsort_reid.pages.html import escape
from deepsort_reid.results.times import clock
from deepsort_reid.results.video_index import VideoIndex


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
