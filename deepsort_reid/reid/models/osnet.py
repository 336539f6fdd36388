"""OSNet, omni-scale feature learning (Zhou et al. 2019), implemented from the paper."""

import torch
from torch import Tensor, nn


class OmniScaleBlock(nn.Module):
    """Bottleneck whose streams have receptive fields of 3, 5, 7 and 9 pixels (figure 4b).

    Equation 4: x + sum over streams t of gate(stream_t(x)) * stream_t(x), between 1x1 convolutions.
    All streams share one aggregation gate.
    """

    def __init__(self, in_channels: int, out_channels: int, *, streams: int = 4) -> None:
        super().__init__()
        middle = out_channels // 4
        self.reduce = _conv_norm_relu(in_channels, middle, 1)
        self.streams = nn.ModuleList(
            nn.Sequential(*(lite_convolution(middle, middle) for _ in range(length)))
            for length in range(1, streams + 1)
        )
        self.gate = AggregationGate(middle)
        self.expand = nn.Sequential(
            nn.Conv2d(middle, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
        )
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        scales = [self.gate(stream(reduced)) for stream in self.streams]
        fused = torch.stack(scales).sum(0)
        return torch.relu(self.shortcut(x) + self.expand(fused))


class AggregationGate(nn.Module):
    """Aggregation gate: channel weights from the globally pooled map, shared by all streams."""

    def __init__(self, width: int, *, reduction: int = 16) -> None:
        super().__init__()
        middle = max(width // reduction, 1)
        self.weights = nn.Sequential(
            nn.Conv2d(width, middle, 1), nn.ReLU(), nn.Conv2d(middle, width, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        gated: Tensor = x * self.weights(x.mean((2, 3), keepdim=True))
        return gated


def lite_convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """Lite 3x3 convolution: pointwise, depthwise, batch normalisation, ReLU (figure 3b)."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.Conv2d(out_channels, out_channels, 3, 1, 1, groups=out_channels, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def osnet(multiplier: float) -> tuple[nn.Sequential, int]:
    """OSNet of table 1 without its head, widths times `multiplier`; module and output channels."""
    stem, *stages = (int(channels * multiplier) for channels in (64, 256, 384, 512))
    layers: list[nn.Module] = [_conv_norm_relu(3, stem, 7, stride=2), nn.MaxPool2d(3, 2, 1)]
    width = stem
    for stage, stage_width in enumerate(stages):
        layers += [OmniScaleBlock(width, stage_width), OmniScaleBlock(stage_width, stage_width)]
        if stage < 2:
            layers += [_conv_norm_relu(stage_width, stage_width, 1), nn.AvgPool2d(2, 2)]
        width = stage_width
    layers.append(_conv_norm_relu(width, width, 1))
    module = nn.Sequential(*layers)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return module, width


def _conv_norm_relu(
    in_channels: int, out_channels: int, size: int, *, stride: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
