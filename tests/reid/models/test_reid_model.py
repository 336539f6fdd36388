"""Pooling, embedding head and the complete model."""

import numpy as np
import pytest
import torch
from torch import nn

from deepsort_reid.reid.models.pooling import GeM
from deepsort_reid.reid.models.reid_model import (
    Head,
    ReidModel,
    embed_images,
)
from deepsort_reid.vision.crops import IMAGENET_MEAN


def tiny_model(parts=0):
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8), nn.ReLU())
    return ReidModel(backbone, Head(8, 6, parts=parts))


def test_gem_by_hand():
    pooling = GeM(3.0)
    expected = ((1 + 8 + 27 + 64) / 4) ** (1 / 3)
    feature_map = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert pooling(feature_map).item() == pytest.approx(expected)


def test_gem_with_exponent_one_is_average_pooling():
    feature_map = torch.rand(2, 5, 3, 4)
    assert torch.allclose(GeM(1.0)(feature_map), feature_map.mean((2, 3)), atol=1e-5)


def test_whole_map_comes_first_and_parts_follow_from_top_to_bottom():
    head = Head(1, 3, parts=2).eval()
    with torch.no_grad():
        for linear in head.linear:
            linear.weight.fill_(1.0)
    feature_map = torch.tensor([[[[1.0], [2.0], [10.0], [20.0]]]])
    assert torch.allclose(head(feature_map)[0], torch.tensor([[8.25, 1.5, 15.0]]))


def test_embedding_is_the_batch_normalised_feature():
    head = Head(4, 6).train()
    feature, embedding = head(torch.rand(64, 4, 2, 2))
    assert torch.allclose(embedding.mean(0), torch.zeros(6), atol=1e-5)
    assert torch.allclose(embedding.var(0, unbiased=False), torch.ones(6), atol=1e-1)
    assert not torch.allclose(feature.mean(0), torch.zeros(6), atol=1e-2)


def test_bnneck_has_no_trainable_bias():
    head = Head(4, 6)
    assert not head.neck.bias.requires_grad
    assert head.neck.weight.requires_grad


def test_embedding_dimension_must_be_a_multiple_of_the_parts():
    with pytest.raises(ValueError, match=r"multiple of 1 \+ parts = 3, got 256"):
        Head(8, 256, parts=2)


def test_more_parts_than_rows_of_the_map_are_rejected():
    with pytest.raises(
        ValueError, match="expected at most 2, the rows of the backbone's feature map, got 3"
    ):
        Head(8, 8, parts=3)(torch.rand(1, 8, 2, 2))


def test_input_is_normalised_inside_the_model():
    model = tiny_model().eval()
    average = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1).expand(1, 3, 16, 8)
    assert torch.allclose(
        model(average)[0], model.head(model.backbone(torch.zeros(1, 3, 16, 8)))[0]
    )


def test_batched_embeddings_equal_single_ones_and_have_unit_length():
    model = tiny_model(parts=2)
    images = np.random.default_rng(0).integers(0, 256, (10, 16, 8, 3), np.uint8)
    rows = embed_images(model, images, batch_size=4)
    alone = torch.cat([embed_images(model, image[None]) for image in images])
    assert torch.allclose(rows, alone, atol=1e-6)
    assert torch.allclose(rows.norm(dim=1), torch.ones(10))


def test_no_images_give_no_rows():
    empty = np.empty((0, 16, 8, 3), np.uint8)
    assert embed_images(tiny_model(), empty).shape == (0, 6)
