"""Random changes to a batch of pictures."""

import pytest
import torch

from deepsort_reid.reid.data.augmentation import AugmentConfig, augment

NOTHING = {"flip": 0, "shift": 0, "zoom": 0, "jitter": 0, "erase": 0}


def pictures(count=64):
    return torch.randint(0, 256, (count, 3, 32, 16), generator=torch.Generator().manual_seed(3))


def changed(images, seed=0, **switched_on):
    config = AugmentConfig(**{**NOTHING, **switched_on})
    return augment(images.to(torch.uint8), config, torch.Generator().manual_seed(seed))


def test_with_everything_off_nothing_changes():
    images = pictures()
    assert torch.allclose(changed(images), images.float(), atol=1e-3)


def test_a_chance_of_one_mirrors_every_picture():
    images = pictures()
    assert torch.allclose(changed(images, flip=1.0), images.float().flip(3), atol=1e-3)


def test_about_half_of_the_pictures_are_mirrored_by_default():
    images = pictures(400)
    mirrored = changed(images, flip=0.5).isclose(images.float().flip(3), atol=1e-3)
    assert 160 < int(mirrored.all((1, 2, 3)).sum()) < 240


def test_a_shift_moves_the_picture_by_at_most_its_share():
    # One white row in the middle of 32, shifted by up to a quarter of the height.
    images = torch.zeros(200, 3, 32, 16)
    images[:, :, 16] = 255
    brightest = changed(images, shift=0.25)[:, 0].sum(2).argmax(1)
    assert brightest.min() < 12
    assert brightest.max() > 20
    assert ((brightest - 16).abs() <= 8).all()


def test_erasing_paints_one_rectangle_of_one_colour_within_the_area():
    images = torch.zeros(100, 3, 32, 16)
    result = changed(images, erase=1.0, erase_area=(0.1, 0.2))
    for picture in result:
        inside = (picture != 0).any(0)
        rows, columns = torch.where(inside)
        height = int(rows.max() - rows.min()) + 1
        width = int(columns.max() - columns.min()) + 1
        assert int(inside.sum()) == height * width
        assert 0.05 < height * width / (32 * 16) < 0.28
        assert len(picture[:, inside].unique(dim=1).T) == 1


def test_occlusion_covers_with_noise_but_leaves_some_of_the_picture():
    images = torch.zeros(100, 3, 32, 16)
    covered = (changed(images, noise_occlusion=1.0) != 0).any(1).float().mean((1, 2))
    # Three rectangles of 4 to 15 % each, which may overlap; rounding to whole pixels adds little.
    assert covered.max() < 0.5
    assert covered.min() > 0.03
    assert 0.15 < covered.mean() < 0.35


def test_jitter_stays_within_the_range_of_a_picture_and_keeps_grey_grey():
    grey = pictures()[:, :1].expand(-1, 3, -1, -1)
    result = changed(grey, jitter=0.4)
    assert result.min() >= 0
    assert result.max() <= 255
    assert torch.allclose(result[:, 0], result[:, 2], atol=1e-2)
    assert not torch.allclose(result, grey.float(), atol=5)


def test_the_same_generator_makes_the_same_changes():
    images = pictures()
    everything = {"flip": 0.5, "shift": 0.1, "zoom": 0.1, "jitter": 0.2, "erase": 0.5}
    assert torch.equal(changed(images, **everything), changed(images, **everything))
    assert not torch.equal(changed(images, **everything), changed(images, seed=1, **everything))


@pytest.mark.parametrize("name", ["flip", "shift", "zoom", "jitter", "erase", "noise_occlusion"])
def test_the_originals_are_left_alone(name):
    images = pictures().to(torch.uint8)
    before = images.clone()
    changed(images, **{name: 0.5})
    assert torch.equal(images, before)
