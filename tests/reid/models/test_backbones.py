"""Backbones: output shapes, weights files, and OSNet against its paper."""

from urllib.error import URLError

import pytest
import torch
from torch import nn
from torchvision import models

from deepsort_reid.reid.models.backbones import (
    BACKBONES,
    InstanceBatchNorm,
    compact,
    mobilenet_v3_small,
    osnet_x0_5,
    osnet_x0_25,
    osnet_x1_0,
    resnet18,
    vit_b_16,
)

# Feature map sizes at 128x64; twice that at 256x128.
MAPS = dict.fromkeys(BACKBONES, (8, 4)) | {"mobilenet_v3_small": (4, 2)}
WIDTHS = {
    "compact": 256, "osnet_x0_25": 128, "osnet_x0_5": 256, "osnet_x1_0": 512,
    "resnet18": 512, "resnet50": 2048, "mobilenet_v3_small": 576, "vit_b_16": 768,
}  # fmt: skip


@pytest.mark.parametrize("name", BACKBONES)
def test_backbone_returns_its_channel_count_at_both_sizes(name):
    module, width = BACKBONES[name]()
    module.eval()
    height, breadth = MAPS[name]
    with torch.inference_mode():
        small = module(torch.zeros(1, 3, 128, 64))
        large = module(torch.zeros(1, 3, 256, 128))
    assert width == WIDTHS[name]
    assert small.shape == (1, width, height, breadth)
    assert large.shape == (1, width, 2 * height, 2 * breadth)


def parameters_and_mult_adds(module):
    """Number of parameters, and of multiply-adds in convolutions at 256x128."""
    mult_adds = 0

    def count(layer, inputs, output):
        nonlocal mult_adds
        mult_adds += layer.weight.numel() * output.shape[2] * output.shape[3]

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        module.eval()(torch.zeros(1, 3, 256, 128))
    return sum(p.numel() for p in module.parameters()), mult_adds


@pytest.mark.parametrize(
    ("build", "million_parameters", "million_mult_adds"),
    # Table 6 of the paper; its head is one layer from the channels to 512.
    [(osnet_x0_25, 0.2, 82.3), (osnet_x0_5, 0.6, 272.9), (osnet_x1_0, 2.2, 978.9)],
)
def test_osnet_has_the_parameters_and_mult_adds_of_the_paper(
    build, million_parameters, million_mult_adds
):
    module, width = build()
    parameters, mult_adds = parameters_and_mult_adds(module)
    head = width * 512
    assert (parameters + head) / 1e6 == pytest.approx(million_parameters, abs=0.05)
    assert (mult_adds + head) / 1e6 == pytest.approx(million_mult_adds, abs=0.06)


def test_osnet_streams_have_receptive_fields_of_three_to_nine_pixels():
    block = osnet_x0_25()[0][2]
    for stream, field in zip(block.streams, (3, 5, 7, 9), strict=True):
        width = stream[0][0].in_channels
        x = torch.rand(1, width, 21, 21, requires_grad=True)
        stream.eval()(x)[0, :, 10, 10].sum().backward()
        rows, columns = torch.where(x.grad[0].abs().sum(0) > 0)
        assert (rows.min(), rows.max()) == (10 - field // 2, 10 + field // 2)
        assert (columns.min(), columns.max()) == (10 - field // 2, 10 + field // 2)


def test_instance_batch_norm_removes_brightness_and_contrast_in_half_of_the_channels():
    norm = InstanceBatchNorm(4).train()
    x = torch.randn(3, 4, 5, 6)
    plain, brighter = norm(x), norm(x * torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1, 1) + 7)
    assert torch.allclose(plain[:, :2], brighter[:, :2], atol=1e-4)
    assert not torch.allclose(plain[:, 2:], brighter[:, 2:], atol=1e-1)


def test_vision_transformer_equals_torchvision_at_its_training_size():
    torch.manual_seed(0)
    network = models.vit_b_16().eval()
    module = vit_b_16()[0].eval()
    module.load_state_dict(
        {k: v for k, v in network.state_dict().items() if not k.startswith("heads")}
    )
    x = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        tokens = network._process_input(x)
        tokens = network.encoder(torch.cat([network.class_token, tokens], 1))
        expected = tokens[:, 1:].transpose(1, 2).reshape(1, 768, 14, 14)
        assert torch.allclose(module(x), expected, atol=1e-4)


def test_vision_transformer_rejects_other_than_multiples_of_the_patch_size():
    with pytest.raises(ValueError, match=r"multiples of 16, got 100x64"):
        vit_b_16()[0](torch.zeros(1, 3, 100, 64))


def test_torchvision_weights_are_loaded_without_the_classifier(tmp_path):
    network = models.mobilenet_v3_small(num_classes=7)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    module, _ = mobilenet_v3_small(tmp_path / "weights.pth")
    assert torch.equal(module[0][0].weight, network.features[0][0].weight)


def test_weights_of_own_backbones_are_loaded(tmp_path):
    torch.save(compact()[0].state_dict(), tmp_path / "weights.pth")
    expected = torch.load(tmp_path / "weights.pth", weights_only=True)["0.weight"]
    assert torch.equal(compact(tmp_path / "weights.pth")[0][0].weight, expected)


def test_weights_of_another_network_are_rejected_in_one_line(tmp_path):
    torch.save(compact()[0].state_dict(), tmp_path / "compact.pth")
    with pytest.raises(ValueError, match="weights of another network") as caught:
        resnet18(tmp_path / "compact.pth")
    assert "\n" not in str(caught.value)


def test_damaged_weights_file_is_rejected_in_one_line(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(ValueError, match="damaged, or not a weights file"):
        resnet18(tmp_path / "weights.pth")


def test_missing_weights_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        resnet18(tmp_path / "nowhere.pth")


def test_failed_download_names_the_file(monkeypatch):
    def offline(*args, **kwargs):
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(OSError, match=r"resnet18-[0-9a-f]+\.pth.*pass its path"):
        resnet18("imagenet")


def test_imagenet_weights_of_own_backbones_are_rejected():
    with pytest.raises(ValueError, match="train from scratch"):
        osnet_x1_0("imagenet")
