"""Fixtures of the tests in a browser: videos that it plays, and an opened page."""

import numpy as np
import pytest

from deepsort_reid.review import Review
from tests.review import run_folders
from tests.review.web.pages import OpenPage, write_numbered_video
from tests.review.web.servers import serve


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
