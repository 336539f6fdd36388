"""Montages: positions, frames and captions of images."""

import cv2
import numpy as np
import pytest

from deepsort_reid.io.images import read_image
from deepsort_reid.reid.evaluation.montage import (
    CORRECT,
    WRONG,
    Tile,
    evenly_spaced,
    fit_caption,
    montage,
    split_into_rows,
    write_png,
)


def flat(colour, height=40, width=20):
    return np.full((height, width, 3), colour, np.uint8)


def colours(page):
    return {tuple(colour) for colour in page.reshape(-1, 3).tolist()}


def test_each_image_and_its_frame_are_drawn():
    page = montage([[Tile(flat((1, 2, 3)), "", CORRECT), Tile(flat((4, 5, 6)), "", WRONG)]])
    assert {(1, 2, 3), (4, 5, 6), CORRECT, WRONG} <= colours(page)
    assert (page == np.array((1, 2, 3))).all(axis=2).sum() == 128 * 64


def test_empty_places_show_the_background():
    page = montage([[Tile(None), Tile(flat(7))], [Tile(flat(9))]], height=32, width=16)
    assert (page == 7).all(axis=2).sum() == (page == 9).all(axis=2).sum() == 32 * 16


def test_long_caption_is_cut_to_its_column():
    plain = montage([[Tile(flat(7)), Tile(flat(9))]])
    long = montage([[Tile(flat(7), "x" * 60), Tile(flat(9))]])
    columns = (plain != long).any(axis=(0, 2)).nonzero()[0]
    assert 0 < columns.max() < plain.shape[1] / 2


def test_end_of_a_long_caption_is_kept_after_an_ellipsis():
    text, size = fit_caption("a-very-long-name-of-a-street_0004", 72)
    assert text.startswith("...")
    assert text.endswith("_0004")
    assert cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0] <= 72


def test_slightly_long_caption_is_drawn_smaller():
    full, size = fit_caption("other-street_0004", 1000)
    width = cv2.getTextSize(full, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0]
    text, smaller = fit_caption(full, width - 1)
    assert text == full
    assert smaller < size


def test_first_column_can_be_separated():
    tiles = [[Tile(flat(7)), Tile(flat(9))]]
    assert montage(tiles, separate_first_column=True).shape[1] > montage(tiles).shape[1]


def test_montage_without_tiles_is_rejected():
    with pytest.raises(ValueError, match="at least one tile"):
        montage([[], []])


def test_tiles_are_split_in_reading_order():
    assert split_into_rows(list("abcde"), 2) == [["a", "b"], ["c", "d"], ["e"]]


def test_evenly_spaced_includes_first_and_last():
    assert evenly_spaced(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly_spaced(3, 9).tolist() == [0, 1, 2]


def test_written_png_equals_the_montage(tmp_path):
    page = montage([[Tile(flat((1, 2, 3)))]])
    write_png(tmp_path / "é.png", page)
    np.testing.assert_array_equal(read_image(tmp_path / "é.png"), page)
