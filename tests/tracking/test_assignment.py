"""The assignment against SciPy's solver, brute force and a cascade of plain loops."""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from deepsort_reid.tracking import assignment
from deepsort_reid.tracking.assignment import allowed_pairs, matching_from_pairs

SHAPES = [(1, 1), (3, 3), (5, 2), (2, 5), (12, 12), (30, 17), (17, 30), (60, 60)]


def assign(cost, max_cost):
    return assignment.assign(allowed_pairs(cost, max_cost))


def matching_cascade(cost, priority, max_cost):
    return assignment.matching_cascade(allowed_pairs(cost, max_cost), priority)


def random_cost(rng, shape, forbidden=0.4, low=0.0):
    cost = rng.uniform(low, 1, shape)
    cost[rng.random(shape) < forbidden] = np.inf
    return cost


def gain(cost, pairs, max_cost):
    """Sum of (max_cost - cost) over the pairs."""
    return (max_cost - cost[pairs[:, 0], pairs[:, 1]]).sum()


def scipy_gain(cost, max_cost):
    gains = np.maximum(max_cost - cost, 0)
    return gains[linear_sum_assignment(gains, maximize=True)].sum()


def brute_force_gain(cost, max_cost):
    gains = np.maximum(max_cost - cost, 0)
    if gains.shape[0] > gains.shape[1]:
        gains = gains.T
    n, m = gains.shape
    return max(
        sum(gains[row, chosen[row]] for row in range(n)) for chosen in permutations(range(m), n)
    )


def assert_consistent(matching, cost, max_cost):
    """Pairs are one to one and allowed, and the unmatched rows are all others."""
    tracks, detections = matching.pairs[:, 0], matching.pairs[:, 1]
    assert (cost[tracks, detections] <= max_cost).all()
    np.testing.assert_array_equal(
        np.sort(np.concatenate([tracks, matching.unmatched_tracks])), np.arange(cost.shape[0])
    )
    np.testing.assert_array_equal(
        np.sort(np.concatenate([detections, matching.unmatched_detections])),
        np.arange(cost.shape[1]),
    )


def as_set(pairs):
    return {tuple(pair) for pair in pairs.tolist()}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("forbidden", [0.0, 0.4, 0.9])
def test_total_cost_equals_scipy(shape, forbidden):
    rng = np.random.default_rng([*shape, int(10 * forbidden)])
    for _ in range(20):
        cost = random_cost(rng, shape, forbidden)
        matching = assign(cost, 0.7)
        assert_consistent(matching, cost, 0.7)
        # assign caps forbidden costs 1e-5 above the maximum: its total may be worse by that much.
        assert gain(cost, matching.pairs, 0.7) >= scipy_gain(cost, 0.7) - 1e-5 * min(shape)


def test_small_assignments_equal_brute_force():
    rng = np.random.default_rng(1)
    for _ in range(300):
        shape = tuple(rng.integers(1, 6, 2))
        cost = random_cost(rng, shape, rng.choice([0, 0.3, 0.7]))
        matching = assign(cost, 0.6)
        assert_consistent(matching, cost, 0.6)
        best = brute_force_gain(cost, 0.6)
        assert gain(cost, matching.pairs, 0.6) == pytest.approx(best, abs=1e-5 * min(shape))


@pytest.mark.parametrize("max_cost", [-0.5, 0.0, 0.3])
def test_negative_costs_are_solved_optimally(max_cost):
    rng = np.random.default_rng(2)
    for _ in range(100):
        shape = tuple(rng.integers(1, 6, 2))
        cost = random_cost(rng, shape, 0.3, low=-2)
        matching = assign(cost, max_cost)
        assert_consistent(matching, cost, max_cost)
        best = brute_force_gain(cost, max_cost)
        assert gain(cost, matching.pairs, max_cost) == pytest.approx(best, abs=1e-5 * min(shape))


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_costs_of_any_scale_are_solved_optimally(scale):
    rng = np.random.default_rng(3)
    for _ in range(50):
        cost = random_cost(rng, (8, 6)) * scale
        found = gain(cost, assign(cost, 0.7 * scale).pairs, 0.7 * scale)
        limit_slack = 6e-5 * max(1, 0.7 * scale)
        assert found == pytest.approx(scipy_gain(cost, 0.7 * scale), abs=limit_slack)


def test_ties_leave_nothing_unmatched():
    for shape in SHAPES:
        cost = np.full(shape, 0.25)
        assert len(assign(cost, 0.7).pairs) == min(shape)
        assert len(assign(cost, 0.25).pairs) == min(shape)  # the maximum itself is allowed


def test_pair_just_above_the_maximum_is_not_matched():
    assert len(assign(np.array([[0.7]]), 0.7).pairs) == 1
    assert len(assign(np.array([[np.nextafter(0.7, 1)]]), 0.7).pairs) == 0
    crowded = np.full((3, 3), np.nextafter(0.7, 1))
    crowded[0] = 0.1
    assert len(assign(crowded, 0.7).pairs) == 1


