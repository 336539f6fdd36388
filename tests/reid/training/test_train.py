"""Training loop on tiny images."""

import csv
import errno
import json
import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from deepsort_reid.reid.data.augmentation import AugmentConfig
from deepsort_reid.reid.models.reid_model import Head, ReidModel, embed_images
from deepsort_reid.reid.training.checkpoint import load_checkpoint
from deepsort_reid.reid.training.losses import CombinedLoss, LabelSmoothingCrossEntropy
from deepsort_reid.reid.training.schedules import flat_cosine
from deepsort_reid.reid.training.train import TrainConfig, train

NUM_IDENTITIES = 6
DESCRIPTION = {"architecture": {"backbone": "tiny"}, "seed": 0}


def make_images(per_identity=6, seed=0):
    """Noisy images of identities that differ in the colours of the upper and lower half."""
    rng = np.random.default_rng(seed)
    colours = np.random.default_rng(7).integers(40, 216, (NUM_IDENTITIES, 2, 1, 1, 3))
    images = rng.normal(0, 20, (NUM_IDENTITIES, per_identity, 16, 8, 3))
    images[:, :, :8] += colours[:, :1]
    images[:, :, 8:] += colours[:, 1:]
    identity = np.repeat(np.arange(NUM_IDENTITIES), per_identity)
    return images.reshape(-1, 16, 8, 3).clip(0, 255).astype(np.uint8), identity


def tiny_model():
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1)
    )
    model = ReidModel(backbone, Head(8, 12, parts=2))
    return model, CombinedLoss(
        [(1.0, LabelSmoothingCrossEntropy(12, NUM_IDENTITIES, num_splits=3))], triplet=1.0
    )


def run(folder, epochs=4, schedule=None, model=None, criterion=None, optimizer=None, **changes):
    images, identity = make_images()
    fresh_model, fresh_criterion = tiny_model()
    keys = ("validate", "resume", "augmentation")
    return train(
        model or fresh_model,
        criterion or fresh_criterion,
        images,
        identity,
        folder,
        optimizer=optimizer or partial(torch.optim.AdamW, lr=5e-3),
        schedule=schedule or flat_cosine(100, warmup_epochs=1),
        config=TrainConfig(
            epochs=epochs, identities_per_batch=3, images_per_identity=3, ema_decay=0.9,
            **{k: v for k, v in changes.items() if k not in keys},
        ),
        description=DESCRIPTION,
        **{"augmentation": AugmentConfig(), **{k: v for k, v in changes.items() if k in keys}},
    )  # fmt: skip


def losses(history):
    return [row["loss"] for row in history]


def test_training_separates_the_identities(tmp_path):
    model, criterion = tiny_model()
    history = run(tmp_path, 40, model=model, criterion=criterion, augmentation=None)
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    images, identity = make_images(seed=1)
    similarity = (rows := embed_images(model, images)) @ rows.T
    nearest = identity[similarity.fill_diagonal_(-1).argmax(1).numpy()]
    assert (nearest == identity).mean() > 0.9


def test_resumed_training_equals_an_uninterrupted_one(tmp_path):
    straight = run(tmp_path / "straight", 4)
    run(tmp_path / "stopped", 2)
    torch.manual_seed(99)
    resumed = run(tmp_path / "resumed", 4, resume=tmp_path / "stopped")
    assert losses(resumed) == losses(straight)
    ends = [load_checkpoint(tmp_path / name) for name in ("straight", "resumed")]
    for part in ("model", "ema", "criterion"):
        for key, value in ends[0][part].items():
            assert torch.equal(value, ends[1][part][key]), key


def test_training_depends_on_the_seed(tmp_path):
    assert losses(run(tmp_path / "a", 1)) != losses(run(tmp_path / "b", 1, seed=1))


def test_run_folder_has_config_metrics_curves_events_and_checkpoint(tmp_path):
    history = run(tmp_path, 2)
    assert json.loads((tmp_path / "config.json").read_text()) == DESCRIPTION
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == losses(history)
    assert [int(row["epoch"]) for row in rows] == [1, 2]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1
    saved = load_checkpoint(tmp_path)
    assert saved["description"] == DESCRIPTION
    assert saved["state"]["epoch"] == 2
    assert saved["optimizer"]["state"]


def test_averages_equal_to_the_weights_are_stored_once(tmp_path):
    run(tmp_path, 0)
    start = load_checkpoint(tmp_path)
    assert all(
        value.data_ptr() == start["model"][name].data_ptr() for name, value in start["ema"].items()
    )
    run(tmp_path, 1, resume=tmp_path)
    weights, averaged = (load_checkpoint(tmp_path)[part] for part in ("model", "ema"))
    assert weights["backbone.0.weight"].data_ptr() != averaged["backbone.0.weight"].data_ptr()


