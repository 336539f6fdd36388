"""Losses against values computed by hand."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from deepsort_reid.reid.training.losses import (
    CombinedLoss,
    CosineSoftmax,
    LabelSmoothingCrossEntropy,
    batch_hard_triplet_loss,
    circle_loss,
)


def set_weight(layer: nn.Module, rows: list[list[float]]) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(rows))


def test_label_smoothing_cross_entropy_by_hand():
    loss = LabelSmoothingCrossEntropy(2, 2, smoothing=0.2)
    set_weight(loss.classifiers[0], [[1.0, 0.0], [0.0, 1.0]])
    # Logits (2, 0), target (0.9, 0.1): log sum exp = log(e^2 + 1), minus 0.9 * 2.
    expected = math.log(math.exp(2) + 1) - 1.8
    assert loss(torch.tensor([[2.0, 0.0]]), torch.tensor([0])).item() == pytest.approx(expected)


def test_loss_of_splits_is_the_mean_over_their_classifiers():
    loss = LabelSmoothingCrossEntropy(2, 2, smoothing=0.0, num_splits=2)
    set_weight(loss.classifiers[0], [[1.0], [0.0]])
    set_weight(loss.classifiers[1], [[0.0], [1.0]])
    # Logits of split one (3, 0), of split two (0, 1); the class is the first.
    expected = (math.log(1 + math.exp(-3)) + math.log(1 + math.exp(1))) / 2
    assert loss(torch.tensor([[3.0, 1.0]]), torch.tensor([0])).item() == pytest.approx(expected)


def test_embedding_dimension_must_be_a_multiple_of_the_splits():
    with pytest.raises(ValueError, match="multiple of num_splits = 3, got 256"):
        LabelSmoothingCrossEntropy(256, 10, num_splits=3)


def test_cosine_softmax_by_hand():
    loss = CosineSoftmax(2, 2, scale=4.0)
    with torch.no_grad():
        loss.directions.copy_(torch.tensor([[5.0, 0.0], [0.0, 0.1]]))
    # The embedding (3, 4) has cosines 0.6 and 0.8 independent of the lengths; times 4.
    expected = math.log(math.exp(2.4) + math.exp(3.2)) - 3.2
    assert loss(torch.tensor([[3.0, 4.0]]), torch.tensor([1])).item() == pytest.approx(
        expected, rel=1e-5
    )


def test_scale_of_cosine_softmax_has_a_gradient():
    loss = CosineSoftmax(2, 3)
    loss(torch.randn(4, 2), torch.tensor([0, 1, 2, 0])).backward()
    assert loss.raw_scale.grad is not None
    assert float(loss.raw_scale.grad) != 0


# On a line: identity 0 at 0 and 1, identity 1 at 3 and 7.
LINE = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
IDENTITY = torch.tensor([0, 0, 1, 1])


def test_batch_hard_triplet_loss_with_margin_by_hand():
    # (farthest positive, nearest negative): (1, 3), (1, 2), (4, 2), (4, 6); margin 0.5.
    expected = (0 + 0 + 2.5 + 0) / 4
    assert batch_hard_triplet_loss(LINE, IDENTITY, 0.5).item() == pytest.approx(expected, abs=1e-5)


def test_batch_hard_triplet_loss_with_soft_margin_by_hand():
    expected = sum(math.log1p(math.exp(gap)) for gap in (-2, -1, 2, -2)) / 4
    assert batch_hard_triplet_loss(LINE, IDENTITY).item() == pytest.approx(expected, rel=1e-5)


def test_image_without_positive_is_ignored_in_the_triplet_loss():
    feature = torch.tensor([[0.0], [1.0], [3.0]])
    # Only the two of identity 0 have a positive: differences 1 - 3 and 1 - 2.
    expected = sum(math.log1p(math.exp(gap)) for gap in (-2, -1)) / 2
    loss = batch_hard_triplet_loss(feature, torch.tensor([0, 0, 1]))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_batch_of_one_identity_has_zero_loss_and_a_gradient():
    feature = torch.randn(4, 3, requires_grad=True)
    loss = batch_hard_triplet_loss(feature, torch.zeros(4, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(feature.grad, torch.zeros(4, 3))


def test_triplet_loss_of_equal_features_has_a_finite_gradient():
    feature = torch.ones(4, 3, requires_grad=True)
    batch_hard_triplet_loss(feature, IDENTITY).backward()
    assert torch.isfinite(feature.grad).all()


def test_circle_loss_by_hand():
    # Unit vectors at 0, 60 and 90 degrees: identity 0 at 0 and 60, identity 1 at 90.
    angle = torch.tensor([0.0, math.pi / 3, math.pi / 2])
    embedding = torch.stack([angle.cos(), angle.sin()], 1) * torch.tensor([[1.0], [2.0], [3.0]])
    margin, scale = 0.25, 2.0
    positive, negative = 0.5, (0.0, math.cos(math.pi / 6))
    positive_term = math.exp(-scale * (1 + margin - positive) * (positive - 1 + margin))
    negative_term = sum(math.exp(scale * max(s + margin, 0) * (s - margin)) for s in negative)
    expected = math.log(1 + negative_term * positive_term)
    loss = circle_loss(embedding, torch.tensor([0, 0, 1]), margin, scale)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_combined_loss_is_the_weighted_sum():
    torch.manual_seed(0)
    feature, embedding = torch.randn(8, 6), torch.randn(8, 6)
    identity = torch.arange(4).repeat_interleave(2)
    softmax, cosine = LabelSmoothingCrossEntropy(6, 4), CosineSoftmax(6, 4)
    combined = CombinedLoss(
        [(1.0, softmax), (0.5, cosine)], triplet=2.0, triplet_margin=0.3, circle=0.1
    )
    expected = (
        softmax(embedding, identity)
        + 0.5 * cosine(embedding, identity)
        + 2.0 * batch_hard_triplet_loss(feature, identity, 0.3)
        + 0.1 * circle_loss(embedding, identity)
    )
    assert combined(feature, embedding, identity).item() == pytest.approx(expected.item())


def test_combined_loss_without_losses_is_rejected():
    with pytest.raises(ValueError, match="expected at least one loss"):
        CombinedLoss()


@pytest.mark.parametrize(
    "build",
    [
        lambda: CombinedLoss([(1.0, LabelSmoothingCrossEntropy(8, 4))]),
        lambda: CombinedLoss([(1.0, CosineSoftmax(8, 4))]),
        lambda: CombinedLoss(triplet=1.0),
        lambda: CombinedLoss(circle=1.0),
    ],
    ids=["softmax", "cosine", "triplet", "circle"],
)
def test_each_loss_alone_separates_identities(build):
    torch.manual_seed(1)
    criterion = build()
    points = torch.randn(16, 8, requires_grad=True)
    identity = torch.arange(4).repeat_interleave(4)
    steps = torch.optim.Adam([points, *criterion.parameters()], lr=0.05)
    for _ in range(150):
        steps.zero_grad()
        criterion(points, points, identity).backward()
        steps.step()
    unit = F.normalize(points.detach())
    nearest = torch.cdist(points.detach(), points.detach()).fill_diagonal_(math.inf).argmin(1)
    if criterion.triplet == 0:
        nearest = (unit @ unit.T).fill_diagonal_(-1).argmax(1)
    assert torch.equal(identity[nearest], identity)
