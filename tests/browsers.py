"""The browser of the tests that carry the marker `browser`."""

import shutil

import pytest


def find_browser() -> str:
    """The path of Chromium or Chrome; the test fails if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    paths = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",)
    program = next((found for name in (*names, *paths) if (found := shutil.which(name))), None)
    if program is None:
        pytest.fail(
            f"no browser found: looked for {', '.join(names)}; install chromium, or leave these "
            "tests out with -m 'not browser'"
        )
    return program
