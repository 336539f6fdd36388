"""HTML elements: text, tables, figures, images and data."""

import base64
import html
import json
from collections.abc import Sequence


def escape(value: object) -> str:
    """Text with the special characters of HTML escaped."""
    return html.escape(str(value))


def paragraph(text: str) -> str:
    """A paragraph of explanation; `text` is HTML."""
    return f'<p class="muted">{text}</p>'


def figure(content: str, caption: str, attributes: str = "") -> str:
    """A figure with a caption. `content`, `caption` and `attributes` are HTML."""
    return f"<figure{attributes}>{content}<figcaption>{caption}</figcaption></figure>"


def row(cells: Sequence[object]) -> str:
    """A row of a table. A cell is a value, or a pair of the shown text and the sort value."""
    parts = []
    for cell in cells:
        shown, value = cell if isinstance(cell, tuple) else (cell, None)
        attribute = "" if value is None else f' data-value="{value:.9g}"'
        parts.append(f"<td{attribute}>{escape(shown)}</td>")
    return f"<tr>{''.join(parts)}</tr>"


def table(
    names: Sequence[str], body: Sequence[str], foot: str = "", meanings: Sequence[str] = ()
) -> str:
    """A table that is sorted by a click on a column name.

    Args:
        names: of the columns.
        body: rows as HTML.
        foot: rows as HTML below the body, which are not sorted.
        meanings: tooltips of the column names.
    """
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
    """A drop-down list with the id `name`."""
    options = "".join(
        f'<option value="{escape(value)}">{escape(label)}</option>'
        for label, value in zip(labels, values, strict=True)
    )
    return f'<select id="{name}">{options}</select>'


def data(name: str, content: object) -> str:
    """A JSON object with the id `name`, to be read by the script."""
    # "</script>" in the name of a sequence would end the element.
    text = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def image_source(image: bytes) -> str:
    """The address of an image of the page itself: a JPEG or PNG file as a data URI."""
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"
