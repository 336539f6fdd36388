"""Strongly changed views of crops, on which a student reproduces its teachers.

Teacher and student see the same view (function matching, Beyer et al. 2022, "Knowledge
distillation: a good teacher is patient and consistent"). Compositions of two crops show people that
are in no data set.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3) RGB

UNCHANGED_SHARE = 0.15  # of the views: small shifts and zooms only, as at inference
SINGLE, STACKED, BLENDED, OCCLUDED, NEW_BACKGROUND = range(5)  # composition of a view
KIND_SHARES = (0.62, 0.12, 0.08, 0.12, 0.06)


def make_view(
    images: NDArray[np.uint8],
    row: int,
    others: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    size: tuple[int, int],
    recoloured: float = 0.25,
) -> tuple[Image, bool]:
    """A random view of images[row], and whether it still shows that appearance.

    images: (N, H, W, 3) RGB uint8. others: rows of the images that may be mixed in. rng: source of
    all random numbers; the same state gives the same view. size: (height, width) of the view.
    recoloured: probability that the hue is rotated.

    The appearance is another one where two crops are mixed or the hue is rotated.
    """
    if rng.random() < UNCHANGED_SHARE:
        return _warp(images[row], rng, 0.4, size), True
    kind = rng.choice(5, p=KIND_SHARES)
    other = images[rng.choice(others)]
    view, is_same = _compose(images[row], other, int(kind), rng)
    view = _warp(view, rng, 1.0, size)
    if rng.random() < recoloured:
        view, is_same = _recolour(view, rng), False
    view = _change_lighting(view, rng)
    return _degrade(view, rng), is_same


def _compose(image: Image, other: Image, kind: int, rng: np.random.Generator) -> tuple[Image, bool]:
    """A composition of two crops and whether it still shows the first appearance."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if kind == SINGLE:
        return image, True
    if kind == STACKED:  # upper body of one crop, legs of the other
        weight = np.clip((rng.uniform(0.4, 0.65) * height - y) / 6 + 0.5, 0, 1)
    elif kind == BLENDED:
        weight = np.full((height, width), rng.uniform(0.5, 0.85), np.float32)
    elif kind == OCCLUDED:  # occluded from one side or from below
        occluded = rng.uniform(0.1, 0.45)
        distance = (x / width, 1 - x / width, 1 - y / height)[rng.integers(3)]
        weight = (distance > occluded).astype(np.float32)
        shift = (int(rng.uniform(-0.5, 0.5) * height), int(rng.uniform(-0.5, 0.5) * width))
        other = np.roll(other, shift, (0, 1))
    else:  # the centre of one crop on the surroundings of the other
        distance = np.hypot((x / width - 0.5) / 0.36, (y / height - 0.5) / 0.5)
        weight = np.clip((1 - distance) * 4 + 0.5, 0, 1)
    mixed = image * weight[..., None] + other * (1 - weight[..., None])
    return mixed.astype(np.uint8), kind in (OCCLUDED, NEW_BACKGROUND)


def _warp(image: Image, rng: np.random.Generator, strength: float, size: tuple[int, int]) -> Image:
    """Zoom, stretch, shift, rotate, shear and mirror in one resampling to `size`."""
    height, width = size
    zoom = np.exp(rng.normal(0.02, 0.13 * strength) + np.array([1, -1]) * rng.normal(0, 0.05))
    scale = np.array([image.shape[1] / width, image.shape[0] / height]) / zoom
    angle, shear = rng.normal(0, [0.05 * strength, 0.04 * strength])
    linear = np.array([[1, shear - angle], [angle, 1]]) * scale[:, None]
    linear[:, 0] *= rng.choice([-1, 1])
    centre = (0.5 + rng.normal(0, 0.05 * strength, 2)) * (image.shape[1], image.shape[0])
    matrix = np.column_stack([linear, centre - linear @ (width / 2, height / 2)])
    border = (cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)[rng.integers(2)]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    view = cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=border)
    return np.asarray(view, np.uint8)


def _recolour(image: Image, rng: np.random.Generator) -> Image:
    """Rotate the hue of the whole image, or above or below a random row only."""
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    rotated = ((hue.astype(np.int64) + rng.integers(15, 165)) % 180).astype(np.uint8)
    row = int(rng.uniform(0.4, 0.6) * len(image))
    where = (slice(None), slice(0, row), slice(row, None))[rng.integers(3)]
    hue[where] = rotated[where]
    if rng.random() < 0.3:
        value[where] = cv2.LUT(value[where], _gamma_table(rng.choice([0.45, 2.2])))
    return np.asarray(cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2RGB))


def _change_lighting(image: Image, rng: np.random.Generator) -> Image:
    """Change gamma, saturation, contrast, brightness and colour cast; add a light gradient."""
    curved = cv2.LUT(image, _gamma_table(np.exp(rng.normal(0, 0.25)))).astype(np.float32)
    grey = curved @ np.array([0.299, 0.587, 0.114], np.float32)
    if rng.random() < 0.06:
        curved = np.repeat(grey[..., None], 3, 2)
    saturation, contrast = np.exp(rng.normal(0, [0.25, 0.15])).astype(np.float32)
    coloured = grey[..., None] + (curved - grey[..., None]) * saturation
    mean = np.float32(grey.mean())
    lit = mean + (coloured - mean) * contrast + np.float32(rng.normal(0, 12))
    lit *= np.exp(rng.normal(0, 0.07, 3)).astype(np.float32)
    if rng.random() < 0.2:
        first, last = rng.uniform(0.6, 1.3, 2).tolist()
        ramp = np.linspace(first, last, len(lit), dtype=np.float32)
        lit *= ramp[:, None, None]
    return np.asarray(lit.clip(0, 255), np.uint8)


def _degrade(image: Image, rng: np.random.Generator) -> Image:
    """Apply low resolution, blur, motion blur, noise and JPEG compression at random."""
    height, width = image.shape[:2]
    changed: NDArray[Any] = image
    chance = rng.random(5)
    if chance[0] < 0.3:
        scale = rng.uniform(0.22, 0.8)
        small = cv2.resize(changed, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        changed = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if chance[1] < 0.2:
        changed = cv2.GaussianBlur(changed, (0, 0), rng.uniform(0.5, 1.8))
    if chance[2] < 0.08:
        changed = cv2.blur(changed, (int(rng.integers(3, 9)), 1))
    if chance[3] < 0.3:
        noise = rng.standard_normal(changed.shape, dtype=np.float32) * rng.uniform(2, 15)
        changed = (changed + noise).clip(0, 255).astype(np.uint8)
    if chance[4] < 0.25:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        changed = np.asarray(
            cv2.imdecode(cv2.imencode(".jpg", changed, quality)[1], cv2.IMREAD_COLOR)
        )
    return np.asarray(changed, np.uint8)


def _gamma_table(gamma: float) -> NDArray[np.uint8]:
    """Lookup table (256,) of a gamma curve."""
    return (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
