"""Strongly changed views of crops, on which a student reproduces its teachers.

Teacher and student see the same view (function matching, Beyer et al. 2022, "Knowledge
distillation: a good teacher is patient and consistent"). Assembled and recoloured views show people
that are in no data set: a student is closer to its teachers on identities that it was trained on.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3) RGB

UNCHANGED_SHARE = 0.12  # of the views: small shifts and zooms only, as at inference
RECOLOURED_SHARE = 0.5
SINGLE, ASSEMBLED, BLENDED, OCCLUDED, NEW_BACKGROUND = range(5)  # composition of a view
KIND_SHARES = (0.4, 0.3, 0.08, 0.14, 0.08)


def make_view(
    images: NDArray[np.uint8],
    row: int,
    others: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    size: tuple[int, int],
) -> tuple[Image, bool]:
    """A random view of images[row], and whether it still shows that appearance.

    images: (N, H, W, 3) RGB uint8. others: rows of the images that may be mixed in. rng: source of
    all random numbers; the same state gives the same view. size: (height, width) of the view.

    The appearance is another one where parts of crops are assembled or colours are changed.
    """
    if rng.random() < UNCHANGED_SHARE:
        return _warp(images[row], rng, 0.4, size), True
    kind = int(rng.choice(len(KIND_SHARES), p=KIND_SHARES))
    view, is_same = _compose(images[row], images[rng.choice(others, 2)], kind, rng)
    view = _warp(view, rng, 1.0, size)
    if rng.random() < RECOLOURED_SHARE:
        view, is_same = _recolour(view, rng), False
    view = _change_lighting(view, rng)
    return _degrade(view, rng), is_same


def _compose(
    image: Image, others: Sequence[Image], kind: int, rng: np.random.Generator
) -> tuple[Image, bool]:
    """A composition of a crop with others and whether it still shows its appearance."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if kind == SINGLE:
        return image, True
    if kind == ASSEMBLED:  # legs, and in half of the views the head, of other crops
        neck, waist = rng.uniform([0.12, 0.4], [0.24, 0.65]) * height
        assembled = _blend(image, others[0], np.clip((waist - y) / 6 + 0.5, 0, 1))
        if rng.random() < 0.5:
            assembled = _blend(assembled, others[1], np.clip((y - neck) / 4 + 0.5, 0, 1))
        return assembled, False
    if kind == BLENDED:
        return _blend(image, others[0], np.full_like(x, rng.uniform(0.5, 0.85))), False
    if kind == OCCLUDED:  # occluded from one side or from below
        occluded = rng.uniform(0.1, 0.45)
        distance = (x / width, 1 - x / width, 1 - y / height)[rng.integers(3)]
        shift = (int(rng.uniform(-0.5, 0.5) * height), int(rng.uniform(-0.5, 0.5) * width))
        occluder = np.roll(others[0], shift, (0, 1))
        return _blend(image, occluder, (distance > occluded).astype(np.float32)), True
    # The centre of one crop on the surroundings of another.
    distance = np.hypot((x / width - 0.5) / 0.36, (y / height - 0.5) / 0.5)
    return _blend(image, others[0], np.clip((1 - distance) * 4 + 0.5, 0, 1)), True


def _blend(image: Image, other: Image, weight: NDArray[np.float32]) -> Image:
    """Weighted mean of two images; `weight` (H, W) is that of the first."""
    mixed = image * weight[..., None] + other * (1 - weight[..., None])
    return mixed.astype(np.uint8)


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
    """Change the colours of the whole image, or of the parts above and below a random row."""
    row = int(rng.uniform(0.4, 0.6) * len(image))
    parts = (slice(None),) if rng.random() < 0.3 else (slice(0, row), slice(row, None))
    changed = image.copy()
    for part in parts[rng.integers(len(parts)) :]:  # all parts, or the last one
        hue, saturation, value = cv2.split(cv2.cvtColor(image[part], cv2.COLOR_RGB2HSV))
        hue = ((hue.astype(np.int64) + rng.integers(15, 165)) % 180).astype(np.uint8)
        if rng.random() < 0.4:
            saturation = cv2.LUT(saturation, _gamma_table(rng.choice([0.4, 2.5])))
        if rng.random() < 0.5:
            value = cv2.LUT(value, _gamma_table(rng.choice([0.4, 0.6, 1.7, 2.5])))
        hsv = cv2.merge([hue, saturation, value])
        changed[part] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return changed


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