def test_best_checkpoint_holds_the_averaged_weights_only(tmp_path):
    run(tmp_path, 1, validate=lambda model: {"mAP": 0.5})
    last, best = (load_checkpoint(tmp_path / name) for name in ("last.pt", "best.pt"))
    assert last.keys() - best.keys() == {"model", "criterion", "optimizer", "scaler"}
    assert all(torch.equal(value, best["ema"][name]) for name, value in last["ema"].items())
    with pytest.raises(ValueError, match=r"best\.pt: holds the averaged weights only; resume"):
        run(tmp_path, 2, resume=tmp_path / "best.pt")


def test_tensorboard_events_are_announced(tmp_path, caplog):
    with caplog.at_level("INFO"):
        run(tmp_path, 1)
    assert f"TensorBoard events are written: tensorboard --logdir {tmp_path}" in caplog.messages


def test_training_works_without_tensorboard_and_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with caplog.at_level("INFO"):
        run(tmp_path, 1)
    assert "no TensorBoard events: tensorboard is not installed" in caplog.text
    assert {p.name for p in tmp_path.iterdir()} == {
        "config.json", "metrics.csv", "curves.png", "last.pt"
    }  # fmt: skip


def test_best_checkpoint_has_the_highest_map(tmp_path):
    scores = iter([0.2, 0.5, 0.4, 0.3])
    run(tmp_path, 4, validate=lambda model: {"mAP": next(scores)}, validate_every=1)
    best = load_checkpoint(tmp_path / "best.pt")
    assert best["state"]["epoch"] == 2
    assert best["state"]["best_score"] == 0.5
    assert load_checkpoint(tmp_path)["state"]["epoch"] == 4


def test_later_of_equal_validations_is_best_but_does_not_reset_patience(tmp_path):
    same = {"validate": lambda model: {"mAP": 1.0}, "validate_every": 1}
    run(tmp_path / "to the end", 3, **same)
    assert load_checkpoint(tmp_path / "to the end" / "best.pt")["state"]["epoch"] == 3
    assert len(run(tmp_path / "patient", 5, **same, patience=2)) == 3


def test_validation_uses_the_averaged_weights(tmp_path):
    seen = []

    def validate(model):
        seen.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"mAP": 0.5}

    run(tmp_path, 1, validate=validate, validate_every=1)
    saved = load_checkpoint(tmp_path)
    assert all(torch.equal(saved["ema"][k], v) for k, v in seen[0].items())
    assert not torch.equal(saved["model"]["backbone.0.weight"], seen[0]["backbone.0.weight"])


def test_training_stops_when_patience_is_exceeded(tmp_path):
    scores = iter([0.5, 0.4, 0.3, 0.2, 0.1])
    history = run(
        tmp_path, 5, validate=lambda model: {"mAP": next(scores)}, validate_every=1, patience=2
    )
    assert len(history) == 3


def test_frozen_backbone_keeps_weights_and_statistics_and_is_trained_afterwards(tmp_path):
    model, criterion = tiny_model()
    before = {k: v.clone() for k, v in model.backbone.state_dict().items()}
    head = model.head.linear[0].weight.detach().clone()
    run(tmp_path / "frozen", 2, model=model, criterion=criterion, frozen_epochs=2)
    assert all(torch.equal(v, before[k]) for k, v in model.backbone.state_dict().items())
    assert not torch.equal(model.head.linear[0].weight, head)
    model, criterion = tiny_model()
    run(tmp_path / "free", 3, model=model, criterion=criterion, frozen_epochs=2)
    assert not torch.equal(model.backbone[0].weight, before["0.weight"])


def test_schedule_sets_the_learning_rate_of_every_step(tmp_path):
    calls = []

    def schedule(done):
        calls.append(done)
        return 0.0

    model, criterion = tiny_model()
    before = model.backbone[0].weight.detach().clone()
    run(tmp_path, 2, model=model, criterion=criterion, schedule=schedule)
    assert calls == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]
    assert torch.equal(model.backbone[0].weight, before)


def test_bfloat16_training_is_close_to_float32(tmp_path):
    full = run(tmp_path / "full", 3)
    half = run(tmp_path / "half", 3, precision=torch.bfloat16)
    assert losses(half) == pytest.approx(losses(full), rel=0.05)
    assert losses(half) != losses(full)


def test_float16_on_the_cpu_is_rejected_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="float16 is too slow on the CPU; use bfloat16"):
        run(tmp_path / "run", 1, precision=torch.float16)
    assert not (tmp_path / "run").exists()


