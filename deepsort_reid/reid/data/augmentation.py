"""Random augmentation of a batch of training images; each image gets its own parameters."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Strength of each augmentation; 0 switches it off."""

    flip: float = 0.5  # probability of a horizontal flip
    shift: float = 0.08  # maximum translation, fraction of each side
    zoom: float = 0.1  # maximum change of scale, fraction
    jitter: float = 0.2  # maximum change of brightness, contrast and saturation, fraction
    erase: float = 0.5  # probability of random erasing (Zhong et al. 2020)
    erase_area: tuple[float, float] = (0.02, 0.33)  # of the erased rectangle, fraction of the image
    erase_ratio: float = 3.3  # aspect ratio between 1 : ratio and ratio : 1
    # Probability of three rectangles of noise, each 4 to 15 % of the image.
    noise_occlusion: float = 0.0


def augment(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Augment images: uint8 or float (B, 3, H, W) in 0..255 -> float32 copies in the same range.

    generator: source of all random numbers, on the device of the images.
    """
    augmented = _affine(images.float(), config, generator)
    if config.jitter:
        augmented = _colour_jitter(augmented, config.jitter, generator)
    if config.erase:
        colour = _uniform(generator, (len(images), 3, 1, 1), 0, 255)
        area, ratio = config.erase_area, (1 / config.erase_ratio, config.erase_ratio)
        inside = _rectangles(augmented, area, ratio, config.erase, generator)
        augmented = torch.where(inside, colour, augmented)
    if config.noise_occlusion:
        selected = _uniform(generator, (len(images), 1, 1, 1)) < config.noise_occlusion
        for _ in range(3):
            inside = _rectangles(augmented, (0.04, 0.15), (1 / 3, 3.0), 1.0, generator) & selected
            noise = _uniform(generator, tuple(augmented.shape), 0, 255)
            augmented = torch.where(inside, noise, augmented)
    return augmented


def _uniform(
    generator: torch.Generator, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0
) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low


def _affine(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Flip, scale and translate in one resampling; the border is repeated outside the image."""
    count = len(images)
    flip = (_uniform(generator, (count,)) >= config.flip).float() * 2 - 1
    zoom = 1 + _uniform(generator, (count, 2), -config.zoom, config.zoom)
    shift = _uniform(generator, (count, 2), -config.shift, config.shift) * 2
    theta = torch.zeros(count, 2, 3, device=images.device)
    theta[:, 0, 0] = flip * zoom[:, 0]
    theta[:, 1, 1] = zoom[:, 1]
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    warped: Tensor = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return warped


def _colour_jitter(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast about the mean and saturation about the grey of each image."""
    brightness, contrast, saturation = _uniform(
        generator, (3, len(images), 1, 1, 1), 1 - strength, 1 + strength
    )
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device).view(1, 3, 1, 1)
    grey = (images * weights).sum(1, keepdim=True)
    mean = grey.mean((2, 3), keepdim=True)
    coloured = grey + (images - grey) * saturation
    jittered: Tensor = (mean + (coloured - mean) * contrast) * brightness
    return jittered.clamp(0, 255)


def _rectangles(
    images: Tensor,
    area: tuple[float, float],
    ratio: tuple[float, float],
    probability: float,
    generator: torch.Generator,
) -> Tensor:
    """Masks (B, 1, H, W): True inside one random rectangle, in images selected by `probability`."""
    count, _, height, width = images.shape
    pixels = _uniform(generator, (count,), *area) * height * width
    aspect = _uniform(generator, (count,), math.log(ratio[0]), math.log(ratio[1])).exp()
    rectangle_height = (pixels * aspect).sqrt().clamp(max=height)
    rectangle_width = (pixels / aspect).sqrt().clamp(max=width)
    top = _uniform(generator, (count,)) * (height - rectangle_height)
    left = _uniform(generator, (count,)) * (width - rectangle_width)
    selected = _uniform(generator, (count,)) < probability
    y = torch.arange(height, device=images.device) + 0.5
    x = torch.arange(width, device=images.device) + 0.5
    rows = (y >= top[:, None]) & (y < (top + rectangle_height)[:, None])
    columns = (x >= left[:, None]) & (x < (left + rectangle_width)[:, None])
    return (rows[:, :, None] & columns[:, None, :] & selected[:, None, None])[:, None]
