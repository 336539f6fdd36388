"""Pair verification: ROC AUC and pair selection against explicit loops."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest

from deepsort_reid.reid.evaluation.verification import auc_by_gap, pair_similarity, roc_auc


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_auc_by_hand():
    # Of 2 x 3 pairs: 0.9 is above all three, 0.5 above 0.1, equal to 0.5 and below 0.7.
    assert roc_auc([0.9, 0.5], [0.1, 0.5, 0.7]) == pytest.approx((3 + 1.5) / 6)


def test_auc_is_the_share_of_pairs_in_the_correct_order():
    rng = np.random.default_rng(0)
    above, below = rng.integers(0, 9, 40), rng.integers(0, 7, 30)
    counted = np.mean([(a > b) + (a == b) / 2 for a in above for b in below])
    assert roc_auc(above, below) == pytest.approx(counted)
    assert roc_auc(below, above) == pytest.approx(1 - counted)


def test_auc_of_an_empty_side_is_nan():
    assert math.isnan(roc_auc([], [0.1]))
    assert math.isnan(roc_auc([0.1], []))


def test_all_pairs_are_either_same_or_different():
    rng = np.random.default_rng(1)
    rows, identity = unit(rng.normal(size=(12, 4))), list("aaabbbccccdd")
    pairs = pair_similarity(rows, identity)
    same = [rows[i] @ rows[j] for i, j in combinations(range(12), 2) if identity[i] == identity[j]]
    assert sorted(pairs.same) == pytest.approx(sorted(same))
    assert len(pairs.same) + len(pairs.different) == 12 * 11 / 2
    assert pairs.auc == roc_auc(pairs.same, pairs.different)


def test_same_identity_pairs_of_one_known_camera_are_ignored():
    rows, identity = np.eye(4, dtype=np.float32), list("aaab")
    assert len(pair_similarity(rows, identity, camera=[1, 1, 2, 1]).same) == 2
    assert len(pair_similarity(rows, identity, camera=[-1] * 4).same) == 3


def test_subsampling_draws_complete_identities():
    rows = unit(np.random.default_rng(0).normal(size=(200, 4)))
    pairs = pair_similarity(rows, np.repeat(np.arange(20), 10), max_images=55)
    assert len(pairs.same) == 5 * 10 * 9 / 2
    assert len(pairs.same) + len(pairs.different) == 50 * 49 / 2


def test_auc_by_gap_equals_an_explicit_loop_over_pairs_of_a_sequence():
    rng = np.random.default_rng(3)
    rows, identity = unit(rng.normal(size=(20, 4))), rng.integers(0, 3, 20)
    frame, sequence = rng.integers(0, 60, 20), rng.choice(["x", "y"], 20)
    edges = (0, 1, 5, 40, 60)
    curve = auc_by_gap(rows, identity, frame, sequence, edges=edges)
    assert curve.start.tolist() == [0, 1, 5, 40]
    for index, (start, stop) in enumerate(pairwise(edges)):
        same, different = [], []
        for i, j in combinations(range(20), 2):
            if sequence[i] == sequence[j] and start <= abs(frame[i] - frame[j]) < stop:
                (same if identity[i] == identity[j] else different).append(rows[i] @ rows[j])
        assert (curve.same[index], curve.different[index]) == (len(same), len(different))
        np.testing.assert_allclose(curve.auc[index], roc_auc(same, different), atol=1e-6)


def test_edges_that_do_not_increase_are_rejected():
    with pytest.raises(ValueError, match=r"increasing numbers, got \[1, 1\]"):
        auc_by_gap(np.eye(2, dtype=np.float32), [0, 0], [0, 1], [0, 0], edges=[1, 1])
