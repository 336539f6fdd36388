"""A wall: the images of several cameras as tiles of one image."""

import math
from collections.abc import Mapping

import cv2
import numpy as np

from deepsort_reid.io.images import scale_to_fit
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.drawing import GREY, LIGHT, draw_label

_GAP = 2  # pixels between tiles
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Wall:
    """Tiles of several cameras, in rows of about equal numbers, with the names of the cameras.

    Args:
        sizes: (width, height) of the images of each camera, by name, in the order of the tiles.
        max_width: of the wall in pixels; images are scaled to fit, with black margins where their
            proportions differ.

    Attributes:
        size: (width, height) of the wall; both are even, as video encoders need them.

    Raises ValueError when there is no camera.
    """

    def __init__(self, sizes: Mapping[str, tuple[int, int]], *, max_width: int = 1920) -> None:
        if not sizes:
            raise ValueError("sizes: expected one camera or more, got none")
        columns = math.ceil(math.sqrt(len(sizes)))
        rows = math.ceil(len(sizes) / columns)
        width = min((max_width + _GAP) // columns - _GAP, max(size[0] for size in sizes.values()))
        # A higher image, such as one of a telephone, is scaled down instead.
        height = min(width, max(math.ceil(h * width / w) for w, h in sizes.values()))
        self._tile_size = width - width % 2, height - height % 2
        step_x, step_y = self._tile_size[0] + _GAP, self._tile_size[1] + _GAP
        self._corners = {
            name: (k % columns * step_x, k // columns * step_y) for k, name in enumerate(sizes)
        }
        self.size: tuple[int, int] = (columns * step_x - _GAP, rows * step_y - _GAP)
        self._image: Frame = np.zeros((self.size[1], self.size[0], 3), dtype=np.uint8)
        for name in sizes:
            self.write(name, "no image yet")

    @property
    def image(self) -> Frame:
        """The wall by now, BGR uint8 (H, W, 3); a copy."""
        return self._image.copy()

    def show(self, name: str, image: Frame) -> None:
        """Show a BGR uint8 image (H, W, 3) in the tile of a camera."""
        self._set(name, scale_to_fit(image, self._tile_size))

    def write(self, name: str, text: str) -> None:
        """Show a text on black in the tile of a camera, such as that it has ended."""
        width, height = self._tile_size
        tile: Frame = np.zeros((height, width, 3), dtype=np.uint8)
        scale = min(width, height) / 400
        weight = max(round(2 * scale), 1)
        (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, weight)
        corner = (width - text_width) // 2, (height + text_height) // 2
        cv2.putText(tile, text, corner, _FONT, scale, GREY, weight, cv2.LINE_AA)
        self._set(name, tile)

    def _set(self, name: str, tile: Frame) -> None:
        draw_label(tile, name, (0, 0), LIGHT)
        left, top = self._corners[name]
        width, height = self._tile_size
        self._image[top : top + height, left : left + width] = tile
