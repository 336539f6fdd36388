"""OSNet, omni-scale feature learning (Zhou et al. 2019), written from the paper."""

import torch
from torch import Tensor, nn


class OmniScaleBlock(nn.Module):
    """Bottleneck with streams that see 3, 5, 7 and 9 pixels, weighed by one shared gate (fig. 4b).

    Equation 4: x + sum over streams t of gate(stream_t(x)) * stream_t(x), between 1x1 convolutions.
    """

    def __init__(self, inside: int, outside: int, *, streams: int = 4) -> None:
        super().__init__()
        middle = outside // 4
        self.reduce = _convolution(inside, middle, 1)
        self.streams = nn.ModuleList(
            nn.Sequential(*(lite_convolution(middle, middle) for _ in range(length)))
            for length in range(1, streams + 1)
        )
        self.gate = AggregationGate(middle)
        self.expand = nn.Sequential(
            nn.Conv2d(middle, outside, 1, bias=False), nn.BatchNorm2d(outside)
        )
        self.shortcut: nn.Module = nn.Identity()
        if inside != outside:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside)
            )

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        scales = [self.gate(stream(reduced)) for stream in self.streams]
        gathered = torch.stack(scales).sum(0)
        return torch.relu(self.shortcut(x) + self.expand(gathered))


class AggregationGate(nn.Module):
    """A channel's weight from the whole map by a small bottleneck, the same for all streams."""

    def __init__(self, width: int, *, reduction: int = 16) -> None:
        super().__init__()
        middle = max(width // reduction, 1)
        self.weigh = nn.Sequential(
            nn.Conv2d(width, middle, 1), nn.ReLU(), nn.Conv2d(middle, width, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weighed: Tensor = x * self.weigh(x.mean((2, 3), keepdim=True))
        return weighed


def lite_convolution(inside: int, outside: int) -> nn.Sequential:
    """Lite 3x3: pointwise, then depthwise, then normalisation and ReLU (fig. 3b)."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, 1, bias=False),
        nn.Conv2d(outside, outside, 3, 1, 1, groups=outside, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )


def osnet(multiplier: float) -> tuple[nn.Sequential, int]:
    """Table 1 without its head, all widths times `multiplier`, and its feature width."""
    stem, *stages = (int(width * multiplier) for width in (64, 256, 384, 512))
    layers: list[nn.Module] = [_convolution(3, stem, 7, stride=2), nn.MaxPool2d(3, 2, 1)]
    inside = stem
    for stage, outside in enumerate(stages):
        layers += [OmniScaleBlock(inside, outside), OmniScaleBlock(outside, outside)]
        if stage < 2:
            layers += [_convolution(outside, outside, 1), nn.AvgPool2d(2, 2)]
        inside = outside
    layers.append(_convolution(inside, inside, 1))
    module = nn.Sequential(*layers)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return module, inside


def _convolution(inside: int, outside: int, size: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )
