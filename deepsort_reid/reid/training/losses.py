"""Training losses. Rows of a batch are images; `identity` (B,) int64 holds their class indices.

Classification losses own their classifier and are modules; losses on pairs are functions.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class LabelSmoothingCrossEntropy(nn.Module):
    """Linear classifier with label-smoothed cross entropy (Szegedy et al. 2016).

    With `num_splits` > 1 the embedding (B, D) is split into equal parts, each with its own
    classifier, and the loss is their mean (Sun et al. 2018).

    Raises ValueError when `embedding_dim` is not a multiple of `num_splits`.
    """

    def __init__(
        self,
        embedding_dim: int,
        num_identities: int,
        *,
        smoothing: float = 0.1,
        num_splits: int = 1,
    ) -> None:
        super().__init__()
        if embedding_dim % num_splits:
            raise ValueError(
                f"embedding dimension: expected a multiple of num_splits = {num_splits}, "
                f"got {embedding_dim}"
            )
        self.smoothing = smoothing
        classifiers = [
            nn.Linear(embedding_dim // num_splits, num_identities, bias=False)
            for _ in range(num_splits)
        ]
        for classifier in classifiers:
            nn.init.normal_(classifier.weight, std=0.01)
        self.classifiers = nn.ModuleList(classifiers)

    def forward(self, embedding: Tensor, identity: Tensor) -> Tensor:
        splits = embedding.chunk(len(self.classifiers), dim=1)
        losses = [
            F.cross_entropy(classifier(split), identity, label_smoothing=self.smoothing)
            for classifier, split in zip(self.classifiers, splits, strict=True)
        ]
        return torch.stack(losses).mean()


class CosineSoftmax(nn.Module):
    """Cosine softmax classifier with one unit vector per identity (Wojke & Bewley 2018, eq. 4).

    The scale of the cosines is learned; a softplus keeps it positive.
    """

    def __init__(self, embedding_dim: int, num_identities: int, *, scale: float = 10.0) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(num_identities, embedding_dim))
        self.raw_scale = nn.Parameter(torch.tensor(math.log(math.expm1(scale))))

    def forward(self, embedding: Tensor, identity: Tensor) -> Tensor:
        cosine = F.normalize(embedding) @ F.normalize(self.directions).T  # (B, num_identities)
        return F.cross_entropy(F.softplus(self.raw_scale) * cosine, identity)


def batch_hard_triplet_loss(
    feature: Tensor, identity: Tensor, margin: float | None = None
) -> Tensor:
    """Batch-hard triplet loss on Euclidean distances (Hermans et al. 2017, equation 5).

    For each image: the farthest image of its identity against the nearest image of another one.
    feature: (B, D). margin: None is the soft margin, log(1 + exp(x)). Images without a positive or
    without a negative in the batch do not count.
    """
    distance = _pairwise_distance(feature)
    same = identity[:, None] == identity[None, :]
    itself = torch.eye(len(feature), dtype=torch.bool, device=feature.device)
    hardest_positive = distance.masked_fill(~same | itself, -math.inf).amax(1)
    hardest_negative = distance.masked_fill(same, math.inf).amin(1)
    valid = torch.isfinite(hardest_positive) & torch.isfinite(hardest_negative)
    if not bool(valid.any()):
        return feature.sum() * 0
    difference = hardest_positive[valid] - hardest_negative[valid]
    return (F.softplus(difference) if margin is None else F.relu(difference + margin)).mean()


def circle_loss(
    embedding: Tensor, identity: Tensor, margin: float = 0.25, scale: float = 64.0
) -> Tensor:
    """Circle loss on all pairs of the batch (Sun et al. 2020, equation 6 with 8 and 9).

    embedding: (B, D), normalised here. Every unordered pair counts once.
    """
    unit = F.normalize(embedding)
    similarity = unit @ unit.T
    pairs = torch.ones_like(similarity, dtype=torch.bool).triu(1)
    same = identity[:, None] == identity[None, :]
    positive, negative = similarity[pairs & same], similarity[pairs & ~same]
    if not len(positive) or not len(negative):
        return embedding.sum() * 0
    # No gradient flows through the weights (section 3.2).
    weight_positive = (1 + margin - positive.detach()).clamp(min=0)
    weight_negative = (negative.detach() + margin).clamp(min=0)
    negative_term = torch.logsumexp(scale * weight_negative * (negative - margin), 0)
    positive_term = torch.logsumexp(-scale * weight_positive * (positive - 1 + margin), 0)
    return F.softplus(negative_term + positive_term)


class CombinedLoss(nn.Module):
    """Weighted sum of losses.

    Classification losses and the circle loss take the embedding, the triplet loss the feature
    before the BNNeck.

    classification: pairs (weight, module). triplet, circle: weights; 0 switches the loss off.

    Raises ValueError when no loss has a weight.
    """

    def __init__(
        self,
        classification: Sequence[tuple[float, nn.Module]] = (),
        *,
        triplet: float = 0.0,
        triplet_margin: float | None = None,
        circle: float = 0.0,
    ) -> None:
        super().__init__()
        if not classification and not triplet and not circle:
            raise ValueError("losses: expected at least one loss with a weight, got none")
        self.classification_weights = [weight for weight, _ in classification]
        self.classification = nn.ModuleList(module for _, module in classification)
        self.triplet, self.triplet_margin, self.circle = triplet, triplet_margin, circle

    def forward(self, feature: Tensor, embedding: Tensor, identity: Tensor) -> Tensor:
        total = feature.new_zeros(())
        for weight, module in zip(self.classification_weights, self.classification, strict=True):
            total = total + weight * module(embedding, identity)
        if self.triplet:
            total = total + self.triplet * batch_hard_triplet_loss(
                feature, identity, self.triplet_margin
            )
        if self.circle:
            total = total + self.circle * circle_loss(embedding, identity)
        return total


def _pairwise_distance(feature: Tensor) -> Tensor:
    """Euclidean distances (B, B), kept above 0, where the gradient of the root is infinite."""
    square = (feature * feature).sum(1)
    squared = square[:, None] + square[None, :] - 2 * feature @ feature.T
    return squared.clamp(min=1e-12).sqrt()
