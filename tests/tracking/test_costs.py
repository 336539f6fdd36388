"""Cost matrices of a few tracks and detections, computed by hand."""

import numpy as np
import pytest

from deepsort_reid.tracking.costs import forbid, fuse, other_class

INF = np.inf


def test_forbidden_pairs_become_infinite_and_others_stay():
    cost = np.array([[1.0, 2, 3], [4, 5, 6]])
    marked = np.array([[True, False, False], [False, False, True]])
    np.testing.assert_array_equal(forbid(cost, marked), [[INF, 2, 3], [4, 5, INF]])
    np.testing.assert_array_equal(cost, [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(("weight", "expected"), [(0, 0.2), (0.25, 1.15), (1, 4)])
def test_fuse_weights_motion_and_appearance(weight, expected):
    assert fuse(np.array([[4.0]]), np.array([[0.2]]), weight) == pytest.approx(expected)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_fuse_keeps_forbidden_pairs_at_any_weight(weight):
    motion = np.array([[1.0, INF, 1.0, INF]])
    appearance = np.array([[0.1, 0.1, INF, INF]])
    np.testing.assert_array_equal(
        np.isfinite(fuse(motion, appearance, weight)), [[True, False, False, False]]
    )


def test_pairs_of_different_classes_are_marked():
    marked = other_class(np.array([0, 2]), np.array([2, 0, 1]))
    np.testing.assert_array_equal(marked, [[True, False, True], [False, True, True]])


@pytest.mark.parametrize(("n", "m"), [(0, 3), (2, 0), (0, 0)])
def test_empty_side_gives_an_empty_matrix(n, m):
    empty = np.empty((n, m))
    assert fuse(empty, empty, 0.5).shape == (n, m)
    assert forbid(empty, empty.astype(bool)).shape == (n, m)
    integer = np.int64
    assert other_class(np.empty(n, dtype=integer), np.empty(m, dtype=integer)).shape == (n, m)
