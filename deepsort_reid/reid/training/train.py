"""Training loop of an embedder: images and identities in, a run folder out."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from deepsort_reid.reid.data.augmentation import AugmentConfig
from deepsort_reid.reid.data.samplers import local_batch
from deepsort_reid.reid.models.reid_model import ReidModel
from deepsort_reid.reid.training.checkpoint import (
    TrainState,
    check_output_folder,
    restore_training,
    save_model,
    save_training,
)
from deepsort_reid.reid.training.distillation import DistillationLoss, ViewTargets
from deepsort_reid.reid.training.distributed import (
    World,
    broadcast_from_main,
    check_precision,
)
from deepsort_reid.reid.training.learner import (
    Learner,
    MakeOptimizer,
    make_learner,
    set_mode,
    train_step,
    update_ema,
)
from deepsort_reid.reid.training.losses import CombinedLoss
from deepsort_reid.reid.training.run_log import open_events, write_description, write_history
from deepsort_reid.reid.training.schedules import Schedule
from deepsort_reid.reid.training.training_data import TrainingData
from deepsort_reid.reid.training.view_store import StoredViews

_log = logging.getLogger(__name__)

Validate = Callable[[ReidModel], Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of the training loop; the model, losses and optimiser are passed ready-made."""

    epochs: int = 120
    identities_per_batch: int = 16
    images_per_identity: int = 4  # in a batch
    weight_decay: float = 0.05  # of weight matrices; norms, biases and scalars have none
    frozen_epochs: int = 0  # first epochs in which backbone weights and statistics are fixed
    ema_decay: float = 0.999  # of the exponential moving average of the weights; 0: no averaging
    precision: torch.dtype = torch.float32  # bfloat16, float16: autocast
    sync_bn: bool = True  # False: batch statistics of each process alone, faster but not the same
    validate_every: int = 5  # epochs
    best_by: str = "mAP"  # metric of the validation whose highest value is the best
    patience: int | None = None  # stop after this many validations without a better value of it
    seed: int = 0


