"""Scores and tracks of the benchmark of persons over cameras."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import identity_market
from deepsort_reid.reid.data.datasets import Sample


def sample(identity, camera, recording, frame):
    name = f"{identity:04d}_c{camera}s{recording}_{frame:06d}_00.jpg"
    return Sample(
        Path(name), f"{identity:04d}", camera, frame, f"{identity:04d}_c{camera}s{recording}"
    )


def test_tracks_are_in_the_order_of_recording_and_frame():
    samples = [sample(7, 1, 2, 5), sample(3, 2, 1, 900), sample(7, 4, 1, 30), sample(7, 4, 1, 20)]
    tracks = identity_market.tracks_of(samples)
    assert [rows.tolist() for rows in tracks.crops] == [[3, 2], [1], [0]]
    assert tracks.camera.tolist() == [4, 2, 1]
    assert tracks.identity.tolist() == [7, 3, 7]


def test_score_of_one_wrong_and_one_missed_track():
    identity = np.array([1, 2, 1, 1, 2, 3])
    person = np.array([1, 2, 1, 3, 1, 4])  # the fifth is joined with others, the fourth is missed
    score = identity_market.score(person, identity)
    assert score.wrong == pytest.approx(1 / 6)
    assert score.recall == pytest.approx(1 / 3)
    assert score.persons == 4
    assert score.pair_precision == pytest.approx(1 / 3)
    assert score.pair_recall == pytest.approx(1 / 4)


def test_plot_is_written(tmp_path):
    scores = [
        identity_market.Score(0.01, 0.7, 9, 0.9, 0.6),
        identity_market.Score(0.02, 0.8, 8, 0.8, 0.7),
    ]
    identity_market.plot({"embedder.onnx": scores}, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000
