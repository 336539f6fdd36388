"""Adaptation of an embedder to the people of tracked videos, without labels.

Only the linear layer of the head is trained, on features of the backbone that are computed once.
Two things keep the embedder from forgetting: on strongly changed views of the images, among them
people that do not exist, it must reproduce the original embeddings (learning without forgetting, Li
and Hoiem 2016), and the result is the mean of the original and the trained weights (Wortsman et al.
2022, "Robust fine-tuning of zero-shot models").
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from deepsort_reid.reid.models.reid_model import Head, ReidModel
from deepsort_reid.reid.training.adaptation_data import TrackedVideo
from deepsort_reid.reid.training.adaptation_labels import (
    Separation,
    TrackedBoxes,
    Tracklets,
    find_tracklets,
    join,
    link,
    separation,
)
from deepsort_reid.reid.training.distillation_views import make_view
from deepsort_reid.reid.training.schedules import flat_cosine


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """Settings of the adaptation."""

    holdout_share: float = 0.25  # last part of each video, on which the result is judged
    steps: int = 200
    max_images: int = 1500  # of all videos, to train on; as many to judge on
    views: int = 2  # changed views of each training image
    tracklets_per_batch: int = 8
    images_per_tracklet: int = 8
    lr: float = 1e-3
    temperature: float = 0.1
    anchor_weight: float = 5.0
    interpolation: float = 0.5  # share of the trained weights in the result
    min_gain: float = 0.0005  # of the mean AUC, below which the result is not better
    seed: int = 0


class Part(NamedTuple):
    """Images of all videos to train on, or to judge on."""

    images: NDArray[np.uint8]  # (N, H, W, 3) RGB
    frame: NDArray[np.int64]  # (N,)
    labels: Tracklets


@dataclass(frozen=True, eq=False)
class Adaptation:
    """Adapted model, and its separation of the people in the held-out parts of the videos."""

    model: ReidModel
    images: NDArray[np.uint8]  # (N, H, W, 3) RGB, of the videos
    training: Tracklets
    before: Separation
    after: Separation
    is_better: bool

    def describe(self) -> str:
        """What was learned from, and the AUC by gap; several lines."""
        pairs = int(self.training.are_different.sum()) // 2
        used = f"{len(self.images)} images of {len(self.training)} tracklets"
        lines = [f"learned from {used}, {pairs} pairs of them different people"]
        lines += ["gap in frames  AUC before  after"]
        rows = zip(self.before.start, self.before.auc, self.after.auc, strict=True)
        lines += [f"{start:>10} up {a:>11.4f} {b:>6.4f}" for start, a, b in rows if a == a]
        return "\n".join(lines)

    def describe_separation(self) -> str:
        """Mean AUC before and after."""
        return f"mean AUC over gaps {self.before.mean:.4f} -> {self.after.mean:.4f}"


def adapt(
    model: ReidModel,
    videos: Sequence[TrackedVideo],
    config: AdaptConfig | None = None,
    steps: Iterable[int] | None = None,
) -> Adaptation:
    """Adapt a model in evaluation mode to the people of videos; the model itself stays as it is.

    steps: iterated over during the training, for a progress bar. Nothing is assumed between videos.

    Raises ValueError when a part has no different people, or too few images to judge on.
    """
    config = config or AdaptConfig()
    training, holdout = (split(videos, config, holdout=each) for each in (False, True))
    pooled = pool_images(model, holdout.images)
    before = _separation(model.head, pooled, holdout)
    if np.isnan(before.mean):
        raise ValueError(
            "the last part of the videos: too few pairs of images to judge on; give longer videos, "
            "or a larger share of them to judge on"
        )
    adapted = copy.deepcopy(model)
    inputs = _Inputs(model, training, config)
    every_step = range(config.steps) if steps is None else steps
    _train(adapted.head, inputs, config, every_step)
    _interpolate(adapted.head, model.head, config.interpolation)
    after = _separation(adapted.head, pooled, holdout)
    is_better = after.mean - before.mean >= config.min_gain
    return Adaptation(adapted, training.images, training.labels, before, after, is_better)


def _separation(head: Head, pooled: list[Tensor], part: Part) -> Separation:
    with torch.inference_mode():
        embedding = F.normalize(head.project(pooled)[1]).numpy()
    return separation(embedding, part.labels, part.frame)


def split(videos: Sequence[TrackedVideo], config: AdaptConfig, *, holdout: bool) -> Part:
    """The labelled images of the first or of the last part of all videos."""
    parts = [_split_video(video, config.holdout_share, holdout) for video in videos]
    labels = join([labels for _, labels in parts])
    images = np.concatenate([v.images[rows] for v, (rows, _) in zip(videos, parts, strict=True)])
    frame = np.concatenate(
        [v.boxes.frame[v.row[rows]] for v, (rows, _) in zip(videos, parts, strict=True)]
    )
    used = np.flatnonzero(labels.tracklet >= 0)
    if len(used) > config.max_images:
        used = used[np.linspace(0, len(used) - 1, config.max_images).astype(np.int64)]
    if not labels.are_different.any():
        name = "last" if holdout else "first"
        raise ValueError(
            f"the {name} part of the videos: expected at least two people who are seen at the same "
            f"time without covering each other, found {len(labels)} such tracklets; give longer "
            "videos, or a better detector"
        )
    return Part(images[used], frame[used], Tracklets(labels.tracklet[used], labels.are_different))


def _split_video(
    video: TrackedVideo, holdout_share: float, holdout: bool
) -> tuple[NDArray[np.int64], Tracklets]:
    """Images (K,) of one part of a video, and their labels."""
    boxes = video.boxes
    first, last = int(boxes.frame.min()), int(boxes.frame.max())
    border = last + 1 - holdout_share * (last + 1 - first)
    is_in = (boxes.frame >= border) == holdout
    here = TrackedBoxes(
        boxes.frame[is_in], boxes.track[is_in], boxes.xyxy[is_in], boxes.is_alone[is_in]
    )
    images = np.flatnonzero(is_in[video.row])
    row = np.cumsum(is_in)[video.row[images]] - 1  # in `here`
    labels = find_tracklets(here, every=video.every)
    return images, link(here, labels, row, video.embedding[images])


def pool_images(model: ReidModel, images: NDArray[np.uint8], batch_size: int = 64) -> list[Tensor]:
    """Inputs of the linear layers of the head for RGB images (N, H, W, 3)."""
    batches = []
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            batch = torch.from_numpy(images[start : start + batch_size]).permute(0, 3, 1, 2)
            batches.append(model.head.pool(model.feature_map(batch)))
    # Copies: tensors of the inference mode cannot be trained on.
    return [torch.cat(column).clone() for column in zip(*batches, strict=True)]


class _Inputs:
    """Pooled features of all training images and of views of them."""

    def __init__(self, model: ReidModel, part: Part, config: AdaptConfig) -> None:
        self.rng = np.random.default_rng(config.seed)
        size = (part.images.shape[1], part.images.shape[2])
        images, everyone = [part.images], np.arange(len(part.images))
        is_same = [np.ones(len(everyone), np.bool_)]
        for _ in range(config.views):
            made = [
                make_view(part.images, row, everyone, self.rng, size=size)
                for row in everyone.tolist()
            ]
            images.append(np.stack([view for view, _ in made]))
            is_same.append(np.array([same for _, same in made]))
        self.pooled = pool_images(model, np.concatenate(images))
        with torch.no_grad():
            self.original = F.normalize(model.head.project(self.pooled)[1])
        self.labels = part.labels
        # A view that shows another appearance has no label, it is for the anchor only.
        tracklet = np.tile(part.labels.tracklet, 1 + config.views)
        self.tracklet = np.where(np.concatenate(is_same), tracklet, -1)
        names = np.flatnonzero(part.labels.are_different.any(1))
        self.rows = {n: np.flatnonzero(self.tracklet == n) for n in names.tolist()}
        self.rows = {name: rows for name, rows in self.rows.items() if len(rows) > 1}
        self.names = np.array(list(self.rows))

    def draw(self, config: AdaptConfig) -> NDArray[np.int64]:
        """Rows of several images of tracklets, many of which are different people."""
        chosen: list[int] = []
        while len(chosen) < config.tracklets_per_batch:
            name = int(self.rng.choice(self.names))
            others = np.flatnonzero(self.labels.are_different[name])
            others = self.rng.permutation([n for n in others if n in self.rows])
            chosen += [name, *others[: config.tracklets_per_batch // 2].tolist()]
        count = config.images_per_tracklet
        return np.concatenate(
            [
                self.rng.choice(self.rows[n], count, replace=len(self.rows[n]) < count)
                for n in chosen[: config.tracklets_per_batch]
            ]
        )

    def take(self, rows: NDArray[np.int64]) -> list[Tensor]:
        """Pooled features of these rows."""
        index = torch.from_numpy(rows)
        return [column[index] for column in self.pooled]


def _train(head: Head, inputs: _Inputs, config: AdaptConfig, steps: Iterable[int]) -> None:
    """Train the linear layers of `head` in place."""
    optimizer = torch.optim.AdamW(head.linear.parameters(), config.lr, weight_decay=0.0)
    schedule = flat_cosine(config.steps, warmup_epochs=config.steps / 10)
    for step in steps:
        for group in optimizer.param_groups:
            group["lr"] = config.lr * schedule(step)
        rows = inputs.draw(config)
        anchors = inputs.rng.integers(len(inputs.original), size=len(rows))
        embedding = F.normalize(head.project(inputs.take(rows))[1])
        anchored = F.normalize(head.project(inputs.take(anchors))[1])
        loss = tracklet_loss(
            embedding, inputs.tracklet[rows], rows, inputs.labels.are_different, config.temperature
        )
        target = inputs.original[torch.from_numpy(anchors)]
        loss = loss + config.anchor_weight * (1 - (anchored * target).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def tracklet_loss(
    embedding: Tensor,
    tracklet: NDArray[np.int64],
    row: NDArray[np.int64],
    are_different: NDArray[np.bool_],
    temperature: float,
) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020) without the pairs of which nothing is known.

    embedding: unit rows (B, D). tracklet: (B,) labels. row: (B,) number of the image; an image is
    no pair with itself. are_different: (T, T). Each pair of one tracklet is compared with all known
    different people of its first image.
    """
    similarity = embedding @ embedding.T / temperature
    same = torch.from_numpy((tracklet[:, None] == tracklet) & (row[:, None] != row))
    different = torch.from_numpy(are_different[tracklet[:, None], tracklet])
    same &= different.any(1, keepdim=True)
    negative = torch.logsumexp(similarity.masked_fill(~different, -1e4), 1, keepdim=True)
    losses = F.softplus(negative - similarity)[same]
    return losses.mean() if len(losses) else embedding.sum() * 0


@torch.no_grad()
def _interpolate(head: Head, original: Head, share: float) -> None:
    """head = share * head + (1 - share) * original, in place."""
    for weight, start in zip(head.linear.parameters(), original.linear.parameters(), strict=True):
        weight.copy_(torch.lerp(start, weight, share))
