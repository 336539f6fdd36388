"""Feature extractors: each function gives a module (B, 3, H, W) -> (B, C, h, w), and C."""

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class InstanceBatchNorm(nn.Module):
    """Half of the channels by picture, half by batch (IBN-a, Pan et al. 2018).

    What the first half takes away is lighting and colour cast, the difference between cameras.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.half = width // 2
        self.instance = nn.InstanceNorm2d(self.half, affine=True)
        self.batch = nn.BatchNorm2d(width - self.half)

    def forward(self, x: Tensor) -> Tensor:
        by_picture, by_batch = x[:, : self.half].contiguous(), x[:, self.half :].contiguous()
        return torch.cat([self.instance(by_picture), self.batch(by_batch)], 1)


class CompactBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, inside: int, outside: int, stride: int, norm: type[nn.Module]) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.first_norm = norm(outside)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outside)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(y)) + self.shortcut(x))


def compact(weights: Path | str | None = None) -> tuple[nn.Module, int]:
    """The shipped embedder's: a ResNet of 2.8 M parameters, half as wide as ResNet-18.

    Against ResNet-18 it has no max pooling and a last stage at stride 1, so the map is 1/16 of the
    input, and IBN in the first two stages. Made for 128x64 on a CPU.
    """
    width = (32, 64, 128, 256)
    layers: list[nn.Module] = [
        nn.Conv2d(3, width[0], 3, 2, 1, bias=False), nn.BatchNorm2d(width[0]), nn.ReLU(),
        CompactBlock(width[0], width[0], 2, InstanceBatchNorm),
        CompactBlock(width[0], width[1], 2, InstanceBatchNorm),
        CompactBlock(width[1], width[1], 1, InstanceBatchNorm),
        CompactBlock(width[1], width[2], 2, nn.BatchNorm2d),
        CompactBlock(width[2], width[2], 1, nn.BatchNorm2d),
        CompactBlock(width[2], width[3], 1, nn.BatchNorm2d),
        CompactBlock(width[3], width[3], 1, nn.BatchNorm2d),
    ]  # fmt: skip
    module = nn.Sequential(*layers)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return module, width[3]


# Names for the command line and for checkpoints.
BACKBONES = {"compact": compact}
