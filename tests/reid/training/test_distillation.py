"""Loss and targets of a distillation."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from deepsort_reid.reid.data.datasets import Sample
from deepsort_reid.reid.models.reid_model import Head, ReidModel, embed_images
from deepsort_reid.reid.training.distillation import (
    NO_LABEL,
    RELATION_WEIGHT,
    TRACK_WEIGHT,
    BatchTargets,
    DistillationLoss,
    _track_numbers,
    distil,
    make_targets,
)
from deepsort_reid.reid.training.distributed import World
from deepsort_reid.reid.training.schedules import flat_cosine
from deepsort_reid.reid.training.teacher import Teachers, TeacherTargets
from deepsort_reid.reid.training.train import TrainConfig, train
from deepsort_reid.reid.training.view_store import ViewStore
from tests.reid.colour_teacher import write_teacher


def batch(labels=(0, 0, 1, NO_LABEL)):
    generator = torch.manual_seed(0)
    target = F.normalize(torch.randn(len(labels), 6, generator=generator))
    embedding = torch.randn(len(labels), 6, generator=generator, requires_grad=True)
    return embedding, BatchTargets(target, torch.tensor(labels))


def test_loss_of_direction_and_relation_equals_the_sum_over_pairs():
    embedding, targets = batch()
    embedding = embedding.detach()
    unit = F.normalize(embedding)
    pairs = [
        (unit[i] @ unit[j] - targets.target[i] @ targets.target[j]) ** 2
        for i in range(4)
        for j in range(4)
        if i != j
    ]
    cosines = [unit[i] @ targets.target[i] for i in range(4)]
    expected = 1 - sum(cosines) / 4 + RELATION_WEIGHT * sum(pairs) / 12
    loss = DistillationLoss(6, 2, label_weight=0.0)(embedding, embedding, targets)
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)


def test_loss_is_zero_at_the_targets_whatever_the_length():
    _, targets = batch()
    loss = DistillationLoss(6, 0, label_weight=0.02)(None, 7 * targets.target, targets)
    assert float(loss) == pytest.approx(0, abs=1e-6)


def test_labels_count_with_their_weight_and_unlabelled_views_do_not():
    embedding, targets = batch()
    embedding = embedding.detach()
    torch.manual_seed(1)
    with_labels = DistillationLoss(6, 2, label_weight=0.5)
    plain = DistillationLoss(6, 0, label_weight=0.5)
    classified = with_labels.classifier(embedding[:3], targets.label[:3])
    difference = with_labels(None, embedding, targets) - plain(None, embedding, targets)
    assert float(difference.detach()) == pytest.approx(0.5 * float(classified.detach()), abs=1e-5)


def test_batch_without_labels_has_a_finite_loss_and_gradient():
    embedding, targets = batch([NO_LABEL] * 4)
    loss = DistillationLoss(6, 2, label_weight=0.5)(None, embedding, targets)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(embedding.grad).all()


class StoredRows:
    """In the place of stored views: three views of two crops of one track, one of another."""

    crop = np.array([0, 1, 1, 2])
    is_same = np.array([True, True, False, True])

    def __init__(self):
        rng = np.random.default_rng(0)
        rows = rng.standard_normal((7, 5)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        self.teacher_embedding, self.crop_embedding = rows[:4], rows[4:]


def test_target_of_unchanged_appearance_has_a_part_of_the_mean_of_its_track():
    views = StoredRows()
    identity = TeacherTargets(np.zeros(5, np.float32), np.eye(5, dtype=np.float32), (5,))
    made = make_targets(views, identity, np.array([0, 0, 1]), np.array([3, 3, NO_LABEL]))

    def unit(row):
        return row / np.linalg.norm(row)

    mean = unit(views.crop_embedding[:2].sum(0))
    expected = [
        unit(views.teacher_embedding[0] + TRACK_WEIGHT * mean),
        unit(views.teacher_embedding[1] + TRACK_WEIGHT * mean),
        views.teacher_embedding[2],  # recoloured or mixed
        unit(views.teacher_embedding[3] + TRACK_WEIGHT * views.crop_embedding[2]),
    ]
    assert np.allclose(made.target, expected, atol=1e-6)
    assert made.label.tolist() == [3, 3, NO_LABEL, NO_LABEL]


def test_images_of_one_track_share_a_number():
    samples = [
        Sample("a/1.png", "a", track="s/1"),
        Sample("a/2.png", "a", track="s/1"),
        Sample("a/3.png", "a", camera=2),
        Sample("a/4.png", "a", camera=2),
        Sample("x/1.png", "", track="s/1"),  # unknown person
        Sample("x/2.png", "", track="s/1"),
        Sample("x/3.png", ""),
        Sample("x/4.png", ""),
    ]
    numbers = _track_numbers(samples)
    assert len(set(numbers.tolist())) == 5
    for one, other in [(0, 1), (2, 3), (4, 5)]:
        assert numbers[one] == numbers[other]


def two_colours(count, seed):
    """Images (count, 32, 16, 3) with one colour in the upper and one in the lower half."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 2, 1, 3), np.uint8)
    return colours.repeat(16, 1).repeat(16, 2)


def test_student_comes_closer_to_the_teacher_on_images_not_trained_on(tmp_path):
    crops, held_out = two_colours(200, 0), two_colours(50, 1)
    store = ViewStore(tmp_path / "views", crops, held_out, count=2048, seed=0)
    store.make(Teachers([write_teacher(tmp_path / "teacher.onnx", 24)], threads=1))
    samples = [Sample(tmp_path / f"{number}.png", "") for number in range(len(crops))]
    distilled = distil(store, samples, np.full(len(crops), NO_LABEL), 12, World())
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, 16, 8, 8), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 64, (4, 2)), nn.ReLU()
    )
    student = ReidModel(backbone, Head(64, 12))

    def validate(model):
        embedding = embed_images(model, held_out).numpy()
        return {"cosine": float((embedding * distilled.held_out).sum(1).mean())}

    history = train(
        student,
        DistillationLoss(12, 0, label_weight=0.02),
        distilled.views,
        distilled.group,
        tmp_path / "run",
        targets=distilled.targets,
        optimizer=partial(torch.optim.AdamW, lr=5e-3),
        schedule=flat_cosine(8),
        config=TrainConfig(epochs=8, validate_every=1, best_by="cosine", ema_decay=0.9),
        description={"architecture": {}},
        validate=validate,
    )
    cosines = [row["cosine"] for row in history]
    assert cosines[-1] > 0.6
    assert cosines[-1] > cosines[0] + 0.3
