"""Fixtures of the review tests: a video and a run folder of it."""

import pytest

from deepsort_reid.review import Review
from tests.review import run_folders


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    return run_folders.write_video(tmp_path_factory.mktemp("video") / "street.avi")


@pytest.fixture
def run(tmp_path, video):
    return run_folders.write_run(tmp_path / "run", video)


@pytest.fixture
def review(run):
    with Review.open(run) as review:
        yield review
