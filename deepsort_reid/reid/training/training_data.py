"""Images of a training with their labels: batches of rows, augmented images, labels of the loss."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deepsort_reid.reid.data.augmentation import AugmentConfig, augment
from deepsort_reid.reid.data.samplers import group_batches, identity_batches
from deepsort_reid.reid.training.distillation import BatchTargets, ViewTargets
from deepsort_reid.reid.training.view_store import StoredViews


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Training images and what is done to them."""

    images: NDArray[np.uint8] | StoredViews  # (N, H, W, 3) RGB
    identity: NDArray[np.int64]  # (N,)
    augmentation: AugmentConfig | None
    targets: ViewTargets | None = None

    def batches(
        self, num_identities: int, images_per_identity: int, *, seed: int, epoch: int
    ) -> Iterator[NDArray[np.int64]]:
        """Rows of each batch of an epoch; those of one identity are adjacent."""
        # Views are drawn evenly; identities with few images shall not come more often than others.
        sampler = identity_batches if self.targets is None else group_batches
        return sampler(self.identity, num_identities, images_per_identity, seed=seed, epoch=epoch)

    def load(
        self, rows: NDArray[np.int64], device: torch.device, seed: int | None = None
    ) -> Tensor:
        """Images (B, 3, H, W) of `rows` on the device; augmented if there is a seed."""
        batch = torch.from_numpy(self.images[rows]).to(device).permute(0, 3, 1, 2)
        if self.augmentation is None or seed is None:
            return batch
        generator = torch.Generator(device)
        generator.manual_seed(seed)
        return augment(batch, self.augmentation, generator)

    def labels(self, rows: NDArray[np.int64], device: torch.device) -> Tensor | BatchTargets:
        """What the loss takes besides the output of the model: identities (B,), or targets."""
        if self.targets is None:
            return torch.from_numpy(self.identity[rows]).to(device)
        return self.targets.batch(rows, device)
