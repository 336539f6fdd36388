"""Detections computed earlier: by frame number, and raw scores as probabilities."""

import numpy as np
import pytest

from deepsort_reid.io.detections_npz import write_detections_npz
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.detectors.precomputed import (
    MotDetections,
    NpzDetections,
    normalize_scores,
)
from tests.vision.detectors.yolox_files import GREY


def make_rows(frames, scores):
    count = len(frames)
    xyxy = np.tile([0.0, 0.0, 10.0, 20.0], (count, 1)) + np.arange(count)[:, None]
    return MotRows(np.array(frames), np.full(count, -1), xyxy, np.array(scores, dtype=float))


def test_detections_are_returned_frame_by_frame():
    detector = MotDetections(make_rows([3, 1, 1, 4], [0.9, 0.8, 0.2, 0.7]))
    assert [len(detector(GREY)) for _ in range(5)] == [2, 0, 1, 1, 0]
    np.testing.assert_array_equal(detector.at(3).xyxy, [[0, 0, 10, 20]])
    every_third = MotDetections(make_rows([3, 1, 1, 4], [0.9, 0.8, 0.2, 0.7]), start=1, every=3)
    assert [every_third(GREY).score.tolist() for _ in range(2)] == [[0.8, 0.2], [0.7]]


def test_detections_below_the_minimum_score_are_dropped():
    detector = MotDetections(make_rows([1, 1], [0.8, 0.2]), min_score=0.5)
    np.testing.assert_array_equal(detector(GREY).score, [0.8])


def test_npz_detections_are_returned_frame_by_frame_with_their_embeddings(tmp_path):
    path = tmp_path / "found.npz"
    frames = [Detections([[k, 0, k + 10, 20]], [0.7], [0], np.eye(4)[:1]) for k in range(1, 5)]
    write_detections_npz(path, enumerate(frames, start=1))
    detector = NpzDetections(path, start=3, every=2)
    found = detector(None)
    np.testing.assert_array_equal(found.xyxy, [[3, 0, 13, 20]])
    np.testing.assert_array_equal(found.embedding, np.eye(4)[:1])
    assert len(detector(None)) == len(detector.at(0)) == len(detector.at(5)) == 0
    assert len(NpzDetections(path, min_score=0.8).at(1)) == 0


def test_missing_npz_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.npz: no such file of detections"):
        NpzDetections(tmp_path / "absent.npz")


def test_scores_within_0_and_1_are_unchanged_and_raw_scores_are_mapped_in_order():
    probabilities = np.array([0.0, 0.3, 1.0])
    assert normalize_scores(probabilities) is probabilities
    assert len(normalize_scores(np.empty(0))) == 0
    for raw in (np.array([-0.5, 0.0, 0.4, 3.0]), np.array([-0.4, 30.0, 67.0, 139.0])):
        mapped = normalize_scores(raw)
        assert (np.diff(mapped) > 0).all()
        assert 0 < mapped[0] < 0.5 < mapped[2] < mapped[3] < 1
    assert normalize_scores(np.array([-0.5, 0.0]))[1] == 0.5
    assert normalize_scores(np.array([0.1, 30.0]))[1] == 0.5


@pytest.mark.data
def test_public_dpm_and_acf_scores_are_mapped_close_to_the_recorded_ones(data_root):
    for name, tolerance in (("MOT16-09", 0.1), ("TUD-Campus", 0.1)):
        detector = MotDetections(data_root / "mot" / name / "det" / "det.txt")
        with np.load(data_root / "inputs" / f"{name}-public.npz") as recorded:
            first = recorded["frame"] == 1
            expected = np.sort(recorded["score"][first])
        mapped = np.sort(detector.at(1).score)[-len(expected) :]
        np.testing.assert_allclose(mapped, expected, atol=tolerance)
