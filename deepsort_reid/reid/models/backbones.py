"""Feature extractors: each function gives a module (B, 3, H, W) -> (B, C, h, w), and C.

`weights` is None for random ones, "imagenet" for those of torchvision, or a file with a state dict:
one of torchvision's for its networks, one of the module itself for ours. What a file has for a
classifier is left out.
"""

import pickle
from pathlib import Path
from typing import cast
from urllib.error import URLError

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torchvision import models

from deepsort_reid.reid.models.osnet import osnet

Weights = Path | str | None


class InstanceBatchNorm(nn.Module):
    """Half of the channels by picture, half by batch (IBN-a, Pan et al. 2018).

    What the first half takes away is lighting and colour cast, the difference between cameras.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.by_picture = width // 2
        self.instance = nn.InstanceNorm2d(self.by_picture, affine=True)
        self.batch = nn.BatchNorm2d(width - self.by_picture)

    def forward(self, x: Tensor) -> Tensor:
        # Channels stay last where they are: half a tensor would otherwise lose the layout that
        # the convolutions are fast in.
        layout = torch.channels_last
        first = x[:, : self.by_picture].contiguous(memory_format=layout)
        second = x[:, self.by_picture :].contiguous(memory_format=layout)
        return torch.cat([self.instance(first), self.batch(second)], 1)


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


def compact(weights: Weights = None) -> tuple[nn.Module, int]:
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
    _load_own(module, weights)
    return module, width[3]


def osnet_x0_25(weights: Weights = None) -> tuple[nn.Module, int]:
    """OSNet with a quarter of its widths: 0.2 M parameters, 128 channels."""
    return _osnet(0.25, weights)


def osnet_x0_5(weights: Weights = None) -> tuple[nn.Module, int]:
    """OSNet with half of its widths: 0.6 M parameters, 256 channels."""
    return _osnet(0.5, weights)


def osnet_x1_0(weights: Weights = None) -> tuple[nn.Module, int]:
    """OSNet as in the paper: 2.2 M parameters with its own head, 512 channels."""
    return _osnet(1.0, weights)


def resnet18(weights: Weights = None) -> tuple[nn.Module, int]:
    """ResNet-18 of torchvision, 512 channels, last stage at stride 1 (Luo et al. 2019)."""
    network = models.resnet18()
    _load_torchvision(network, weights, models.ResNet18_Weights.IMAGENET1K_V1)
    last = network.layer4[0]
    last.conv1.stride = last.downsample[0].stride = (1, 1)
    return nn.Sequential(*list(network.children())[:-2]), 512


def resnet50(weights: Weights = None) -> tuple[nn.Module, int]:
    """ResNet-50 of torchvision, 2048 channels, last stage at stride 1 (Luo et al. 2019)."""
    network = models.resnet50()
    _load_torchvision(network, weights, models.ResNet50_Weights.IMAGENET1K_V2)
    last = network.layer4[0]
    last.conv2.stride = last.downsample[0].stride = (1, 1)
    return nn.Sequential(*list(network.children())[:-2]), 2048


def mobilenet_v3_small(weights: Weights = None) -> tuple[nn.Module, int]:
    """MobileNetV3-small of torchvision, 576 channels."""
    network = models.mobilenet_v3_small()
    _load_torchvision(network, weights, models.MobileNet_V3_Small_Weights.IMAGENET1K_V1)
    return network.features, 576


def vit_b_16(weights: Weights = None) -> tuple[nn.Module, int]:
    """ViT-B/16 of torchvision, 768 channels; sides of the input are multiples of 16."""
    network = models.vit_b_16()
    _load_torchvision(network, weights, models.ViT_B_16_Weights.IMAGENET1K_V1)
    return VitFeatureMap(network), 768


# Names for the command line and for checkpoints.
BACKBONES = {
    "compact": compact,
    "osnet_x0_25": osnet_x0_25,
    "osnet_x0_5": osnet_x0_5,
    "osnet_x1_0": osnet_x1_0,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "mobilenet_v3_small": mobilenet_v3_small,
    "vit_b_16": vit_b_16,
}


class VitFeatureMap(nn.Module):
    """A torchvision vision transformer that gives its patches as a map, at any input size.

    The position embeddings of its square grid are resampled to the grid at hand.
    """

    def __init__(self, network: models.VisionTransformer) -> None:
        super().__init__()
        self.patch = network.patch_size
        self.conv_proj = network.conv_proj
        self.class_token = network.class_token
        self.encoder = network.encoder

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise ValueError(
                f"vit_b_16 needs sides that are multiples of {self.patch}, "
                f"got {x.shape[2]}x{x.shape[3]}"
            )
        patches = self.conv_proj(x)
        height, width = patches.shape[2:]
        tokens = torch.cat(
            [self.class_token.expand(len(x), -1, -1), patches.flatten(2).transpose(1, 2)], 1
        )
        tokens = self.encoder.dropout(tokens + self._positions(height, width))
        tokens = cast(Tensor, self.encoder.ln(self.encoder.layers(tokens)))
        return tokens[:, 1:].transpose(1, 2).reshape(len(x), -1, height, width)

    def _positions(self, height: int, width: int) -> Tensor:
        own = self.encoder.pos_embedding  # (1, 1 + side * side, C)
        side = int((own.shape[1] - 1) ** 0.5)
        grid = own[:, 1:].transpose(1, 2).reshape(1, -1, side, side)
        resampled = F.interpolate(grid, (height, width), mode="bicubic", align_corners=False)
        return torch.cat([own[:, :1], resampled.flatten(2).transpose(1, 2)], 1)


def _osnet(multiplier: float, weights: Weights) -> tuple[nn.Module, int]:
    module, width = osnet(multiplier)
    _load_own(module, weights)
    return module, width


def _load_own(module: nn.Module, weights: Weights) -> None:
    if weights == "imagenet":
        raise ValueError(
            "torchvision has ImageNet weights for resnet18, resnet50, mobilenet_v3_small and "
            "vit_b_16 only; leave the weights out to train from scratch"
        )
    if weights is not None:
        _load(module, _read_state(weights), weights)


def _load_torchvision(network: nn.Module, weights: Weights, imagenet: models.WeightsEnum) -> None:
    if weights is None:
        return
    if weights != "imagenet":
        _load(network, _read_state(weights), weights)
        return
    try:
        state = imagenet.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        file = str(imagenet.url).rsplit("/", 1)[-1]
        raise OSError(
            f"cannot download {file} ({error}); fetch it elsewhere and give its path as the weights"
        ) from error
    _load(network, state, weights)


def _read_state(path: Path | str) -> dict[str, Tensor]:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file of weights {path}; give a .pth file or 'imagenet'")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is damaged or holds no weights") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(
            f"{path} is not a plain state dict; a checkpoint of `deepsort-reid train` goes to "
            "--init-from or --resume"
        )
    return state


def _load(network: nn.Module, state: dict[str, Tensor], source: Path | str) -> None:
    own = network.state_dict()
    # A classifier may have been trained for other classes; it is thrown away in any case.
    unused = ("fc.", "classifier.", "heads.")
    wanted = [key for key in own if not key.startswith(unused)]
    wrong = [k for k in wanted if k not in state or state[k].shape != own[k].shape]
    # Files older than the counter of batches lack it, and nothing depends on it.
    wrong = [key for key in wrong if not key.endswith("num_batches_tracked")]
    if wrong:
        raise ValueError(
            f"{source} holds the weights of another network ({len(wrong)} of {len(wanted)} do not "
            f"fit, first {wrong[0]})"
        )
    network.load_state_dict({k: state[k] for k in wanted if k in state}, strict=False)
