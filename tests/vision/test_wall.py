"""Wall of several cameras: tiles, their order and proportions, texts."""

import numpy as np
import pytest

from deepsort_reid.vision.wall import Wall

RED, BLUE = (0, 0, 255), (255, 0, 0)


def image_of(colour, size):
    return np.full((size[1], size[0], 3), colour, dtype=np.uint8)


def test_tiles_are_in_rows_in_the_order_of_the_cameras():
    names = ["a", "b", "c"]
    wall = Wall(dict.fromkeys(names, (100, 60)))
    assert wall.size == (202, 122)
    wall.show("b", image_of(RED, (100, 60)))
    wall.show("c", image_of(BLUE, (100, 60)))
    image = wall.image
    assert image[50, 150].tolist() == list(RED)
    assert image[100, 50].tolist() == list(BLUE)
    assert image[100, 150].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("number", "size"),
    [
        (1, (1920, 1080)),
        (4, (2 * 958 + 2, 2 * 540 + 2)),
        (5, (3 * 638 + 4, 2 * 358 + 2)),
        (16, (4 * 478 + 6, 4 * 268 + 6)),
    ],
)
def test_tiles_of_even_sides_fit_into_the_width(number, size):
    assert Wall({str(k): (1920, 1080) for k in range(number)}).size == size


def test_image_of_other_proportions_has_black_margins():
    wall = Wall({"wide": (200, 100), "tall": (50, 100)})
    wall.show("tall", image_of(RED, (50, 100)))
    tile = wall.image[:, 202:]
    assert tile[50, 100].tolist() == list(RED)
    assert tile[50, 20].tolist() == tile[50, 180].tolist() == [0, 0, 0]


def test_text_takes_the_place_of_the_image():
    wall = Wall({"a": (200, 100)})
    wall.show("a", image_of(RED, (200, 100)))
    wall.write("a", "ended")
    image = wall.image.astype(int)
    assert not (image[..., 2] - image[..., 0] > 50).any()  # nothing is red
    assert (image[30:70] > 100).any()  # the text


def test_image_is_a_copy():
    wall = Wall({"a": (64, 48)})
    before = wall.image
    wall.show("a", image_of(BLUE, (64, 48)))
    assert not np.array_equal(before, wall.image)


def test_wall_without_cameras_is_refused():
    with pytest.raises(ValueError, match="expected one camera or more, got none"):
        Wall({})
