"""Scores and tracks of the benchmark of persons over cameras."""

from pathlib import Path

import cv2
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
        identity_market.Score(0.1 / each, 0.7 - 0.01 * each, 9, 0.9, 0.6)
        for each in identity_market.THRESHOLDS
    ]
    curve = identity_market.Curve(5.5, scores[3], scores)
    identity_market.plot({"embedder.onnx": curve}, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_curve_of_clear_tracks_has_all_persons_and_the_threshold_of_the_registry():
    rng = np.random.default_rng(0)
    people = rng.normal(size=(8, 32))
    rows = np.repeat(people, 3, axis=0) + 0.1 * rng.normal(size=(24, 32))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    identity, camera = np.repeat(np.arange(8), 3), np.tile([0, 1, 2], 8)
    tracks = identity_market.MarketTracks([np.array([row]) for row in range(24)], camera, identity)
    chosen = identity_market.Score(0, 1, 8, 1, 1)
    curve = identity_market.curve(rows, tracks, chosen)
    assert curve.chosen == chosen
    assert curve.scores[0].recall == 1
    assert [each.recall for each in curve.scores] == sorted(
        (each.recall for each in curve.scores), reverse=True
    )
    assert np.isfinite(curve.threshold)


def test_embeddings_are_computed_once(tmp_path):
    paths = [tmp_path / f"{number}.jpg" for number in range(6)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), np.full((16, 8, 3), 40 * number, dtype=np.uint8))
    samples = [Sample(path, "0001", 1, 1, path.stem) for path in paths]
    sizes = []

    class Embedder:
        def embed_crops(self, crops):
            sizes.append(len(crops))
            return np.array([[crop.mean() + 1, 1] for crop in crops], dtype=np.float32)

    first, again = (
        identity_market.cached_embedding(Embedder(), samples, tmp_path / "cache") for _ in "ab"
    )
    assert sizes == [4, 6, 4]  # the probe, all, the probe
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-6)
