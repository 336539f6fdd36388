"""ReID model: backbone, pooling, linear embedding layer and BNNeck."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from deepsort_reid.reid.models.pooling import GlobalAvgPool, Pooling
from deepsort_reid.vision.crops import IMAGENET_MEAN, IMAGENET_STD


class Head(nn.Module):
    """Embedding head: feature map (B, C, h, w) -> feature and embedding, both (B, embedding_dim).

    The feature is a linear projection of the pooled map. The embedding is the feature after a batch
    normalisation without bias (BNNeck, Luo et al. 2019). Metric losses use the feature; classifiers
    and distances use the embedding.

    parts: number of horizontal stripes that are pooled in addition to the whole map (PCB, Sun et
        al. 2018). The 1 + parts vectors share the embedding equally; the whole map comes first.

    Raises ValueError when `embedding_dim` is not a multiple of 1 + `parts`.
    """

    def __init__(
        self,
        in_channels: int,
        embedding_dim: int,
        *,
        pooling: Pooling | None = None,
        parts: int = 0,
    ) -> None:
        super().__init__()
        if parts < 0 or embedding_dim < 1 or embedding_dim % (1 + parts):
            raise ValueError(
                f"embedding dimension: expected a positive multiple of 1 + parts = {1 + parts}, "
                f"got {embedding_dim}"
            )
        self.pooling = GlobalAvgPool() if pooling is None else pooling
        self.parts = parts
        part_dim = embedding_dim // (1 + parts)
        widths = [self.pooling.vectors * in_channels] + parts * [in_channels]
        linear = [nn.Linear(width, part_dim, bias=False) for width in widths]
        for layer in linear:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
        self.linear = nn.ModuleList(linear)
        self.neck = nn.BatchNorm1d(embedding_dim)
        self.neck.bias.requires_grad_(False)

    def forward(self, feature_map: Tensor) -> tuple[Tensor, Tensor]:
        return self.project(self.pool(feature_map))

    def pool(self, feature_map: Tensor) -> list[Tensor]:
        """The input of each linear layer: the whole map and the stripes, rows (B, ...)."""
        return [self.pooling(feature_map), *self._pool_stripes(feature_map)]

    def project(self, pooled: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Feature and embedding of pooled rows."""
        projected = [linear(rows) for linear, rows in zip(self.linear, pooled, strict=True)]
        feature = torch.cat(projected, 1).float()
        return feature, self.neck(feature)

    def _pool_stripes(self, feature_map: Tensor) -> list[Tensor]:
        """Average of each horizontal stripe: a list of (B, C)."""
        if not self.parts:
            return []
        height = int(feature_map.shape[2])
        if height < self.parts:
            raise ValueError(
                f"parts: expected at most {height}, the rows of the backbone's feature map, "
                f"got {self.parts}; use fewer parts or a taller input"
            )
        edges = [height * k // self.parts for k in range(self.parts + 1)]
        return [feature_map[:, :, top:bottom].mean((2, 3)) for top, bottom in pairwise(edges)]


class ReidModel(nn.Module):
    """Network that maps images to embeddings; the input normalisation is part of it.

    Calling the model with RGB images (B, 3, H, W) in 0..255 returns the feature and the embedding
    of `Head`. `embed` returns the unit embeddings (B, D) float32 that are compared by cosine.

    architecture: what `build_model` made it from; None for a model made in another way.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, backbone: nn.Module, head: Head, architecture: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.architecture = architecture
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("mean", mean.view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", std.view(1, 3, 1, 1), persistent=False)

    @property
    def embedding_dim(self) -> int:
        """Number of components of an embedding."""
        return int(self.head.neck.num_features)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        feature, embedding = self.head(self.feature_map(images))
        return feature, embedding

    def feature_map(self, images: Tensor) -> Tensor:
        """RGB images (B, 3, H, W) in 0..255 -> output of the backbone (B, C, h, w)."""
        normalised = (images.float() - self.mean) / self.std
        # channels_last makes convolutions on a CPU several times faster, above all in bfloat16.
        feature_map: Tensor = self.backbone(
            normalised.contiguous(memory_format=torch.channels_last)
        )
        return feature_map

    def embed(self, images: Tensor) -> Tensor:
        """Embed RGB images (B, 3, H, W) in 0..255 -> unit rows (B, D) float32."""
        return F.normalize(self(images)[1].float())


def embed_images(
    model: ReidModel,
    images: NDArray[np.uint8] | Tensor,
    *,
    batch_size: int = 128,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Embed RGB uint8 images (N, H, W, 3) in batches -> unit rows (N, D) float32 on the CPU.

    The model is set to evaluation mode and stays in it. The computation runs on the device of its
    parameters, under autocast to `dtype` unless that is float32.
    """
    model.eval()
    device = next(model.parameters()).device
    rows = []
    with torch.inference_mode(), torch.autocast(device.type, dtype, dtype != torch.float32):
        for start in range(0, len(images), batch_size):
            batch = torch.as_tensor(images[start : start + batch_size]).to(device)
            rows.append(model.embed(batch.permute(0, 3, 1, 2)).cpu())
    return torch.cat(rows) if rows else torch.empty(0, model.embedding_dim)