def train(
    model: ReidModel,
    criterion: CombinedLoss | DistillationLoss,
    images: NDArray[np.uint8] | StoredViews,
    identity: NDArray[np.int64],
    folder: Path | str,
    *,
    optimizer: MakeOptimizer,
    schedule: Schedule,
    config: TrainConfig,
    description: Mapping[str, Any],
    augmentation: AugmentConfig | None = None,
    targets: ViewTargets | None = None,
    validate: Validate | None = None,
    resume: Path | str | None = None,
    world: World | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place; returns the history, one row for each epoch, as in `metrics.csv`.

    images: (N, H, W, 3) RGB uint8. identity: (N,) class indices from 0. description: stored in
    `config.json` and in the checkpoints; see `save_training`. targets: of a distillation, for a
    `DistillationLoss`; `identity` then only tells which images come together in a batch. validate:
    returns metrics of the averaged weights, at least `config.best_by`, which selects `best.pt`.
    resume: checkpoint or run folder to continue exactly; epochs and schedule may differ. After
    Ctrl-C, `last.pt` holds the last finished epoch.

    Raises ValueError for images or identities of the wrong shape, where `check_output_folder` or
    `check_precision` does, and for a loss that is not finite; OSError when a file cannot be
    written. The previous checkpoint is complete in either case.
    """
    _check_data(images, identity)
    folder = Path(folder)
    world = world or World()
    check_output_folder(folder, resume, world)
    check_precision(config.precision, world)
    learner = make_learner(
        model,
        criterion,
        optimizer,
        world,
        weight_decay=config.weight_decay,
        sync_bn=config.sync_bn,
        precision=config.precision,
    )
    state = TrainState()
    if resume is not None:
        state = restore_training(resume, **learner.modules())
    data = TrainingData(images, identity, augmentation, targets)
    # Before anything is written: a failed resume must not change the folder, and a run that cannot
    # do its first step must not leave one.
    _check_first_step(learner, data, config, world)
    if world.is_main:
        folder.mkdir(parents=True, exist_ok=True)
        write_description(folder, description)
    run = _Run(folder, description, schedule, config, validate, world)
    _train_epochs(learner, data, state, run)
    return state.history


@dataclass(frozen=True, eq=False)
class _Run:
    """What stays the same during a training run."""

    folder: Path
    description: Mapping[str, Any]
    schedule: Schedule
    config: TrainConfig
    validate: Validate | None
    world: World


def _train_epochs(learner: Learner, data: TrainingData, state: TrainState, run: _Run) -> None:
    """Train the remaining epochs; checkpoints and logs are written after each."""

    def save() -> None:
        if run.world.is_main:
            path = run.folder / "last.pt"
            save_training(path, state, run.description, **learner.modules())

    save()
    with ExitStack() as stack:
        if run.world.is_main:
            write_events = stack.enter_context(open_events(run.folder, state.epoch))
        while state.epoch < run.config.epochs and not _patience_exceeded(state, run.config):
            row = _train_epoch(learner, data, state, run)
            _check_finite(row["loss"], state, run.folder)
            state.epoch += 1
            if _validate(row, learner, state, run) and run.world.is_main:
                save_model(run.folder / "best.pt", state, run.description, learner.ema)
            save()
            if run.world.is_main:
                write_history(run.folder, state.history)
                write_events(row)
                _log.info(" ".join(f"{key} {value:.5g}" for key, value in row.items()))


def _train_epoch(
    learner: Learner, data: TrainingData, state: TrainState, run: _Run
) -> dict[str, float]:
    """Train one epoch; returns its row of `metrics.csv`."""
    config, world = run.config, run.world
    started = time.perf_counter()
    epoch = state.epoch  # finished epochs, so the index of this one from 0
    set_mode(learner, frozen=epoch < config.frozen_epochs)
    # Dropout draws from the global generator: seeded so that a resumed run repeats it.
    torch.manual_seed(derive_seed(config.seed, epoch, world.rank))
    shape = (config.identities_per_batch, config.images_per_identity)
    batches = list(data.batches(*shape, seed=config.seed, epoch=epoch))
    num_images = sum(len(rows) for rows in batches)
    total = torch.zeros((), device=world.device)
    # None: tqdm shows no bar where stderr is not a terminal.
    quiet = None if world.is_main else True
    title = f"epoch {epoch + 1}/{config.epochs}"
    with tqdm(total=num_images, desc=title, unit=" images", leave=False, disable=quiet) as bar:
        for index, rows in enumerate(batches):
            rate = run.schedule(epoch + index / len(batches))
            for group, base in zip(learner.optimizer.param_groups, learner.base_rates, strict=True):
                group["lr"] = base * rate
            seed = derive_seed(config.seed, epoch, index, world.rank)
            own = local_batch(rows, config.images_per_identity, world.rank, world.world_size)
            batch = data.load(own, world.device, seed)
            labels = data.labels(rows, world.device)
            total += train_step(learner, batch, labels, config.precision, world)
            state.steps += 1
            # The first steps average over few weights, so the decay is smaller there.
            update_ema(learner.ema, learner.model, min(config.ema_decay, _warm_decay(state.steps)))
            bar.update(len(rows))
            if index % 10 == 9 and not bar.disable:
                bar.set_postfix(loss=f"{float(total) / (index + 1):.3f}", rate=f"{rate:.2g}")
    return {
        "epoch": epoch + 1,
        "loss": float(total) / len(batches),
        "learning_rate": float(learner.optimizer.param_groups[0]["lr"]),
        "images_per_second": num_images / (time.perf_counter() - started),
    }


def _validate(row: dict[str, float], learner: Learner, state: TrainState, run: _Run) -> bool:
    """Validate where it is due and append `row` to the history; whether it is the best."""
    validate, config = run.validate, run.config
    is_due = state.epoch == config.epochs or state.epoch % config.validate_every == 0
    if validate is not None and is_due:
        row.update(broadcast_from_main(lambda: dict(validate(learner.ema)), run.world))
    state.history.append(row)
    if config.best_by not in row:
        return False
    # Of equal scores the later one is best: with few identities the mAP saturates early while
    # training still improves the embedding.
    score = row[config.best_by]
    is_best = score >= state.best_score
    if score > state.best_score:
        state.validations_without_improvement = 0
    else:
        state.validations_without_improvement += 1
    state.best_score = max(score, state.best_score)
    return is_best


def _patience_exceeded(state: TrainState, config: TrainConfig) -> bool:
    return config.patience is not None and state.validations_without_improvement >= config.patience


def _check_data(images: NDArray[np.uint8] | StoredViews, identity: NDArray[np.int64]) -> None:
    if isinstance(images, np.ndarray) and (
        images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8
    ):
        raise ValueError(f"images must be uint8 (N, H, W, 3), got {images.dtype} {images.shape}")
    if len(images) != len(identity):
        raise ValueError(
            f"identity: expected one per image, got {len(identity)} for {len(images)} images"
        )


def _check_first_step(
    learner: Learner, data: TrainingData, config: TrainConfig, world: World
) -> None:
    """Raise ValueError when no batch can be drawn or the network refuses the image size."""
    shape = (config.identities_per_batch, config.images_per_identity)
    rows = next(data.batches(*shape, seed=config.seed, epoch=0))
    local_batch(rows, config.images_per_identity, world.rank, world.world_size)
    # The averaged network is in evaluation mode, so that nothing is drawn or counted.
    with torch.inference_mode():
        learner.ema.embed(data.load(rows[:1], world.device))


def _check_finite(loss: float, state: TrainState, folder: Path) -> None:
    if not math.isfinite(loss):
        raise ValueError(
            f"the loss became {loss} in epoch {state.epoch + 1}: use a lower learning rate; "
            f"{folder / 'last.pt'} holds the previous epoch"
        )


def _warm_decay(steps: int) -> float:
    """Upper bound of the EMA decay after `steps` steps."""
    return steps / (steps + 10)


def derive_seed(*numbers: int) -> int:
    """Derive one seed from several numbers, the same on every platform and Python version."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
