"""Pieces of HTML that the report is made of."""

import html
import json
from collections.abc import Sequence


def escape(value: object) -> str:
    """Text as HTML."""
    return html.escape(str(value))


def paragraph(text: str) -> str:
    """An explaining paragraph; `text` is HTML."""
    return f'<p class="quiet">{text}</p>'


def figure(content: str, caption: str, attributes: str = "") -> str:
    """A picture with its caption."""
    return f"<figure{attributes}>{content}<figcaption>{caption}</figcaption></figure>"


def row(cells: Sequence[object]) -> str:
    """A line of a table; a cell is what is shown, or a pair (what is shown, what is sorted)."""
    parts = []
    for cell in cells:
        shown, value = cell if isinstance(cell, tuple) else (cell, None)
        attribute = "" if value is None else f' data-value="{value:.9g}"'
        parts.append(f"<td{attribute}>{escape(shown)}</td>")
    return f"<tr>{''.join(parts)}</tr>"


def table(
    names: Sequence[str], body: Sequence[str], foot: str = "", meanings: Sequence[str] = ()
) -> str:
    """A table that sorts by a click on a column's name; `foot` match_history below."""
    meanings = meanings or [""] * len(names)
    head = "".join(
        f'<th scope="col" title="{escape(meaning)}"><button>{escape(name)}</button></th>'
        for name, meaning in zip(names, meanings, strict=True)
    )
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody><tfoot>{foot}</tfoot></table></div>"
    )


def select(name: str, labels: Sequence[str], values: Sequence[str]) -> str:
    """A choice of one."""
    options = "".join(
        f'<option value="{escape(value)}">{escape(label)}</option>'
        for label, value in zip(labels, values, strict=True)
    )
    return f'<select id="{name}">{options}</select>'


def data(name: str, content: object) -> str:
    """JSON for the script to read."""
    # "</script>" in a sequence's name would end the element.
    text = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'
