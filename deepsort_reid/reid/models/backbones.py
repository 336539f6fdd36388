"""Backbones: each function returns a module (B, 3, H, W) -> (B, C, h, w), and its channel count C.

`weights` is None for random weights, "imagenet" for those of torchvision, or a file with a state
dict: of the torchvision network for torchvision backbones, of the module for our own. Classifier
weights in such a file are ignored.
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
    """Instance norm on half of the channels, batch norm on the others (IBN-a, Pan et al. 2018).

    Instance normalisation removes lighting and colour cast, which differ between cameras.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.instance_channels = width // 2
        self.instance = nn.InstanceNorm2d(self.instance_channels, affine=True)
        self.batch = nn.BatchNorm2d(width - self.instance_channels)

    def forward(self, x: Tensor) -> Tensor:
        # A slice of a channels_last tensor is not contiguous; without this copy the output loses
        # the layout in which convolutions are fast.
        layout = torch.channels_last
        first = x[:, : self.instance_channels].contiguous(memory_format=layout)
        second = x[:, self.instance_channels :].contiguous(memory_format=layout)
        return torch.cat([self.instance(first), self.batch(second)], 1)


class CompactBlock(nn.Module):
    """Residual block of two 3x3 convolutions (He et al. 2016)."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, norm: type[nn.Module]
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.first_norm = norm(out_channels)
        self.second = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(y)) + self.shortcut(x))


def compact(weights: Weights = None) -> tuple[nn.Module, int]:
    """Backbone of the shipped embedder: a ResNet with 2.8 M parameters and 256 channels.

    Differences from ResNet-18: half the width, no max pooling, stride 1 in the last stage (the map
    is 1/16 of the input) and IBN-a in the first two stages. Designed for 128x64 inputs on a CPU.
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
    _load_own_weights(module, weights)
    return module, width[3]


def osnet_x0_25(weights: Weights = None) -> tuple[nn.Module, int]:
    """OSNet x0.25: 0.2 M parameters, 128 channels."""
    return _osnet(0.25, weights)


def osnet_x0_5(weights: Weights = None) -> tuple[nn.Module, int]:
    """OSNet x0.5: 0.6 M parameters, 256 channels."""
    return _osnet(0.5, weights)


def osnet_x1_0(weights: Weights = None) -> tuple[nn.Module, int]:
    """OSNet x1.0: 2.2 M parameters with the head of the paper, 512 channels."""
    return _osnet(1.0, weights)


def resnet18(weights: Weights = None) -> tuple[nn.Module, int]:
    """ResNet-18 of torchvision, 512 channels, last stage at stride 1 (Luo et al. 2019)."""
    network = models.resnet18()
    _load_torchvision_weights(network, weights, models.ResNet18_Weights.IMAGENET1K_V1)
    last = network.layer4[0]
    last.conv1.stride = last.downsample[0].stride = (1, 1)
    return nn.Sequential(*list(network.children())[:-2]), 512


def resnet50(weights: Weights = None) -> tuple[nn.Module, int]:
    """ResNet-50 of torchvision, 2048 channels, last stage at stride 1 (Luo et al. 2019)."""
    network = models.resnet50()
    _load_torchvision_weights(network, weights, models.ResNet50_Weights.IMAGENET1K_V2)
    last = network.layer4[0]
    last.conv2.stride = last.downsample[0].stride = (1, 1)
    return nn.Sequential(*list(network.children())[:-2]), 2048


def mobilenet_v3_small(weights: Weights = None) -> tuple[nn.Module, int]:
    """MobileNetV3-small of torchvision, 576 channels."""
    network = models.mobilenet_v3_small()
    _load_torchvision_weights(network, weights, models.MobileNet_V3_Small_Weights.IMAGENET1K_V1)
    return network.features, 576


def vit_b_16(weights: Weights = None) -> tuple[nn.Module, int]:
    """ViT-B/16 of torchvision, 768 channels; the input sides must be multiples of 16."""
    network = models.vit_b_16()
    _load_torchvision_weights(network, weights, models.ViT_B_16_Weights.IMAGENET1K_V1)
    return VitFeatureMap(network), 768


# Backbone names on the command line and in checkpoints.
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
    """Vision transformer of torchvision whose patch tokens form a feature map, at any input size.

    The position embeddings are interpolated from the square grid of the network to the grid of the
    input. Raises ValueError when an input side is not a multiple of the patch size.
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
                f"vit_b_16: expected input sides that are multiples of {self.patch}, "
                f"got {x.shape[2]}x{x.shape[3]}"
            )
        patches = self.conv_proj(x)
        height, width = patches.shape[2:]
        tokens = torch.cat(
            [self.class_token.expand(x.shape[0], -1, -1), patches.flatten(2).transpose(1, 2)], 1
        )
        tokens = self.encoder.dropout(tokens + self._positions(height, width))
        tokens = cast(Tensor, self.encoder.ln(self.encoder.layers(tokens)))
        return tokens[:, 1:].transpose(1, 2).reshape(x.shape[0], -1, height, width)

    def _positions(self, height: int, width: int) -> Tensor:
        embedding = self.encoder.pos_embedding  # (1, 1 + side * side, C)
        side = int((embedding.shape[1] - 1) ** 0.5)
        grid = embedding[:, 1:].transpose(1, 2).reshape(1, -1, side, side)
        resampled = F.interpolate(grid, (height, width), mode="bicubic", align_corners=False)
        return torch.cat([embedding[:, :1], resampled.flatten(2).transpose(1, 2)], 1)


def _osnet(multiplier: float, weights: Weights) -> tuple[nn.Module, int]:
    module, width = osnet(multiplier)
    _load_own_weights(module, weights)
    return module, width


def _load_own_weights(module: nn.Module, weights: Weights) -> None:
    if weights == "imagenet":
        raise ValueError(
            "ImageNet weights exist for resnet18, resnet50, mobilenet_v3_small and vit_b_16 only; "
            "omit the weights to train from scratch"
        )
    if weights is not None:
        _load(module, _read_state(weights), weights)


def _load_torchvision_weights(
    network: nn.Module, weights: Weights, imagenet: models.WeightsEnum
) -> None:
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
            f"cannot download {file} ({error}); download it elsewhere and pass its path"
        ) from error
    _load(network, state, weights)


def _read_state(path: Path | str) -> dict[str, Tensor]:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file; give a .pth file or 'imagenet'")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: damaged, or not a weights file") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(
            f"{path}: expected a plain state dict; give a checkpoint of `deepsort-reid train` with "
            "--init-from or --resume instead"
        )
    return state


def _load(network: nn.Module, state: dict[str, Tensor], source: Path | str) -> None:
    expected = network.state_dict()
    # The classifier is not used: its number of classes may differ.
    unused = ("fc.", "classifier.", "heads.")
    wanted = [key for key in expected if not key.startswith(unused)]
    wrong = [k for k in wanted if k not in state or state[k].shape != expected[k].shape]
    # Old files lack the batch counter, which nothing depends on.
    wrong = [key for key in wrong if not key.endswith("num_batches_tracked")]
    if wrong:
        raise ValueError(
            f"{source}: weights of another network ({len(wrong)} of {len(wanted)} tensors do not "
            f"fit, first {wrong[0]})"
        )
    network.load_state_dict({k: state[k] for k in wanted if k in state}, strict=False)
