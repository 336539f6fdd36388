"""Augmentation of a batch of training images."""

import pytest
import torch

from deepsort_reid.reid.data.augmentation import AugmentConfig, augment

OFF = {"flip": 0, "shift": 0, "zoom": 0, "jitter": 0, "erase": 0}


def images_of_noise(count=64):
    return torch.randint(0, 256, (count, 3, 32, 16), generator=torch.Generator().manual_seed(3))


def augmented(images, seed=0, **enabled):
    config = AugmentConfig(**{**OFF, **enabled})
    return augment(images.to(torch.uint8), config, torch.Generator().manual_seed(seed))


def test_image_is_unchanged_with_all_augmentations_off():
    images = images_of_noise()
    assert torch.allclose(augmented(images), images.float(), atol=1e-3)


def test_flip_probability_one_flips_every_image():
    images = images_of_noise()
    assert torch.allclose(augmented(images, flip=1.0), images.float().flip(3), atol=1e-3)


def test_flip_probability_half_flips_about_half_of_the_images():
    images = images_of_noise(400)
    flipped = augmented(images, flip=0.5).isclose(images.float().flip(3), atol=1e-3)
    assert 160 < int(flipped.all((1, 2, 3)).sum()) < 240


def test_shift_is_bounded():
    # One white row in the middle of 32, shifted by up to a quarter of the height.
    images = torch.zeros(200, 3, 32, 16)
    images[:, :, 16] = 255
    brightest = augmented(images, shift=0.25)[:, 0].sum(2).argmax(1)
    assert brightest.min() < 12
    assert brightest.max() > 20
    assert ((brightest - 16).abs() <= 8).all()


def test_erasing_fills_one_rectangle_of_one_colour_within_the_area_range():
    images = torch.zeros(100, 3, 32, 16)
    result = augmented(images, erase=1.0, erase_area=(0.1, 0.2))
    for image in result:
        inside = (image != 0).any(0)
        rows, columns = torch.where(inside)
        height = int(rows.max() - rows.min()) + 1
        width = int(columns.max() - columns.min()) + 1
        assert int(inside.sum()) == height * width
        assert 0.05 < height * width / (32 * 16) < 0.28
        assert len(image[:, inside].unique(dim=1).T) == 1


def test_noise_occlusion_covers_a_part_of_the_image():
    images = torch.zeros(100, 3, 32, 16)
    covered = (augmented(images, noise_occlusion=1.0) != 0).any(1).float().mean((1, 2))
    # Three rectangles of 4 to 15 % each, which may overlap; rounding to whole pixels adds little.
    assert covered.max() < 0.5
    assert covered.min() > 0.03
    assert 0.15 < covered.mean() < 0.35


def test_jitter_stays_in_range_and_keeps_grey_images_grey():
    grey = images_of_noise()[:, :1].expand(-1, 3, -1, -1)
    result = augmented(grey, jitter=0.4)
    assert result.min() >= 0
    assert result.max() <= 255
    assert torch.allclose(result[:, 0], result[:, 2], atol=1e-2)
    assert not torch.allclose(result, grey.float(), atol=5)


def test_equal_generators_give_equal_images():
    images = images_of_noise()
    all_on = {"flip": 0.5, "shift": 0.1, "zoom": 0.1, "jitter": 0.2, "erase": 0.5}
    assert torch.equal(augmented(images, **all_on), augmented(images, **all_on))
    assert not torch.equal(augmented(images, **all_on), augmented(images, seed=1, **all_on))


@pytest.mark.parametrize("name", ["flip", "shift", "zoom", "jitter", "erase", "noise_occlusion"])
def test_input_images_are_not_modified(name):
    images = images_of_noise().to(torch.uint8)
    before = images.clone()
    augmented(images, **{name: 0.5})
    assert torch.equal(images, before)
