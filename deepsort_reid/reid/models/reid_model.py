"""The network: a backbone, pooling, an embedding, a BNNeck."""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from deepsort_reid.vision.crops import IMAGENET_MEAN, IMAGENET_STD


class GlobalAvgPool(nn.Module):
    """Mean over the map: (B, C, h, w) -> (B, C)."""

    def forward(self, feature_map: Tensor) -> Tensor:
        return feature_map.mean((2, 3))


class GeM(nn.Module):
    """GeM, (mean of x^p)^(1/p) with a learned p (Radenovic et al. 2018): (B, C, h, w) -> (B, C)."""

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))

    def forward(self, feature_map: Tensor) -> Tensor:
        # Powers lose too much in half precision.
        return feature_map.float().clamp(min=1e-6).pow(self.p).mean((2, 3)).pow(1 / self.p)


class Head(nn.Module):
    """Feature map (B, C, h, w) -> feature and embedding, both (B, embedding_dim).

    The feature is what a linear layer makes of the pooled map; the embedding is the feature after a
    batch normalisation without shift (BNNeck, Luo et al. 2019). Metric losses want the first,
    classifiers and comparisons the second. With `parts` the map is also pooled in that many
    horizontal bands (Sun et al. 2018), and all pieces, the whole first, share the embedding.
    """

    def __init__(
        self,
        width: int,
        embedding_dim: int,
        *,
        pooling: nn.Module | None = None,
        parts: int = 0,
    ) -> None:
        super().__init__()
        if parts < 0 or embedding_dim < 1 or embedding_dim % (1 + parts):
            raise ValueError(
                f"an embedding of {embedding_dim} does not divide into {1 + parts} equal parts"
            )
        self.pooling = GlobalAvgPool() if pooling is None else pooling
        self.parts = parts
        piece = embedding_dim // (1 + parts)
        linear = [nn.Linear(width, piece, bias=False) for _ in range(1 + parts)]
        for layer in linear:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
        self.linear = nn.ModuleList(linear)
        self.neck = nn.BatchNorm1d(embedding_dim)
        self.neck.bias.requires_grad_(False)

    def forward(self, feature_map: Tensor) -> tuple[Tensor, Tensor]:
        pooled = [self.pooling(feature_map), *self._bands(feature_map)]
        pieces = [linear(rows) for linear, rows in zip(self.linear, pooled, strict=True)]
        feature = torch.cat(pieces, 1).float()
        return feature, self.neck(feature)

    def _bands(self, feature_map: Tensor) -> list[Tensor]:
        if not self.parts:
            return []
        height = int(feature_map.shape[2])
        if height < self.parts:
            raise ValueError(
                f"{self.parts} parts need a map as high, the backbone gives {height} rows; "
                "use fewer parts or a taller input"
            )
        edges = [height * k // self.parts for k in range(self.parts + 1)]
        return [feature_map[:, :, top:bottom].mean((2, 3)) for top, bottom in pairwise(edges)]


class ReidModel(nn.Module):
    """Pictures to embeddings, normalisation included.

    Calling it with RGB (B, 3, H, W) in 0..255 gives the feature and the embedding of `Head`;
    `embed` gives what is compared: embeddings of unit length, (B, D) float32.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    @property
    def embedding_dim(self) -> int:
        """Length of the embedding."""
        return int(self.head.neck.num_features)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        normal = (images.float() - self.mean) / self.std
        # Convolutions of a CPU are several times faster so, in bfloat16 above all.
        feature_map = self.backbone(normal.contiguous(memory_format=torch.channels_last))
        feature, embedding = self.head(feature_map)
        return feature, embedding

    def embed(self, images: Tensor) -> Tensor:
        """Unit rows (B, D) float32."""
        return F.normalize(self(images)[1].float())


def embed_images(
    model: ReidModel,
    images: NDArray[np.uint8] | Tensor,
    *,
    batch_size: int = 128,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Unit embeddings (N, D) on the CPU of many uint8 pictures (N, H, W, 3) RGB, in batches.

    The model is put into evaluation mode and stays there; it decides the device.
    """
    model.eval()
    device = next(model.parameters()).device
    rows = []
    with torch.inference_mode(), torch.autocast(device.type, dtype, dtype != torch.float32):
        for start in range(0, len(images), batch_size):
            batch = torch.as_tensor(images[start : start + batch_size]).to(device)
            rows.append(model.embed(batch.permute(0, 3, 1, 2)).cpu())
    return torch.cat(rows) if rows else torch.empty(0, model.embedding_dim)
