"""benchmarks/cross_domain.py on PKU-Reid and on a small folder in its layout."""

import cv2
import numpy as np
import pytest

from benchmarks import cross_domain
from deepsort_reid.reid.evaluation.verification import PairSimilarity
from deepsort_reid.vision.embedder import Embedder


@pytest.fixture
def two_identities(tmp_path):
    """Data folder with a red and a blue identity, two crops of each from each of two cameras."""
    rng = np.random.default_rng(0)
    for name, colour in (("001", (0, 0, 200)), ("002", (200, 0, 0))):
        folder = tmp_path / "reid" / "PKU-Reid" / name
        folder.mkdir(parents=True)
        for camera in (1, 2):
            for k in (1, 2):
                image = rng.integers(0, 40, (96, 48, 3)) + np.array(colour)
                cv2.imwrite(str(folder / f"{camera:02d}_{k}.png"), image.astype(np.uint8))
    return tmp_path


def test_identities_of_different_colours_are_all_retrieved(two_identities):
    scores = cross_domain.score(Embedder(), two_identities / "reid" / "PKU-Reid")
    assert scores.rank1 == (1.0, 1.0)
    assert scores.mean_average_precision == (1.0, 1.0)
    assert scores.true_accept_rate == 1.0


def test_one_line_is_printed_per_model(two_identities, capsys):
    cross_domain.main(["--data", str(two_identities), "--threads", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["embedder_int8.onnx", *["100.0%"] * 7]


def test_folder_without_images_of_a_camera_is_rejected(two_identities):
    for path in two_identities.rglob("02_*.png"):
        path.unlink()
    with pytest.raises(ValueError, match=r"02_K\.png"):
        cross_domain.score(Embedder(), two_identities / "reid" / "PKU-Reid")


def test_pairs_are_taken_across_cameras_only():
    first, second = np.eye(3, dtype=np.float32)[[0, 1]], np.eye(3, dtype=np.float32)[[0, 2]]
    pairs = cross_domain.pairs_across(first, np.array(["a", "b"]), second, np.array(["a", "b"]))
    assert pairs.same.tolist() == [1.0, 0.0]
    assert pairs.different.tolist() == [0.0, 0.0]


def test_true_accept_rate_is_taken_at_the_threshold_of_the_false_accept_rate():
    # One of 100 different-identity pairs is above 0.98, the threshold at 1 %.
    different = np.arange(100, dtype=np.float32) / 100
    same = np.array([0.5, 0.97, 0.985, 0.995], np.float32)
    pairs = PairSimilarity(same, different)
    assert cross_domain.true_accept_rate(pairs, 0.01) == 0.5
    assert cross_domain.true_accept_rate(pairs, 0.1) == 0.75


@pytest.mark.data
def test_osnet_scores_on_pku_reid_are_those_published_with_the_data(data_root):
    embedder = Embedder(data_root / "models" / "osnet_x0_25_msmt17.onnx")
    scores = cross_domain.score(embedder, data_root / "reid" / "PKU-Reid")
    assert scores.rank1 == pytest.approx((0.532, 0.495), abs=0.0006)
    assert scores.mean_average_precision == pytest.approx((0.378, 0.373), abs=0.0006)
    assert scores.true_accept_rate == pytest.approx(0.303, abs=0.0006)
