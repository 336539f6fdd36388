"""t-SNE: clusters, and the equations of the paper."""

import numpy as np
import pytest

from deepsort_reid.reid.evaluation import tsne as module
from deepsort_reid.reid.evaluation.tsne import tsne


def clusters(count=6, size=12, width=16, spread=0.15):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(count, width))
    rows = np.repeat(centres, size, axis=0) + spread * rng.normal(size=(count * size, width))
    return rows.astype(np.float32), np.repeat(np.arange(count), size)


def test_clusters_are_preserved():
    points, group = clusters()
    layout = tsne(points, perplexity=8, steps=300)
    distance = np.linalg.norm(layout[:, None] - layout, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(axis=1)] == group).all()
    inside = distance[(group[:, None] == group) & np.isfinite(distance)].mean()
    between = distance[group[:, None] != group].mean()
    assert between > 4 * inside


def test_result_depends_only_on_points_and_seed():
    points, _ = clusters(count=3, size=5)
    np.testing.assert_array_equal(tsne(points, steps=50, seed=1), tsne(points, steps=50, seed=1))


def test_joint_probability_is_symmetric_and_normalised():
    points, _ = clusters(count=4, size=10)
    squared = module._squared_distance(points)
    joint = module._joint_probability(squared, 7.0)
    assert joint.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(joint, joint.T)
    assert (np.diag(joint) == 0).all()
    assert (joint >= 0).all()


def test_gradient_equals_finite_differences_of_the_divergence():
    rng = np.random.default_rng(0)
    layout = rng.normal(size=(9, 2))
    points, _ = clusters(count=3, size=3)
    joint = module._joint_probability(module._squared_distance(points), 2.0).astype(np.float64)

    def divergence(at):
        kernel = 1 / (1 + ((at[:, None] - at) ** 2).sum(axis=2))
        np.fill_diagonal(kernel, 0)
        q = kernel / kernel.sum()
        known = joint > 0
        return (joint[known] * np.log(joint[known] / q[known])).sum()

    gradient = module._gradient(layout.astype(np.float32), joint.astype(np.float32))
    step = 1e-5
    for row in range(9):
        for axis in range(2):
            moved = np.zeros_like(layout)
            moved[row, axis] = step
            expected = (divergence(layout + moved) - divergence(layout - moved)) / (2 * step)
            assert gradient[row, axis] == pytest.approx(expected, abs=1e-4)


def test_equal_points_on_a_line_give_finite_coordinates():
    points = np.zeros((12, 3), np.float32)
    points[:, 0] = np.repeat([0, 1, 2], 4)
    assert np.isfinite(tsne(points, steps=60)).all()


@pytest.mark.parametrize("count", [3, 1501])
def test_too_few_and_too_many_points_are_rejected(count):
    with pytest.raises(ValueError, match=f"4 to 1500 points, got {count}"):
        tsne(np.zeros((count, 2), np.float32))
