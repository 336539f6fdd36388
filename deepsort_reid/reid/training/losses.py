"""What training minimises. Rows of a batch are pictures; `identity` (B,) int64 numbers the people.

Softmax losses own their classifier, so they are modules; losses on pairs are functions.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class LabelSmoothingCrossEntropy(nn.Module):
    """Cross entropy with label smoothing (Szegedy et al. 2016) of a linear classifier.

    With `num_splits` > 1 the embedding (B, D) is cut into equal pieces, each with its own
    classifier, and the loss is their mean (Sun et al. 2018).
    """

    def __init__(
        self, width: int, people: int, *, smoothing: float = 0.1, num_splits: int = 1
    ) -> None:
        super().__init__()
        if width % num_splits:
            raise ValueError(
                f"an embedding of {width} does not divide into {num_splits} equal parts"
            )
        self.smoothing = smoothing
        classifiers = [
            nn.Linear(width // num_splits, people, bias=False) for _ in range(num_splits)
        ]
        for classifier in classifiers:
            nn.init.normal_(classifier.weight, std=0.01)
        self.classifiers = nn.ModuleList(classifiers)

    def forward(self, embedding: Tensor, identity: Tensor) -> Tensor:
        pieces = embedding.chunk(len(self.classifiers), dim=1)
        losses = [
            F.cross_entropy(classifier(piece), identity, label_smoothing=self.smoothing)
            for classifier, piece in zip(self.classifiers, pieces, strict=True)
        ]
        return torch.stack(losses).mean()


class CosineSoftmax(nn.Module):
    """Softmax over scaled cosines to one unit vector per person (Wojke & Bewley 2018, eq. 4).

    The scale is learned and kept positive by a softplus.
    """

    def __init__(self, width: int, people: int, *, scale: float = 10.0) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(people, width))
        self.raw_scale = nn.Parameter(torch.tensor(math.log(math.expm1(scale))))

    def forward(self, embedding: Tensor, identity: Tensor) -> Tensor:
        cosine = F.normalize(embedding) @ F.normalize(self.directions).T  # (B, people)
        return F.cross_entropy(F.softplus(self.raw_scale) * cosine, identity)


def batch_hard_triplet_loss(
    feature: Tensor, identity: Tensor, margin: float | None = None
) -> Tensor:
    """Farthest same person against nearest other person, per picture (Hermans et al. 2017, eq. 5).

    Euclidean distance of feature rows (B, D); `margin` None is the soft margin, log(1 + exp(x)).
    Pictures without a partner or without a stranger in the batch do not count.
    """
    distance = _distance(feature)
    same = identity[:, None] == identity[None, :]
    itself = torch.eye(len(feature), dtype=torch.bool, device=feature.device)
    farthest = distance.masked_fill(~same | itself, -math.inf).amax(1)
    nearest = distance.masked_fill(same, math.inf).amin(1)
    counts = torch.isfinite(farthest) & torch.isfinite(nearest)
    if not bool(counts.any()):
        return feature.sum() * 0
    gap = farthest[counts] - nearest[counts]
    return (F.softplus(gap) if margin is None else F.relu(gap + margin)).mean()


def circle_loss(
    embedding: Tensor, identity: Tensor, margin: float = 0.25, scale: float = 64.0
) -> Tensor:
    """Circle loss on all pairs of the batch (Sun et al. 2020, eq. 6 with 8 and 9).

    Rows (B, D) need not be of unit length. Every unordered pair counts once.
    """
    unit = F.normalize(embedding)
    similarity = unit @ unit.T
    pairs = torch.ones_like(similarity, dtype=torch.bool).triu(1)
    same = identity[:, None] == identity[None, :]
    positive, negative = similarity[pairs & same], similarity[pairs & ~same]
    if not len(positive) or not len(negative):
        return embedding.sum() * 0
    # The weights are constants of the step: no gradient flows through them (section 3.2).
    weight_positive = (1 + margin - positive.detach()).clamp(min=0)
    weight_negative = (negative.detach() + margin).clamp(min=0)
    push = torch.logsumexp(scale * weight_negative * (negative - margin), 0)
    pull = torch.logsumexp(-scale * weight_positive * (positive - 1 + margin), 0)
    return F.softplus(push + pull)


class CombinedLoss(nn.Module):
    """A weighted sum: softmax losses and circle see the embedding, triplet the feature before it.

    `softmax` holds (weight, module); the weights of triplet and circle switch them off at 0.
    """

    def __init__(
        self,
        softmax: Sequence[tuple[float, nn.Module]] = (),
        *,
        triplet: float = 0.0,
        triplet_margin: float | None = None,
        circle: float = 0.0,
    ) -> None:
        super().__init__()
        if not softmax and not triplet and not circle:
            raise ValueError("there is nothing to minimise: give at least one loss a weight")
        self.softmax_weights = [weight for weight, _ in softmax]
        self.softmax = nn.ModuleList(module for _, module in softmax)
        self.triplet, self.triplet_margin, self.circle = triplet, triplet_margin, circle

    def forward(self, feature: Tensor, embedding: Tensor, identity: Tensor) -> Tensor:
        total = feature.new_zeros(())
        for weight, module in zip(self.softmax_weights, self.softmax, strict=True):
            total = total + weight * module(embedding, identity)
        if self.triplet:
            total = total + self.triplet * batch_hard_triplet_loss(
                feature, identity, self.triplet_margin
            )
        if self.circle:
            total = total + self.circle * circle_loss(embedding, identity)
        return total


def _distance(feature: Tensor) -> Tensor:
    """Euclidean distances (B, B); the root is kept away from 0, where its slope is infinite."""
    square = (feature * feature).sum(1)
    squared = square[:, None] + square[None, :] - 2 * feature @ feature.T
    return squared.clamp(min=1e-12).sqrt()
