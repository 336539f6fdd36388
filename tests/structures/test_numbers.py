"""Median of few values."""

import numpy as np
import pytest

from deepsort_reid.structures.numbers import median


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [(), (2,)])
def test_median_equals_that_of_numpy(dtype, columns):
    rng = np.random.default_rng(0)
    for count in range(1, 30):
        values = rng.normal(size=(count, *columns)).astype(dtype)
        found = median(values)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.median(values, axis=0))
