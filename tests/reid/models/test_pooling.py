"""Pooling of feature maps."""

import numpy as np
import pytest

from deepsort_reid.reid.models.pooling import REGIONS, region_weights


@pytest.mark.parametrize(("height", "width"), [(10, 5), (16, 8), (8, 4)])
def test_regions_are_five_rows_of_the_centre_and_the_sides(height, width):
    weight = region_weights(height, width)
    assert weight.shape == (REGIONS, height, width)
    assert (weight >= 0).all()
    assert np.allclose(weight.sum(0), 1)
    assert np.allclose(weight, weight[:, :, ::-1], atol=1e-5)  # symmetric
    assert weight[::2, :, 0].sum() < weight[1::2, :, 0].sum()  # the border belongs to the sides
    assert weight[:2, 0].sum() == pytest.approx(width)  # the first row of the map
