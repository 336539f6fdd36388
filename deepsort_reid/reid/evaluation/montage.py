"""Montages: images side by side with coloured frames and captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.crops import resize_crop

# BGR. Distinguishable with red-green colour blindness: the red is dark, the green is light.
CORRECT = (96, 190, 60)
WRONG = (40, 30, 200)
QUERY = (190, 110, 40)
NEUTRAL = (200, 200, 200)

_BORDER = 4
_CAPTION = 15
_GAP = 6
_BACKGROUND = 255
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SIZES = (0.36, 0.33, 0.3)  # smaller letters cannot be read


@dataclass(frozen=True, eq=False)
class Tile:
    """One image of a montage; None leaves its place empty."""

    image: Frame | None  # BGR uint8
    caption: str = ""
    colour: tuple[int, int, int] = NEUTRAL  # BGR, of the frame around the image


def montage(
    rows: Sequence[Sequence[Tile]],
    *,
    height: int = 128,
    width: int = 64,
    separate_first_column: bool = False,
) -> NDArray[np.uint8]:
    """Draw rows of tiles as one image, BGR uint8 (H, W, 3).

    Every image is resized to `height` x `width` pixels. separate_first_column: leave a wider gap
    after the first column. Raises ValueError when there is no tile.
    """
    if not any(len(row) for row in rows):
        raise ValueError("montage: expected at least one tile, got none")
    columns = max(len(row) for row in rows)
    cell_height = height + 2 * _BORDER + _CAPTION + _GAP
    cell_width = width + 2 * _BORDER + _GAP
    extra_gap = 3 * _GAP if separate_first_column else 0
    shape = (len(rows) * cell_height + _GAP, columns * cell_width + extra_gap + _GAP, 3)
    page = np.full(shape, _BACKGROUND, np.uint8)
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            if tile.image is None:
                continue
            top = _GAP + row * cell_height
            left = _GAP + column * cell_width + (extra_gap if column else 0)
            bottom, right = top + height + 2 * _BORDER, left + width + 2 * _BORDER
            page[top:bottom, left:right] = tile.colour
            inside = page[top + _BORDER : bottom - _BORDER, left + _BORDER : right - _BORDER]
            inside[:] = resize_crop(tile.image, (height, width))
            _write_caption(page, tile.caption, left, bottom + _CAPTION - 4, right - left)
    return page


def split_into_rows(tiles: Sequence[Tile], columns: int) -> list[list[Tile]]:
    """Split tiles into rows of `columns` tiles, in reading order."""
    return [list(tiles[at : at + columns]) for at in range(0, len(tiles), columns)]


def evenly_spaced(count: int, limit: int) -> NDArray[np.int64]:
    """At most `limit` of `count` row indices, evenly spaced from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(np.int64))


def write_png(path: Path | str, image: NDArray[np.uint8]) -> None:
    """Write a BGR image as PNG; the path may contain any character on any system."""
    Path(path).write_bytes(cv2.imencode(".png", image)[1].tobytes())


def _write_caption(page: NDArray[np.uint8], text: str, left: int, bottom: int, width: int) -> None:
    text, size = fit_caption(text, width)
    cv2.putText(page, text, (left, bottom), _FONT, size, (60, 60, 60), 1, cv2.LINE_AA)


def fit_caption(text: str, width: int) -> tuple[str, float]:
    """Text and font size with which a caption fits into `width` pixels.

    A long text is drawn smaller; of a text that is still too long, the end is kept after an
    ellipsis, because identities of one sequence differ in their last characters.
    """
    for size in _FONT_SIZES:
        if _text_width(text, size) <= width:
            return text, size
    tail = text
    while len(tail) > 1 and _text_width(f"...{tail}", _FONT_SIZES[-1]) > width:
        tail = tail[1:]
    return f"...{tail}", _FONT_SIZES[-1]


def _text_width(text: str, size: float) -> int:
    return int(cv2.getTextSize(text, _FONT, size, 1)[0][0])
