"""k-reciprocal re-ranking against a brute-force implementation of the paper with sets."""

import numpy as np
import pytest

from deepsort_reid.reid.evaluation.rerank import Reranking, k_reciprocal_distance
from tests.reid.brute_force import k_reciprocal


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("k1", "k2", "weight"), [(6, 3, 0.3), (4, 1, 0.0), (9, 4, 0.7)])
def test_distances_equal_brute_force(seed, k1, k2, weight):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, 6))
    rows = unit(centres[rng.integers(0, 4, 24)] + 0.6 * rng.normal(size=(24, 6)))
    distance = np.maximum(1 - rows.astype(np.float64) @ rows.T, 0)
    np.fill_diagonal(distance, 0)
    expected = k_reciprocal(distance.tolist(), k1, k2, weight, range(5), range(5, 24))
    found = k_reciprocal_distance(
        rows, np.arange(5), np.arange(5, 24), Reranking(k1=k1, k2=k2, weight=weight)
    )
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_equal_embedding_is_nearest():
    rows = unit(np.random.default_rng(0).normal(size=(20, 5)))
    rows[7] = rows[3]
    found = k_reciprocal_distance(rows, np.array([3]), np.arange(4, 20), Reranking(k1=4, k2=2))
    assert found[0].argmin() == 7 - 4
    assert found[0, 7 - 4] == pytest.approx(0, abs=1e-5)


def test_more_equal_embeddings_than_neighbours_give_zero_distance():
    rows = unit(np.array([*[[1, 1, 1]] * 12, [1, -1, 0]]))
    found = k_reciprocal_distance(rows, np.arange(12), np.arange(12), Reranking(k1=2, k2=1))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.diag(found), 0, atol=1e-6)


def test_fewer_images_than_neighbours_are_accepted():
    rows = unit(np.random.default_rng(0).normal(size=(5, 3)))
    found = k_reciprocal_distance(rows, np.arange(2), np.arange(2, 5), Reranking())
    assert found.shape == (2, 3)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("change", [{"k1": 0}, {"k2": 0}, {"weight": 1.1}])
def test_parameters_out_of_range_are_rejected(change):
    with pytest.raises(ValueError, match="k1 >= 1, k2 >= 1 and weight in"):
        Reranking(**change)
