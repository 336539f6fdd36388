"""The map keeps neighbours, and its parts are the equations of the paper."""

import numpy as np
import pytest

from deepsort_reid.reid.evaluation import tsne as module
from deepsort_reid.reid.evaluation.tsne import tsne


def clusters(count=6, size=12, width=16, spread=0.15):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(count, width))
    rows = np.repeat(centres, size, axis=0) + spread * rng.normal(size=(count * size, width))
    return rows.astype(np.float32), np.repeat(np.arange(count), size)


def test_groups_stay_groups():
    points, group = clusters()
    place = tsne(points, perplexity=8, steps=300)
    distance = np.linalg.norm(place[:, None] - place, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(axis=1)] == group).all()
    inside = distance[(group[:, None] == group) & np.isfinite(distance)].mean()
    between = distance[group[:, None] != group].mean()
    assert between > 4 * inside


def test_the_same_points_and_seed_give_the_same_map():
    points, _ = clusters(count=3, size=5)
    np.testing.assert_array_equal(tsne(points, steps=50, seed=1), tsne(points, steps=50, seed=1))


def test_every_point_gets_the_perplexity_asked_for():
    points, _ = clusters(count=4, size=10)
    squared = module._squared_distance(points)
    joint = module._joint_probability(squared, 7.0)
    assert joint.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(joint, joint.T)
    assert (np.diag(joint) == 0).all()
    assert (joint >= 0).all()


def test_the_slope_is_that_of_the_divergence():
    rng = np.random.default_rng(0)
    place = rng.normal(size=(9, 2))
    points, _ = clusters(count=3, size=3)
    joint = module._joint_probability(module._squared_distance(points), 2.0).astype(np.float64)

    def divergence(at):
        kernel = 1 / (1 + ((at[:, None] - at) ** 2).sum(axis=2))
        np.fill_diagonal(kernel, 0)
        q = kernel / kernel.sum()
        known = joint > 0
        return (joint[known] * np.log(joint[known] / q[known])).sum()

    slope = module._gradient(place.astype(np.float32), joint.astype(np.float32))
    step = 1e-5
    for row in range(9):
        for axis in range(2):
            moved = np.zeros_like(place)
            moved[row, axis] = step
            expected = (divergence(place + moved) - divergence(place - moved)) / (2 * step)
            assert slope[row, axis] == pytest.approx(expected, abs=1e-4)


def test_doubles_and_a_single_direction_do_not_break_it():
    points = np.zeros((12, 3), np.float32)
    points[:, 0] = np.repeat([0, 1, 2], 4)
    assert np.isfinite(tsne(points, steps=60)).all()


@pytest.mark.parametrize("count", [3, 1501])
def test_too_few_and_too_many_points_are_refused(count):
    with pytest.raises(ValueError, match=f"4 to 1500 points, got {count}"):
        tsne(np.zeros((count, 2), np.float32))
