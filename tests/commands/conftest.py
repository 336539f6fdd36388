"""A street with two people for the tests of `track`."""

import pytest

from deepsort_reid.cli import main
from deepsort_reid.commands import track as command
from tests.commands import walkers


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    return walkers.write_video(tmp_path_factory.mktemp("video") / "street.avi", walkers.FRAMES)


@pytest.fixture(scope="session")
def detections(tmp_path_factory):
    return walkers.write_detections(tmp_path_factory.mktemp("det") / "det.txt", walkers.FRAMES)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def tracked(video, detections, out):
    """Run `track` on the street with exact detections and no embedder; gives its status."""

    def run(*options, source=video, detector=("--detections", str(detections))):
        options = [*detector, "--embedder", "none", "--out", str(out), *options]
        return main(["track", str(source), *options])

    return run


@pytest.fixture
def seer(monkeypatch):
    """Let `track` detect with somebody who knows, or who fails at a given frame."""

    def put(**options):
        made = walkers.Seer(**options)
        monkeypatch.setattr(command, "make_detector", lambda args, note: (made, "seer"))
        return made

    return put
