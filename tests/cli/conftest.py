"""Fixtures of the command tests: a video, a MOT folder and functions that run a command."""

import numpy as np
import pytest

from deepsort_reid import DeepSort
from deepsort_reid.cli import track as command
from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import write_rows
from deepsort_reid.structures.mot_rows import MotRows
from tests.cli import synthetic_video


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    return synthetic_video.write_video(
        tmp_path_factory.mktemp("video") / "street.avi", synthetic_video.FRAMES
    )


@pytest.fixture(scope="session")
def detections(tmp_path_factory):
    return synthetic_video.write_detections(
        tmp_path_factory.mktemp("det") / "det.txt", synthetic_video.FRAMES
    )


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def run_track(video, detections, out):
    """Run `track` with exact detections and no embedder; returns the exit status."""

    def run(*options, source=video, detector=("--detections", str(detections))):
        options = [*detector, "--embedder", "none", "--out", str(out), *options]
        return main(["track", str(source), *options])

    return run


@pytest.fixture
def replace_detector(monkeypatch):
    """Let `track` detect with exact boxes, or with an error at a given frame."""

    def replace(**options):
        detector = synthetic_video.TrueBoxDetector(**options)
        monkeypatch.setattr(
            command, "make_detector", lambda args, note: (detector, "test detector")
        )
        return detector

    return replace


@pytest.fixture
def sequences(tmp_path):
    """Two MOT sequences without images: exact detections, ground truth."""
    folder = tmp_path / "data"
    for name, frames in (
        ("SEQ-01", synthetic_video.SEQUENCE_LENGTH),
        ("SEQ-02", synthetic_video.SEQUENCE_LENGTH + 2),
    ):
        synthetic_video.write_sequence(folder / name, frames)
    return folder


@pytest.fixture
def image_sequences(tmp_path):
    """One MOT sequence with images."""
    synthetic_video.write_sequence(
        tmp_path / "seen" / "SEQ-03", synthetic_video.SEQUENCE_LENGTH, images=True
    )
    return tmp_path / "seen"


@pytest.fixture
def run_benchmark(out):
    def run(folder, *options):
        return main(["benchmark", str(folder), "--out", str(out), "--quiet", *map(str, options)])

    return run


@pytest.fixture
def tracker_updates(monkeypatch):
    """Count the tracker updates; the one with number `stop_at` raises KeyboardInterrupt."""

    class Count:
        frames, stop_at = 0, None

    original = DeepSort.update

    def counted(self, *given, **named):
        Count.frames += 1
        if Count.frames == Count.stop_at:
            raise KeyboardInterrupt
        return original(self, *given, **named)

    monkeypatch.setattr(DeepSort, "update", counted)
    return Count


@pytest.fixture
def mot_files(tmp_path):
    """The files of `TRUTH_TEXT` and `PREDICTED_TEXT`."""
    truth, predicted = tmp_path / "truth.txt", tmp_path / "predicted.txt"
    truth.write_text(synthetic_video.TRUTH_TEXT, encoding="utf-8")
    predicted.write_text(synthetic_video.PREDICTED_TEXT, encoding="utf-8")
    return truth, predicted


@pytest.fixture
def crowded_sequences(tmp_path):
    """Two sequences MOT17-91 and MOT17-92 with distractors; imprecise detections of everybody."""
    folder = tmp_path / "MOT17" / "train"
    for seed, name in enumerate(("MOT17-91", "MOT17-92")):
        rng = np.random.default_rng(seed)
        frame, person = (each.ravel() for each in np.mgrid[1:31, 1:7])
        left = 40.0 * person + rng.normal(0, 1, len(person))
        xyxy = np.column_stack([left, 2.0 * frame, left + 20, 2.0 * frame + 50])
        classes = np.where(person == 6, 8, 1)  # 8: distractor
        consider = np.where(person == 5, 0, 1)
        truth = MotRows(frame, person, xyxy, consider, classes, np.ones(len(person)))
        synthetic_video.write_sequence(folder / name, 30, truth=truth)
        kept = rng.random(len(person)) < 0.85
        found = xyxy[kept] + rng.normal(0, 2, (int(kept.sum()), 1))
        detections = MotRows(frame[kept], np.full(kept.sum(), -1), found, np.full(kept.sum(), 0.9))
        write_rows(folder / name / "det" / "det.txt", detections, "det")
    return folder
