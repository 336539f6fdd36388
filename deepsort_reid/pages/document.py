"""A whole HTML page that needs no other file, except for videos beside it."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from deepsort_reid.pages.html import escape


def document(
    title: str, body: Sequence[str], package: str, name: str, *, videos: bool = False
) -> str:
    """The page as HTML text, with the style and the script that all pages share.

    A content security policy forbids the page to load anything and to run any other script, so
    that a text in it can do no harm, even if it were not escaped.

    Args:
        title: of the page.
        body: lines of HTML.
        package, name: the folder `page` of the package has the page's own NAME.css and NAME.js.
        videos: allow videos that lie in the folder of the page, or below.
    """
    parts = [
        (files(each) / "page", stem) for each, stem in ((__package__, "base"), (package, name))
    ]
    styles, scripts = (
        "".join("\n" + (folder / f"{stem}.{kind}").read_text("utf-8") for folder, stem in parts)
        for kind in ("css", "js")
    )
    policy = [
        "default-src 'none'",
        "img-src data:",
        f"style-src '{_digest(styles)}'",
        f"script-src '{_digest(scripts)}'",
        *(["media-src 'self' file:"] if videos else []),  # 'self' is not that of a file
        "base-uri 'none'",
        "form-action 'none'",
    ]
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        # With an empty icon the browser does not request one from a server.
        '<link rel="icon" href="data:,">',
        f"<style>{styles}</style>",
    ]
    lines = ["<!doctype html>", '<html lang="en"><head>', *head, "</head><body>", *body]
    return "\n".join([*lines, f"<script>{scripts}</script>", "</body></html>", ""])


def _digest(text: str) -> str:
    """By which the policy knows a style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