def test_sgd_with_momentum_resumes_exactly(tmp_path):
    sgd = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
    straight = run(tmp_path / "straight", 3, optimizer=sgd)
    run(tmp_path / "stopped", 1, optimizer=sgd)
    resumed = run(tmp_path / "resumed", 3, optimizer=sgd, resume=tmp_path / "stopped")
    assert losses(resumed) == losses(straight)


def test_interrupted_training_resumes_exactly(tmp_path):
    straight = run(tmp_path / "straight", 3)

    def interrupted(done):
        if done > 1.3:
            raise KeyboardInterrupt
        return flat_cosine(100, warmup_epochs=1)(done)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", 3, schedule=interrupted)
    assert load_checkpoint(tmp_path / "stopped")["state"]["epoch"] == 1
    resumed = run(tmp_path / "stopped", 3, resume=tmp_path / "stopped")
    assert losses(resumed) == losses(straight)


def test_failed_write_stops_the_training_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    run(tmp_path, 1)
    original = Path.open

    def disk_full(self, *arguments, **options):
        file = original(self, *arguments, **options)
        if "last.pt" in self.name and "w" in str(arguments):
            file.write(b"half of a checkpoint")
            file.close()
            raise OSError(errno.ENOSPC, "No space left on device")
        return file

    monkeypatch.setattr(Path, "open", disk_full)
    with pytest.raises(OSError, match=r"cannot write .*last\.pt \(No space left on device\)"):
        run(tmp_path, 2, resume=tmp_path)
    monkeypatch.undo()
    assert load_checkpoint(tmp_path)["state"]["epoch"] == 1
    assert not list(tmp_path.glob(".last*"))


def test_loss_that_is_not_finite_is_rejected_and_not_saved(tmp_path):
    with pytest.raises(ValueError, match=r"the loss became (nan|inf) .* lower learning rate"):
        run(tmp_path, 3, schedule=lambda done: 1.0 if done < 1 else math.inf)
    saved = load_checkpoint(tmp_path)
    assert saved["state"]["epoch"] == 1
    assert all(torch.isfinite(v).all() for v in saved["model"].values())


@pytest.mark.parametrize("name", ["last.pt", "best.pt"])
def test_folder_of_another_run_is_rejected_and_not_changed(tmp_path, name):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / name).write_bytes(b"a network")
    expected = rf"old holds {name} of another training run: choose another folder with --out"
    with pytest.raises(ValueError, match=expected):
        run(tmp_path / "old", 1)
    run(tmp_path / "third", 1)
    with pytest.raises(ValueError, match=expected):
        run(tmp_path / "old", 2, resume=tmp_path / "third")
    assert [path.name for path in (tmp_path / "old").iterdir()] == [name]
    assert (tmp_path / "old" / name).read_bytes() == b"a network"


def test_run_is_resumed_in_its_own_folder_by_folder_or_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("here", 1)
    run(tmp_path / "here", 2, resume="here/last.pt")
    assert len(run("here", 3, resume=tmp_path / "here")) == 3


def test_checkpoint_of_another_architecture_is_rejected_before_anything_is_written(tmp_path):
    run(tmp_path / "a", 1)
    other = ReidModel(nn.Conv2d(3, 8, 3), Head(8, 24, parts=2))
    with pytest.raises(ValueError, match="another architecture"):
        run(tmp_path / "b", 2, model=other, resume=tmp_path / "a")
    assert not (tmp_path / "b").exists()


def test_checkpoint_with_other_identities_is_rejected(tmp_path):
    run(tmp_path / "a", 1)
    other = CombinedLoss([(1.0, LabelSmoothingCrossEntropy(12, 50, num_splits=3))], triplet=1.0)
    with pytest.raises(ValueError, match="with other losses, identities or another optimiser"):
        run(tmp_path / "b", 2, criterion=other, resume=tmp_path / "a")


def test_images_of_wrong_type_or_number_are_rejected(tmp_path):
    model, criterion = tiny_model()
    arguments = {
        "optimizer": partial(torch.optim.SGD, lr=1.0),
        "schedule": flat_cosine(2),
        "config": TrainConfig(),
        "description": DESCRIPTION,
    }
    images, identity = make_images()
    with pytest.raises(ValueError, match=r"images must be uint8 \(N, H, W, 3\), got float32"):
        train(model, criterion, images.astype(np.float32), identity, tmp_path, **arguments)
    with pytest.raises(ValueError, match="got 35 for 36 images"):
        train(model, criterion, images, identity[:-1], tmp_path, **arguments)
