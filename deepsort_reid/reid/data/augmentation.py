"""Random changes to a batch of training pictures, each picture on its own, all at once."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How far pictures may be changed; 0 switches a change off."""

    flip: float = 0.5  # chance of a mirror image
    shift: float = 0.08  # greatest shift, share of each side: pad and crop
    zoom: float = 0.1  # greatest change of size, share
    jitter: float = 0.2  # greatest change of brightness, contrast and saturation, share
    erase: float = 0.5  # chance that one rectangle is painted over (Zhong et al. 2020)
    erase_area: tuple[float, float] = (0.02, 0.33)  # share of the picture
    erase_ratio: float = 3.3  # sides between 1 : ratio and ratio : 1
    noise_occlusion: float = (
        0.0  # chance of three rectangles of noise, 4 to 15 % of the picture each
    )


def augment(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Changed copies of pictures: uint8 or float (B, 3, H, W) in 0..255 -> float32, same range.

    The generator decides everything and lives on the device of the images.
    """
    changed = _move(images.float(), config, generator)
    if config.jitter:
        changed = _jitter(changed, config.jitter, generator)
    if config.erase:
        colour = _uniform(generator, (len(images), 3, 1, 1), 0, 255)
        area, ratio = config.erase_area, (1 / config.erase_ratio, config.erase_ratio)
        inside = _rectangles(changed, area, ratio, config.erase, generator)
        changed = torch.where(inside, colour, changed)
    if config.noise_occlusion:
        hit = _uniform(generator, (len(images), 1, 1, 1)) < config.noise_occlusion
        for _ in range(3):
            inside = _rectangles(changed, (0.04, 0.15), (1 / 3, 3.0), 1.0, generator) & hit
            noise = _uniform(generator, tuple(changed.shape), 0, 255)
            changed = torch.where(inside, noise, changed)
    return changed


def _uniform(
    generator: torch.Generator, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0
) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low


def _move(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Mirror, zoom and shift in one resampling; what comes in from outside repeats the border."""
    count = len(images)
    mirror = (_uniform(generator, (count,)) >= config.flip).float() * 2 - 1
    zoom = 1 + _uniform(generator, (count, 2), -config.zoom, config.zoom)
    shift = _uniform(generator, (count, 2), -config.shift, config.shift) * 2
    theta = torch.zeros(count, 2, 3, device=images.device)
    theta[:, 0, 0] = mirror * zoom[:, 0]
    theta[:, 1, 1] = zoom[:, 1]
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved: Tensor = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return moved


def _jitter(images: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Brightness, contrast about the picture's mean, saturation about its grey."""
    brightness, contrast, saturation = _uniform(
        generator, (3, len(images), 1, 1, 1), 1 - most, 1 + most
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
    chance: float,
    generator: torch.Generator,
) -> Tensor:
    """(B, 1, H, W) bool: inside one random rectangle per picture, for a share of the pictures."""
    count, _, height, width = images.shape
    share = _uniform(generator, (count,), *area) * height * width
    side = _uniform(generator, (count,), math.log(ratio[0]), math.log(ratio[1])).exp()
    tall = (share * side).sqrt().clamp(max=height)
    wide = (share / side).sqrt().clamp(max=width)
    top = _uniform(generator, (count,)) * (height - tall)
    left = _uniform(generator, (count,)) * (width - wide)
    hit = _uniform(generator, (count,)) < chance
    y = torch.arange(height, device=images.device) + 0.5
    x = torch.arange(width, device=images.device) + 0.5
    rows = (y >= top[:, None]) & (y < (top + tall)[:, None])
    columns = (x >= left[:, None]) & (x < (left + wide)[:, None])
    return (rows[:, :, None] & columns[:, None, :] & hit[:, None, None])[:, None]
