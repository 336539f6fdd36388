"""Pooling, head and the whole network."""

import numpy as np
import pytest
import torch
from torch import nn

from deepsort_reid.reid.models.reid_model import (
    GeM,
    Head,
    ReidModel,
    embed_images,
)
from deepsort_reid.vision.crops import IMAGENET_MEAN


def tiny_model(parts=0):
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8), nn.ReLU())
    return ReidModel(backbone, Head(8, 6, parts=parts))


def test_generalised_mean_of_four_numbers():
    pooling = GeM(3.0)
    expected = ((1 + 8 + 27 + 64) / 4) ** (1 / 3)
    feature_map = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert pooling(feature_map).item() == pytest.approx(expected)


def test_generalised_mean_with_exponent_one_is_the_average():
    feature_map = torch.rand(2, 5, 3, 4)
    assert torch.allclose(GeM(1.0)(feature_map), feature_map.mean((2, 3)), atol=1e-5)


def test_bands_see_their_part_of_the_picture_and_the_whole_comes_first():
    head = Head(1, 3, parts=2).eval()
    with torch.no_grad():
        for linear in head.linear:
            linear.weight.fill_(1.0)
    feature_map = torch.tensor([[[[1.0], [2.0], [10.0], [20.0]]]])
    assert torch.allclose(head(feature_map)[0], torch.tensor([[8.25, 1.5, 15.0]]))


def test_the_embedding_is_the_feature_without_mean_and_with_unit_variance():
    head = Head(4, 6).train()
    feature, embedding = head(torch.rand(64, 4, 2, 2))
    assert torch.allclose(embedding.mean(0), torch.zeros(6), atol=1e-5)
    assert torch.allclose(embedding.var(0, unbiased=False), torch.ones(6), atol=1e-1)
    assert not torch.allclose(feature.mean(0), torch.zeros(6), atol=1e-2)


def test_the_neck_has_no_shift_to_learn():
    head = Head(4, 6)
    assert not head.neck.bias.requires_grad
    assert head.neck.weight.requires_grad


def test_an_embedding_that_the_bands_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="256 does not divide into 3 equal parts"):
        Head(8, 256, parts=2)


def test_more_bands_than_the_map_has_rows_are_refused():
    with pytest.raises(ValueError, match="the backbone gives 2 rows"):
        Head(8, 8, parts=3)(torch.rand(1, 8, 2, 2))


def test_pictures_are_normalised_inside_the_network():
    model = tiny_model().eval()
    average = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1).expand(1, 3, 16, 8)
    assert torch.allclose(
        model(average)[0], model.head(model.backbone(torch.zeros(1, 3, 16, 8)))[0]
    )


def test_embedding_many_pictures_equals_one_by_one_and_has_unit_length():
    model = tiny_model(parts=2)
    images = np.random.default_rng(0).integers(0, 256, (10, 16, 8, 3), np.uint8)
    rows = embed_images(model, images, batch_size=4)
    alone = torch.cat([embed_images(model, image[None]) for image in images])
    assert torch.allclose(rows, alone, atol=1e-6)
    assert torch.allclose(rows.norm(dim=1), torch.ones(10))


def test_no_pictures_give_no_rows():
    empty = np.empty((0, 16, 8, 3), np.uint8)
    assert embed_images(tiny_model(), empty).shape == (0, 6)
