"""Pooling of a feature map (B, C, h, w) to one row for each image."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

ROWS = 5
REGIONS = 2 * ROWS  # of an image
MAP_SIZE = (10, 5)  # height, width of the feature map that `RegionPool` takes


class GlobalAvgPool(nn.Module):
    """Global average pooling: (B, C, h, w) -> (B, C)."""

    vectors = 1  # that are pooled from a map, each of C components

    def forward(self, feature_map: Tensor) -> Tensor:
        return feature_map.mean((2, 3))


class GeM(nn.Module):
    """Generalised-mean pooling, (mean of x^p)^(1/p): (B, C, h, w) -> (B, C).

    The exponent p is learned (Radenovic et al. 2018, equation 3).
    """

    vectors = 1

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))

    def forward(self, feature_map: Tensor) -> Tensor:
        # In float32: powers lose too many digits in half precision.
        return feature_map.float().clamp(min=1e-6).pow(self.p).mean((2, 3)).pow(1 / self.p)


class HalvesAndMaxPool(nn.Module):
    """Mean of the upper and of the lower half, global maximum: (B, C, h, w) -> (B, 3 C)."""

    vectors = 3

    def forward(self, feature_map: Tensor) -> Tensor:
        middle = feature_map.shape[2] // 2
        upper, lower = feature_map[:, :, :middle], feature_map[:, :, middle:]
        return torch.cat([upper.mean((2, 3)), lower.mean((2, 3)), feature_map.amax((2, 3))], 1)


def region_weights(height: int, width: int) -> NDArray[np.float32]:
    """Return the weights (REGIONS, height, width) of map cells in image regions.

    Five rows of two regions each: the centre and both sides. Borders are soft, and the weights of
    each cell sum to 1.
    """
    y = (np.arange(height, dtype=np.float32) + 0.5) / height * ROWS - 0.5
    row = np.clip(1 - np.abs(y[None] - np.arange(ROWS)[:, None]), 0, 1)
    row /= row.sum(0)
    x = np.abs((np.arange(width, dtype=np.float32) + 0.5) / width - 0.5)
    centre = np.clip((0.4 - x) / 0.2, 0, 1)
    column = np.stack([centre, 1 - centre])
    weight = np.einsum("ry,cx->rcyx", row, column).reshape(REGIONS, height, width)
    return np.asarray(weight, np.float32)


class RegionPool(nn.Module):
    """Mean over each region of `region_weights`: (B, C, 10, 5) -> (B, REGIONS * C)."""

    vectors = REGIONS
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        weight = region_weights(*MAP_SIZE).reshape(REGIONS, -1)
        weight /= weight.sum(1, keepdims=True)
        self.register_buffer("weight", torch.from_numpy(weight))

    def forward(self, feature_map: Tensor) -> Tensor:
        return (feature_map.flatten(2) @ self.weight.T).transpose(1, 2).flatten(1)


Pooling = GlobalAvgPool | GeM | HalvesAndMaxPool | RegionPool
# Pooling names on the command line and in checkpoints.
POOLINGS: dict[str, type[Pooling]] = {
    "average": GlobalAvgPool,
    "gem": GeM,
    "halves-max": HalvesAndMaxPool,
    "regions": RegionPool,
}
