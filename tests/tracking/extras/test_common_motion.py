"""Common motion: exact where all pairs agree, by hand where they do not, zero without pairs."""

import numpy as np
import pytest

from deepsort_reid.tracking.extras.common_motion import estimate_common_motion
from tests.tracking.scenarios import boxes_at

PEOPLE = boxes_at(0, 100, 200, 300, 400)


def shifted(xyxy, x, y=0.0):
    """Boxes (N, 4) shifted by x and y pixels, for all or for each box (N,)."""
    by = np.broadcast_arrays(np.asarray(x, dtype=np.float64), y, np.zeros(len(xyxy)))
    return xyxy + np.column_stack([by[0], by[1], by[0], by[1]])


@pytest.mark.parametrize("shift", [(3, 0), (-4.5, 2), (0, -12), (0.25, 0.125)])
def test_common_shift_is_estimated_exactly(shift):
    found = estimate_common_motion(PEOPLE, shifted(PEOPLE, *shift))
    np.testing.assert_allclose(found, shift, rtol=1e-6)


def test_without_motion_the_estimate_is_zero():
    np.testing.assert_array_equal(estimate_common_motion(PEOPLE, PEOPLE), [0, 0])


@pytest.mark.parametrize(("tracks", "detections"), [(3, 5), (5, 3), (0, 5), (5, 0), (0, 0), (3, 3)])
def test_too_few_boxes_give_zero(tracks, detections):
    seen = shifted(PEOPLE, 5)[:detections]
    np.testing.assert_array_equal(estimate_common_motion(PEOPLE[:tracks], seen), [0, 0])


def test_too_few_mutual_pairs_give_zero():
    # Three detections are near their predictions, two are far away.
    seen = shifted(PEOPLE, [3, 3, 3, 50, 50])
    np.testing.assert_array_equal(estimate_common_motion(PEOPLE, seen), [0, 0])
    four = shifted(PEOPLE, [3, 3, 3, 3, 50])
    np.testing.assert_allclose(estimate_common_motion(PEOPLE, four), [3, 0], rtol=1e-6)


def test_boxes_that_are_not_mutually_best_are_not_used():
    # The fourth track overlaps only the detection of the third.
    tracks = np.concatenate([PEOPLE[:3], boxes_at(206)])
    np.testing.assert_array_equal(estimate_common_motion(tracks, shifted(PEOPLE[:4], 2)), [0, 0])
    tracks = np.concatenate([tracks, PEOPLE[3:4]])
    np.testing.assert_allclose(
        estimate_common_motion(tracks, shifted(PEOPLE[:4], 2)), [2, 0], rtol=1e-6
    )


def test_estimate_is_shrunk_by_its_standard_error():
    seen = shifted(PEOPLE, [3, 4, 5, 6, 7], 2)
    # Median 5, median deviation 1: error = 1.25 * 1.4826 / sqrt(5) = 0.8288.
    expected = 5 * 25 / (25 + 4 * 0.8288**2)
    np.testing.assert_allclose(estimate_common_motion(PEOPLE, seen), [expected, 2], rtol=1e-4)


def test_estimate_is_robust_to_one_outlier():
    seen = shifted(PEOPLE, [4, 4, 4, 4, -4])
    np.testing.assert_allclose(estimate_common_motion(PEOPLE, seen), [4, 0], rtol=1e-6)


def test_independent_motion_gives_nearly_zero():
    rng = np.random.default_rng(2)
    crowd = boxes_at(*(100.0 * np.arange(20)))
    found, medians = [], []
    for _ in range(200):
        x, y = rng.normal(size=(2, 20))
        found.append(estimate_common_motion(crowd, shifted(crowd, x, y)))
        medians.append([np.median(x), np.median(y)])
    assert np.abs(found).mean() < 0.35 * np.abs(medians).mean()
    assert np.abs(found).mean() < 0.1  # a tenth of the motion of each


def test_estimate_does_not_depend_on_the_order():
    rng = np.random.default_rng(3)
    seen = shifted(PEOPLE, rng.normal(3, 1, 5), rng.normal(-2, 1, 5))
    expected = estimate_common_motion(PEOPLE, seen)
    assert (np.abs(expected) > 1).all()
    for _ in range(5):
        shuffled = estimate_common_motion(PEOPLE[rng.permutation(5)], seen[rng.permutation(5)])
        np.testing.assert_allclose(shuffled, expected, rtol=1e-12)


def test_estimate_scales_with_the_image():
    seen = shifted(PEOPLE, [3, 4, 5, 6, 7], [1, 2, 2, 2, 3])
    np.testing.assert_allclose(
        estimate_common_motion(2 * PEOPLE, 2 * seen),
        2 * estimate_common_motion(PEOPLE, seen),
        rtol=1e-6,
    )
