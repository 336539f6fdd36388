"""Student network of the distillation: architecture, targets and initialisation."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from deepsort_reid.reid.models.pooling import REGIONS
from deepsort_reid.reid.models.reid_model import ReidModel
from deepsort_reid.reid.training.checkpoint import build_model

EMBEDDING_DIM = 384
TEACHER_DIM = 256
ARCHITECTURE = {
    "backbone": "compact",
    "embedding_dim": EMBEDDING_DIM,
    "pooling": "regions",
    "parts": 0,
}


def new_student() -> ReidModel:
    """Return the student with random weights."""
    return build_model(ARCHITECTURE)


class Targets:
    """Map from the embeddings of the teachers to the target embeddings of the student.

    The mean embedding of each teacher over all crops is subtracted, so that the cosine of different
    identities is about 0. The embeddings of all teachers are concatenated and projected to their
    first `EMBEDDING_DIM` principal directions.

    Args:
        teacher_embedding: (N, T * 256), unit rows per teacher, of the crops that define the mean
            and the directions.
        regions: (M, T, REGIONS, 256) contributions of image regions, which define their mean.
    """

    def __init__(
        self, teacher_embedding: NDArray[np.float16], regions: NDArray[np.float16]
    ) -> None:
        per_teacher = _split_teachers(teacher_embedding)
        self.mean = per_teacher.mean(0)
        self.region_mean = torch.from_numpy(regions.mean(0, dtype=np.float32))
        directions = torch.linalg.svd(self._centred(per_teacher), full_matrices=False).Vh
        self.basis = directions[:EMBEDDING_DIM].T.contiguous()

    def __call__(self, teacher_embedding: NDArray[np.float16]) -> Tensor:
        """Return unit rows (N, `EMBEDDING_DIM`) float32 for rows (N, T * 256)."""
        per_teacher = _split_teachers(teacher_embedding)
        return F.normalize(self._centred(per_teacher) @ self.basis)

    def regions(
        self, teacher_embedding: NDArray[np.float16], regions: NDArray[np.float16]
    ) -> Tensor:
        """Return the contributions of the regions (N, REGIONS, `EMBEDDING_DIM`) to the targets.

        Their sum over the regions is the target, except for the rounding of the teachers.
        """
        centred = _split_teachers(teacher_embedding) - self.mean  # (N, T, 256)
        length = centred.norm(dim=2)[:, :, None, None]
        parts = (torch.from_numpy(regions.astype(np.float32)) - self.region_mean) / length
        total = self._centred(_split_teachers(teacher_embedding)) @ self.basis
        return parts.transpose(1, 2).flatten(2) @ self.basis / total.norm(dim=1)[:, None, None]

    def _centred(self, per_teacher: Tensor) -> Tensor:
        """Subtract the means: (N, T, 256) -> (N, T * 256), all teachers with the same weight."""
        return F.normalize(per_teacher - self.mean, dim=2).flatten(1)


def _split_teachers(teacher_embedding: NDArray[np.float16]) -> Tensor:
    """(N, T * 256) float16 -> (N, T, 256) float32."""
    rows = torch.from_numpy(teacher_embedding.astype(np.float32))
    return rows.view(len(rows), -1, TEACHER_DIM)


def direction_and_relation(unit: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Two losses of unit rows (B, D) to target unit rows (B, D), scalars.

    Direction: 1 - cosine to the target. Relation: mean squared error of the similarities within the
    batch.
    """
    direction = 1 - (unit * target).sum(1).mean()
    difference = unit @ unit.T - target @ target.T
    return direction, difference.square().sum() / (len(unit) * (len(unit) - 1))


def fit_head(student: ReidModel, images: Tensor, regions: Tensor, ridge: float = 0.1) -> None:
    """Initialise the head by ridge regression of `regions` (N, REGIONS, D) on the region means.

    images: (N, 3, H, W) in 0..255. BNNeck gets the mean and the variance of the regression.
    """
    student.eval()
    with torch.inference_mode():
        pooled = [
            student.head.pooling(student.backbone((batch.float() - student.mean) / student.std))
            for batch in images.split(64)
        ]
    features = torch.cat(pooled).clone().view(len(images), REGIONS, -1)
    rows = (features - features.mean(0)).transpose(0, 1)  # (REGIONS, N, C)
    gram = rows.transpose(1, 2) @ rows
    level = ridge * gram.diagonal(dim1=1, dim2=2).mean(1)
    gram += level[:, None, None] * torch.eye(gram.shape[1])
    centred = (regions - regions.mean(0)).transpose(0, 1)
    solution = torch.linalg.solve(gram, rows.transpose(1, 2) @ centred)  # (REGIONS, C, D)
    scaled = (regions.shape[2] ** 0.5) * solution.flatten(0, 1).T  # components of about 1
    feature = features.flatten(1) @ scaled.T
    neck = student.head.neck
    student.head.linear[0].weight.data.copy_(scaled)
    neck.running_mean.copy_(feature.mean(0))
    neck.running_var.copy_(feature.var(0))
    neck.weight.data.copy_((feature.var(0) + neck.eps).sqrt())
