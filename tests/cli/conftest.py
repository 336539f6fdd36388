"""A street with two people for the tests of `track`."""

import pytest

from deepsort_reid.cli import track as command
from deepsort_reid.cli.main import main
from tests.cli import walkers


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


@pytest.fixture
def data(tmp_path):
    """Two sequences without pictures: exact detections, complete truth."""
    folder = tmp_path / "data"
    for name, frames in (("SEQ-01", walkers.LENGTH), ("SEQ-02", walkers.LENGTH + 2)):
        walkers.write_sequence(folder / name, frames)
    return folder


@pytest.fixture
def pictures(tmp_path):
    """One sequence with pictures."""
    walkers.write_sequence(tmp_path / "seen" / "SEQ-03", walkers.LENGTH, images=True)
    return tmp_path / "seen"


@pytest.fixture
def bench(out):
    def run(folder, *options):
        return main(["benchmark", str(folder), "--out", str(out), "--quiet", *map(str, options)])

    return run
