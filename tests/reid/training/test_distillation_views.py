"""Views of crops for the distillation."""

import cv2
import numpy as np
import pytest

from deepsort_reid.reid.training import distillation_views
from deepsort_reid.reid.training.distillation_views import (
    ASSEMBLED,
    BLENDED,
    NEW_BACKGROUND,
    OCCLUDED,
    SINGLE,
    make_view,
)

ROWS = np.arange(3)


def crops():
    return np.random.default_rng(0).integers(0, 256, (3, 128, 64, 3), np.uint8)


def views(count):
    images = crops()
    return [
        make_view(images, 0, ROWS, np.random.default_rng(seed), size=(40, 20))
        for seed in range(count)
    ]


@pytest.mark.parametrize("size", [(160, 80), (64, 64)])
def test_same_state_of_the_generator_gives_the_same_view(size):
    images = crops()
    for seed in range(30):
        view, is_same = make_view(images, 0, ROWS, np.random.default_rng(seed), size=size)
        again, is_same_again = make_view(images, 0, ROWS, np.random.default_rng(seed), size=size)
        assert view.shape == (*size, 3)
        assert view.dtype == np.uint8
        assert (view == again).all()
        assert is_same == is_same_again


def test_images_are_not_changed():
    images = crops()
    before = images.copy()
    for seed in range(60):
        make_view(images, 0, ROWS, np.random.default_rng(seed), size=(40, 20))
    assert (images == before).all()


def test_views_of_one_crop_differ():
    assert len({view.tobytes() for view, _ in views(50)}) == 50


@pytest.mark.parametrize("recoloured", [0.0, 0.5, 1.0])
def test_recoloured_and_mixed_views_show_another_appearance(recoloured, monkeypatch):
    monkeypatch.setattr(distillation_views, "RECOLOURED_SHARE", recoloured)
    shares = distillation_views.KIND_SHARES
    changed = 1 - distillation_views.UNCHANGED_SHARE
    expected = 1 - changed + changed * (1 - shares[ASSEMBLED] - shares[BLENDED]) * (1 - recoloured)
    assert np.mean([is_same for _, is_same in views(400)]) == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize(
    ("kind", "is_same", "top", "bottom"),
    [
        (SINGLE, True, 200, 200),
        (ASSEMBLED, False, None, 40),
        (BLENDED, False, None, None),
        (OCCLUDED, True, None, None),
        (NEW_BACKGROUND, True, 40, 40),
    ],
)
def test_composition_of_a_light_and_a_dark_crop(kind, is_same, top, bottom):
    light, dark = np.full((128, 64, 3), 200, np.uint8), np.full((128, 64, 3), 40, np.uint8)
    for seed in range(20):
        view, same = distillation_views._compose(
            light, (dark, light), kind, np.random.default_rng(seed)
        )
        assert same == is_same
        if top is not None:
            assert view[0, 0].tolist() == [top] * 3
            assert view[-1, 0].tolist() == [bottom] * 3
        # Of an assembled view the rows from neck to waist, 16 % at least, are from the first crop.
        assert view.mean() >= 0.16 * 200 + 0.84 * 40


def test_recolouring_changes_whole_rows():
    image = np.tile(np.array([200, 60, 60], np.uint8), (40, 20, 1))
    whole = 0
    for seed in range(40):
        changed = distillation_views._recolour(image, np.random.default_rng(seed))
        differs = (changed != image).any(2)
        assert differs.any()
        assert (differs == differs[:, :1]).all()
        whole += bool(differs.all())
        colours = {tuple(colour) for colour in changed.reshape(-1, 3).tolist()}
        assert 1 <= len(colours) <= 2  # one colour above and one below a row
        hue = cv2.cvtColor(changed, cv2.COLOR_RGB2HSV)[..., 0][differs]
        assert 14 <= hue.min() <= hue.max() <= 166
    assert 0 < whole < 40
