"""Fixtures of the tests in a browser: Chromium, videos that it plays, and an opened page."""

import shutil

import numpy as np
import pytest

from deepsort_reid.review import Review
from tests.review import run_folders
from tests.review.web.pages import OpenPage, write_numbered_video
from tests.review.web.servers import serve


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium or Chrome of the system."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        pytest.fail(
            f"no browser found: looked for {', '.join(names)}; install chromium, or leave these "
            "tests out with -m 'not browser'"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def numbered_video(tmp_path_factory):
    times = np.arange(run_folders.FRAMES) * 100 // run_folders.RATE
    return write_numbered_video(tmp_path_factory.mktemp("numbered") / "street.mp4", times)


@pytest.fixture
def open_page(chromium, request):
    """Opens the page of a run folder."""

    def open_run(folder):
        review = Review.open(folder)
        request.addfinalizer(review.close)
        context = serve(review)
        address = context.__enter__()
        request.addfinalizer(lambda: context.__exit__(None, None, None))
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        request.addfinalizer(page.close)
        return OpenPage(page, review, address)

    return open_run


@pytest.fixture
def numbered_run(tmp_path, numbered_video):
    return run_folders.write_run(tmp_path / "run", numbered_video)


@pytest.fixture
def opened(open_page, numbered_run):
    return open_page(numbered_run)
