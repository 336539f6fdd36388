"""ROC AUC by counting, pairs by listing them."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest

from deepsort_reid.reid.evaluation.verification import auc_by_gap, pair_similarity, roc_auc


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_auc_counted_by_hand():
    # Of 2 x 3 pairs: 0.9 beats all three, 0.5 beats 0.1, ties with 0.5, loses to 0.7.
    assert roc_auc([0.9, 0.5], [0.1, 0.5, 0.7]) == pytest.approx((3 + 1.5) / 6)


def test_auc_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(0)
    above, below = rng.integers(0, 9, 40), rng.integers(0, 7, 30)
    counted = np.mean([(a > b) + (a == b) / 2 for a in above for b in below])
    assert roc_auc(above, below) == pytest.approx(counted)
    assert roc_auc(below, above) == pytest.approx(1 - counted)


def test_auc_without_one_side_is_unknown():
    assert math.isnan(roc_auc([], [0.1]))
    assert math.isnan(roc_auc([0.1], []))


def test_every_pair_is_same_or_different():
    rng = np.random.default_rng(1)
    rows, identity = unit(rng.normal(size=(12, 4))), list("aaabbbccccdd")
    pairs = pair_similarity(rows, identity)
    same = [rows[i] @ rows[j] for i, j in combinations(range(12), 2) if identity[i] == identity[j]]
    assert sorted(pairs.same) == pytest.approx(sorted(same))
    assert len(pairs.same) + len(pairs.different) == 12 * 11 / 2
    assert pairs.auc == roc_auc(pairs.same, pairs.different)


def test_pairs_of_one_person_in_one_camera_are_left_out_where_it_is_known():
    rows, identity = np.eye(4, dtype=np.float32), list("aaab")
    assert len(pair_similarity(rows, identity, camera=[1, 1, 2, 1]).same) == 2
    assert len(pair_similarity(rows, identity, camera=[-1] * 4).same) == 3


def test_people_are_drawn_whole_when_there_are_too_many_pictures():
    rows = unit(np.random.default_rng(0).normal(size=(200, 4)))
    pairs = pair_similarity(rows, np.repeat(np.arange(20), 10), max_images=55)
    assert len(pairs.same) == 5 * 10 * 9 / 2
    assert len(pairs.same) + len(pairs.different) == 50 * 49 / 2


def test_gaps_fall_into_their_bins_and_sequences_are_never_mixed():
    rng = np.random.default_rng(3)
    rows, identity = unit(rng.normal(size=(20, 4))), rng.integers(0, 3, 20)
    frame, sequence = rng.integers(0, 60, 20), rng.choice(["x", "y"], 20)
    edges = (0, 1, 5, 40, 60)
    curve = auc_by_gap(rows, identity, frame, sequence, edges=edges)
    assert curve.start.tolist() == [0, 1, 5, 40]
    for place, (start, stop) in enumerate(pairwise(edges)):
        same, different = [], []
        for i, j in combinations(range(20), 2):
            if sequence[i] == sequence[j] and start <= abs(frame[i] - frame[j]) < stop:
                (same if identity[i] == identity[j] else different).append(rows[i] @ rows[j])
        assert (curve.same[place], curve.different[place]) == (len(same), len(different))
        np.testing.assert_allclose(curve.auc[place], roc_auc(same, different), atol=1e-6)


def test_edges_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match=r"edges must rise .*\[1, 1\]"):
        auc_by_gap(np.eye(2, dtype=np.float32), [0, 0], [0, 1], [0, 0], edges=[1, 1])
