"""Distillation of a student: targets of the views, loss, and comparison with the teacher."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from deepsort_reid.reid.data.datasets import Sample
from deepsort_reid.reid.training.distributed import World, broadcast_from_main
from deepsort_reid.reid.training.losses import CosineSoftmax
from deepsort_reid.reid.training.teacher import Embedding, TeacherTargets, unit_rows
from deepsort_reid.reid.training.view_store import StoredViews, ViewStore

_log = logging.getLogger(__name__)

NO_LABEL = -1
RELATION_WEIGHT = 20.0
TRACK_WEIGHT = 0.5  # of the mean target of a track, for views of unchanged appearance


class BatchTargets(NamedTuple):
    """What the embeddings of a batch of views shall be."""

    target: Tensor  # (B, D) unit rows
    label: Tensor  # (B,) class index, or NO_LABEL


@dataclass(frozen=True, eq=False)
class ViewTargets:
    """Targets of all views."""

    target: Embedding  # (V, D) unit rows
    label: NDArray[np.int64]  # (V,) class index of the identity, or NO_LABEL

    def batch(self, rows: NDArray[np.int64], device: torch.device) -> BatchTargets:
        """Those of the views `rows` (B,) on the device."""
        target, label = torch.from_numpy(self.target[rows]), torch.from_numpy(self.label[rows])
        return BatchTargets(target.to(device), label.to(device))


def make_targets(
    views: StoredViews,
    targets: TeacherTargets,
    track: NDArray[np.int64],
    label: NDArray[np.int64],
) -> ViewTargets:
    """Targets of the views of crops.

    A view of unchanged appearance has the target of the view itself plus TRACK_WEIGHT times the
    mean target of its track, which is more accurate than that of one image (Porrello et al. 2020).
    Views that show another appearance have no label.

    track, label: (N,) number of the track, and class index or NO_LABEL, of each crop.
    """
    number = np.unique(track, return_inverse=True)[1]
    total = np.zeros((number.max() + 1, targets.basis.shape[1]), np.float32)
    np.add.at(total, number, targets(views.crop_embedding))
    of_track = views.is_same[:, None] * unit_rows(total)[number[views.crop]]
    target = unit_rows(targets(views.teacher_embedding) + TRACK_WEIGHT * of_track)
    return ViewTargets(target, np.where(views.is_same, label[views.crop], NO_LABEL))


class Distillation(NamedTuple):
    """What a training with a teacher has in the place of images and identities."""

    views: StoredViews
    group: NDArray[np.int64]  # (V,) views of one group come together in a batch
    targets: ViewTargets
    held_out: Embedding  # (M, D) targets of the validation images


def distil(
    store: ViewStore,
    samples: Sequence[Sample],
    identity: NDArray[np.int64],
    embedding_dim: int,
    world: World,
) -> Distillation:
    """The views of a store that all processes have completed, with targets for the student.

    samples, identity: of the N crops; class index, or NO_LABEL. A group is an identity, or a track
    of an unknown person. The map from the teachers to the targets is stored beside the views.
    """

    def load_or_fit() -> TeacherTargets:
        path = store.folder.with_name("targets.npz")
        if path.is_file():
            return TeacherTargets.load(path)
        targets = TeacherTargets.fit(views.crop_embedding, views.dims, embedding_dim)
        targets.save(path)
        return targets

    # The main process answers when its share is done: the others wait for it, and it for them.
    broadcast_from_main(lambda: None, world)
    views = store.open()
    targets = broadcast_from_main(load_or_fit, world)
    if world.is_main:
        _log.info(
            "targets: %d of %d dimensions of the teacher, %.1f %% of its energy",
            *targets.basis.shape[::-1],
            100 * targets.kept_share(views.crop_embedding),
        )
    track = _track_numbers(samples)
    group = np.where(identity == NO_LABEL, identity.max() + 1 + track, identity)
    return Distillation(
        views,
        group[views.crop],
        make_targets(views, targets, track, identity),
        targets(views.held_out_embedding),
    )


def _track_numbers(samples: Sequence[Sample]) -> NDArray[np.int64]:
    """Number of the track of each sample (N,).

    Without track names the images of one identity in one camera count as one track, and an image of
    an unknown person as one of its own.
    """
    names = [
        s.track or (f"{s.identity} {s.camera}" if s.identity else str(s.path)) for s in samples
    ]
    # An unknown person may have the track name of a known one.
    known = [f"{bool(sample.identity)} {name}" for sample, name in zip(samples, names, strict=True)]
    return np.asarray(np.unique(known, return_inverse=True)[1], np.int64)


class DistillationLoss(nn.Module):
    """Direction + RELATION_WEIGHT x relation + `label_weight` x labels.

    Direction: 1 - cosine between embedding and target. Relation: mean squared difference between
    the cosines of two embeddings and of their targets, over all pairs of the batch (Park et al.
    2019, "Relational knowledge distillation"). Labels: `CosineSoftmax` of the views with a label.

    num_identities: 0 without labels.
    """

    def __init__(self, embedding_dim: int, num_identities: int, label_weight: float) -> None:
        super().__init__()
        self.label_weight = label_weight
        has_classifier = num_identities > 0 and label_weight > 0
        self.classifier = CosineSoftmax(embedding_dim, num_identities) if has_classifier else None

    def forward(self, feature: Tensor, embedding: Tensor, targets: BatchTargets) -> Tensor:
        """Embedding (B, D) and its targets; the feature before the BNNeck is not used."""
        unit, target = F.normalize(embedding), targets.target
        direction = 1 - (unit * target).sum(1).mean()
        # A view with itself has no difference.
        num_pairs = max(len(unit) * (len(unit) - 1), 1)
        relation = (unit @ unit.T - target @ target.T).square().sum() / num_pairs
        total = direction + RELATION_WEIGHT * relation
        has_label = targets.label != NO_LABEL
        if self.classifier is not None and bool(has_label.any()):
            labels = self.classifier(embedding[has_label], targets.label[has_label])
            total = total + self.label_weight * labels
        return total
