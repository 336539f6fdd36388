"""Synthetic occlusion of crops by rectangles of noise."""

import numpy as np
from numpy.typing import NDArray


def occlusion_boxes(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    count: int = 3,
    area: tuple[float, float] = (0.04, 0.15),
    ratio: tuple[float, float] = (1 / 3, 1.0),
) -> NDArray[np.int64]:
    """Random rectangles in an image of `height` x `width` pixels: xyxy (count, 4).

    area: range of the fraction of the image that a rectangle covers. ratio: range of short side :
    long side. The long side is horizontal or vertical at random where both fit.
    """
    boxes = np.empty((count, 4), np.int64)
    for row in range(count):
        pixels = rng.uniform(*area) * height * width
        sides = rng.uniform(*ratio)
        long, short = np.sqrt(pixels / sides), np.sqrt(pixels * sides)
        horizontal = rng.random() < 0.5
        if (horizontal and long > width) or (not horizontal and long > height):
            horizontal = not horizontal
        w, h = (long, short) if horizontal else (short, long)
        w, h = min(max(round(w), 1), width), min(max(round(h), 1), height)
        left, top = rng.integers(width - w + 1), rng.integers(height - h + 1)
        boxes[row] = left, top, left + w, top + h
    return boxes


def add_noise_occlusion(
    image: NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    count: int = 3,
    area: tuple[float, float] = (0.04, 0.15),
    ratio: tuple[float, float] = (1 / 3, 1.0),
) -> NDArray[np.uint8]:
    """A copy of `image` (H, W, 3) uint8 with `count` rectangles of uniform random noise.

    The rectangles are those of `occlusion_boxes`; they may overlap.
    """
    height, width = image.shape[:2]
    occluded = image.copy()
    for left, top, right, bottom in occlusion_boxes(
        height, width, rng, count=count, area=area, ratio=ratio
    ):
        shape = (bottom - top, right - left, image.shape[2])
        occluded[top:bottom, left:right] = rng.integers(0, 256, shape, np.uint8)
    return occluded