def test_costlier_pair_is_matched_if_it_allows_another_match():
    # Greedy matching takes (0, 0) and leaves track 1 unmatched.
    cost = np.array([[0.1, 0.5], [0.2, np.inf]])
    assert as_set(assign(cost, 0.7).pairs) == {(0, 1), (1, 0)}


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (4, 0)])
def test_empty_side_leaves_everything_unmatched(shape):
    for matching in (
        assign(np.empty(shape), 0.7),
        matching_cascade(np.empty(shape), np.zeros(shape[0], dtype=np.int64), 0.7),
    ):
        assert matching.pairs.shape == (0, 2)
        np.testing.assert_array_equal(matching.unmatched_tracks, np.arange(shape[0]))
        np.testing.assert_array_equal(matching.unmatched_detections, np.arange(shape[1]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", [np.inf, 0.9])
def test_forbidden_matrix_leaves_everything_unmatched(shape, value):
    cost = np.full(shape, value)
    assert assign(cost, 0.7).pairs.shape == (0, 2)
    assert matching_cascade(cost, np.arange(shape[0]), 0.7).pairs.shape == (0, 2)


def test_cost_matrix_is_not_modified():
    cost = random_cost(np.random.default_rng(4), (9, 7))
    before = cost.copy()
    assign(cost, 0.7)
    matching_cascade(cost, np.arange(9) // 3, 0.7)
    np.testing.assert_array_equal(cost, before)


def test_permuted_cost_gives_permuted_pairs():
    rng = np.random.default_rng(5)
    cost = random_cost(rng, (20, 15), 0.5)
    rows, columns = rng.permutation(20), rng.permutation(15)
    shuffled = assign(cost[np.ix_(rows, columns)], 0.7).pairs
    original = np.column_stack([rows[shuffled[:, 0]], columns[shuffled[:, 1]]])
    assert as_set(original) == as_set(assign(cost, 0.7).pairs)


def test_cascade_equals_a_loop_over_priorities():
    rng = np.random.default_rng(6)
    for _ in range(100):
        shape = tuple(rng.integers(1, 25, 2))
        cost = random_cost(rng, shape, 0.6)
        priority = rng.integers(0, 5, shape[0])
        expected, free = set(), list(range(shape[1]))
        for level in range(5):
            rows = [row for row in range(shape[0]) if priority[row] == level]
            if not rows or not free:
                continue
            gains = np.maximum(0.7 + 1e-5 - cost[np.ix_(rows, free)], 0)
            chosen = zip(*linear_sum_assignment(gains, maximize=True), strict=True)
            pairs = {(rows[row], free[column]) for row, column in chosen}
            pairs = {pair for pair in pairs if cost[pair] <= 0.7}
            expected |= pairs
            free = [column for column in free if column not in {pair[1] for pair in pairs}]
        matching = matching_cascade(cost, priority, 0.7)
        assert_consistent(matching, cost, 0.7)
        assert as_set(matching.pairs) == expected


def test_cascade_prefers_recent_tracks_at_a_higher_cost():
    cost = np.array([[0.1, np.inf], [0.6, np.inf]])
    misses = np.array([5, 1])
    assert as_set(matching_cascade(cost, misses, 0.7).pairs) == {(1, 0)}
    assert as_set(assign(cost, 0.7).pairs) == {(0, 0)}


def test_cascade_with_equal_priorities_is_one_assignment():
    rng = np.random.default_rng(7)
    cost = random_cost(rng, (14, 14), 0.5)
    together = matching_cascade(cost, np.full(14, 3), 0.7)
    assert as_set(together.pairs) == as_set(assign(cost, 0.7).pairs)


def test_matching_from_pairs_lists_unmatched_rows_of_both_sides():
    matching = matching_from_pairs(np.array([[2, 0], [0, 3]]), (4, 5))
    np.testing.assert_array_equal(matching.unmatched_tracks, [1, 3])
    np.testing.assert_array_equal(matching.unmatched_detections, [1, 2, 4])


def margins_by_brute_force(cost, pairs, max_cost):
    """Gain lost without each pair, by matchings that differ in at most one other pair."""
    margins = []
    best = gain(cost, pairs, max_cost)
    for kept in range(len(pairs)):
        others = np.delete(pairs, kept, axis=0)
        # Without the pair, with its rows free, and with one other pair dissolved as well.
        candidates = [others, *(np.delete(others, k, axis=0) for k in range(len(others)))]
        without = cost.copy()
        without[tuple(pairs[kept])] = np.inf
        found = []
        for rest in candidates:
            rows = np.setdiff1d(np.arange(cost.shape[0]), rest[:, 0])
            columns = np.setdiff1d(np.arange(cost.shape[1]), rest[:, 1])
            found.append(
                gain(cost, rest, max_cost) + scipy_gain(without[np.ix_(rows, columns)], max_cost)
            )
        margins.append(best - max(found))
    return np.array(margins)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 2), (2, 3)])
def test_exchange_margin_is_what_is_lost_without_a_pair(shape):
    rng = np.random.default_rng(sum(shape))
    for _ in range(100):
        cost = random_cost(rng, shape)
        pairs = assign(cost, 0.7).pairs
        found = assignment.exchange_margins(allowed_pairs(cost, 0.7), pairs)
        assert (found > -1e-12).all()
        np.testing.assert_allclose(found, margins_by_brute_force(cost, pairs, 0.7), atol=1e-12)


def test_exchange_margins_by_hand():
    # Pairs (0, 0) and (1, 1) gain 5 and 4; exchanged they gain 3 and nothing.
    cost = np.array([[-5.0, -3.0], [np.inf, -4.0]])
    margins = assignment.exchange_margins(allowed_pairs(cost, 0.0), np.array([[0, 0], [1, 1]]))
    assert margins.tolist() == [5.0, 4.0]
    # With a free third track, which gains 3 from the detection of the first one.
    cost = np.array([[-5.0, np.inf], [np.inf, -4.0], [-3.0, np.inf]])
    margins = assignment.exchange_margins(allowed_pairs(cost, 0.0), np.array([[0, 0], [1, 1]]))
    assert margins.tolist() == [2.0, 4.0]
