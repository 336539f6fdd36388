"""Synthetic occlusion by rectangles of noise."""

import numpy as np
import pytest

from deepsort_reid.reid.data.occlusion import add_noise_occlusion, occlusion_boxes


@pytest.mark.parametrize(("height", "width"), [(384, 192), (128, 64), (64, 64), (60, 200)])
def test_rectangles_have_the_requested_area_and_ratio(height, width):
    rng = np.random.default_rng(0)
    boxes = np.concatenate([occlusion_boxes(height, width, rng) for _ in range(300)])
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2] <= width).all()
    assert (boxes[:, 3] <= height).all()
    pixel = 0.5 * (w + h + 1)  # rounding a side by half a pixel
    assert (w * h >= 0.04 * height * width - pixel).all()
    assert (w * h <= 0.15 * height * width + pixel).all()
    assert (np.minimum(w, h) + 0.5 >= (np.maximum(w, h) - 0.5) / 3).all()
    assert (w > h).any()
    assert (h > w).any()


def test_only_rectangles_of_a_copy_are_changed():
    image = np.full((128, 64, 3), 255, np.uint8)
    noisy = add_noise_occlusion(image, np.random.default_rng(4))
    assert (image == 255).all()
    inside = np.zeros((128, 64), bool)
    for left, top, right, bottom in occlusion_boxes(128, 64, np.random.default_rng(4), count=1):
        inside[top:bottom, left:right] = True
    assert (noisy != image).any(axis=2)[inside].mean() > 0.99
    assert 0.04 < (noisy != image).any(axis=2).mean() < 0.45


def test_noise_is_uniform():
    image = np.zeros((400, 300, 3), np.uint8)
    noisy = add_noise_occlusion(
        image, np.random.default_rng(0), count=1, area=(1, 1), ratio=(0.75, 0.75)
    )
    counts = np.bincount(noisy.ravel(), minlength=256)
    assert counts.min() > 0.8 * counts.mean()
    assert counts.max() < 1.2 * counts.mean()
