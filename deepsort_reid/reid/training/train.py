"""Training loop of an embedder: images and identities in, a run folder out."""

import copy
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from deepsort_reid.reid.data.augmentation import AugmentConfig, augment
from deepsort_reid.reid.data.samplers import identity_batches, local_batch
from deepsort_reid.reid.models.reid_model import ReidModel
from deepsort_reid.reid.training.checkpoint import (
    TrainState,
    check_output_folder,
    restore_training,
    save_training,
)
from deepsort_reid.reid.training.distributed import (
    World,
    all_gather,
    average_gradients,
    broadcast_from_main,
    broadcast_state,
    check_precision,
    sync_batch_norm,
)
from deepsort_reid.reid.training.losses import CombinedLoss
from deepsort_reid.reid.training.run_log import open_events, write_description, write_history
from deepsort_reid.reid.training.schedules import Schedule

_log = logging.getLogger(__name__)

MakeOptimizer = Callable[[Iterable[dict[str, Any]]], torch.optim.Optimizer]
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
    patience: int | None = None  # stop after this many validations without a better mAP
    seed: int = 0


def train(
    model: ReidModel,
    criterion: CombinedLoss,
    images: NDArray[np.uint8],
    identity: NDArray[np.int64],
    folder: Path | str,
    *,
    optimizer: MakeOptimizer,
    schedule: Schedule,
    config: TrainConfig,
    description: Mapping[str, Any],
    augmentation: AugmentConfig | None = None,
    validate: Validate | None = None,
    resume: Path | str | None = None,
    world: World | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place; returns the history, one row for each epoch, as in `metrics.csv`.

    images: (N, H, W, 3) RGB uint8. identity: (N,) class indices from 0. description: stored in
    `config.json` and in the checkpoints; see `save_training`. validate: returns metrics of the
    averaged weights, at least "mAP", which selects `best.pt`. resume: checkpoint or run folder to
    continue exactly; epochs and schedule may differ. After Ctrl-C, `last.pt` holds the last
    finished epoch.

    Raises ValueError for images or identities of the wrong shape, where `check_output_folder` or
    `check_precision` does, and for a loss that is not finite; OSError when a file cannot be
    written. The previous checkpoint is complete in either case.
    """
    _check_data(images, identity)
    folder = Path(folder)
    world = world or World()
    check_output_folder(folder, resume, world)
    check_precision(config.precision, world)
    learner = _make_learner(model, criterion, optimizer, config, world)
    state = TrainState() if resume is None else restore_training(resume, **learner.modules())
    # After restoring: a failed resume must not change the folder.
    if world.is_main:
        folder.mkdir(parents=True, exist_ok=True)
        write_description(folder, description)

    def save(name: str) -> None:
        if world.is_main:
            save_training(folder / name, state, description, **learner.modules())

    data = _Data(images, identity, augmentation)
    save("last.pt")
    with ExitStack() as stack:
        if world.is_main:
            write_events = stack.enter_context(open_events(folder, state.epoch))
        while state.epoch < config.epochs and not _patience_exceeded(state, config):
            row = _train_epoch(learner, data, state, schedule, config, world)
            _check_finite(row["loss"], state, folder)
            state.epoch += 1
            if _validate(row, learner, state, config, validate, world):
                save("best.pt")
            save("last.pt")
            if world.is_main:
                _write_metrics(row, state, folder, write_events)
    return state.history


def _write_metrics(
    row: dict[str, float],
    state: TrainState,
    folder: Path,
    write_events: Callable[[dict[str, float]], None],
) -> None:
    """Write the metrics of an epoch to the history, to TensorBoard and to the log."""
    write_history(folder, state.history)
    write_events(row)
    _log.info(" ".join(f"{key} {value:.5g}" for key, value in row.items()))


@dataclass(frozen=True, eq=False)
class _Data:
    """Training images and what is done to them."""

    images: NDArray[np.uint8]  # (N, H, W, 3) RGB
    identity: NDArray[np.int64]  # (N,)
    augmentation: AugmentConfig | None


@dataclass(frozen=True)
class _Learner:
    """Everything that an optimiser step changes."""

    model: ReidModel
    ema: ReidModel
    criterion: CombinedLoss
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    base_rates: tuple[float, ...]  # learning rates of the parameter groups, before the schedule

    def modules(self) -> dict[str, Any]:
        """Arguments of `save_training` and `restore_training`."""
        names = ("model", "ema", "criterion", "optimizer", "scaler")
        return {name: getattr(self, name) for name in names}


def _make_learner(
    model: ReidModel,
    criterion: CombinedLoss,
    optimizer: MakeOptimizer,
    config: TrainConfig,
    world: World,
) -> _Learner:
    model.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    criterion.to(world.device)
    broadcast_state(model, world)
    broadcast_state(criterion, world)
    ema = copy.deepcopy(model).eval().requires_grad_(False)
    if config.sync_bn:
        sync_batch_norm(model, world)
    made = optimizer(_parameter_groups([model, criterion], config.weight_decay))
    return _Learner(
        model,
        ema,
        criterion,
        made,
        torch.amp.GradScaler(world.device.type, enabled=config.precision == torch.float16),
        tuple(group["lr"] for group in made.param_groups),
    )


def _train_epoch(
    learner: _Learner,
    data: _Data,
    state: TrainState,
    schedule: Schedule,
    config: TrainConfig,
    world: World,
) -> dict[str, float]:
    """Train one epoch; returns its row of `metrics.csv`."""
    started = time.perf_counter()
    epoch = state.epoch  # finished epochs, so the index of this one from 0
    _set_mode(learner, frozen=epoch < config.frozen_epochs)
    # Dropout draws from the global generator: seeded so that a resumed run repeats it.
    torch.manual_seed(derive_seed(config.seed, epoch, world.rank))
    shape = (config.identities_per_batch, config.images_per_identity)
    batches = list(identity_batches(data.identity, *shape, seed=config.seed, epoch=epoch))
    num_images = sum(len(rows) for rows in batches)
    total = torch.zeros((), device=world.device)
    # None: tqdm shows no bar where stderr is not a terminal.
    quiet = None if world.is_main else True
    title = f"epoch {epoch + 1}/{config.epochs}"
    with tqdm(total=num_images, desc=title, unit=" images", leave=False, disable=quiet) as bar:
        for index, rows in enumerate(batches):
            rate = schedule(epoch + index / len(batches))
            for group, base in zip(learner.optimizer.param_groups, learner.base_rates, strict=True):
                group["lr"] = base * rate
            seed = derive_seed(config.seed, epoch, index, world.rank)
            own = local_batch(rows, config.images_per_identity, world.rank, world.world_size)
            batch = _load_batch(data, own, seed, world)
            labels = torch.from_numpy(data.identity[rows]).to(world.device)
            total += _step(learner, batch, labels, config.precision, world)
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


def _load_batch(data: _Data, rows: NDArray[np.int64], seed: int, world: World) -> Tensor:
    """Augmented images (B, 3, H, W) of a batch on the device."""
    batch = torch.from_numpy(data.images[rows]).to(world.device).permute(0, 3, 1, 2)
    if data.augmentation is None:
        return batch
    generator = torch.Generator(world.device)
    generator.manual_seed(seed)
    return augment(batch, data.augmentation, generator)


def _step(
    learner: _Learner, batch: Tensor, identity: Tensor, precision: torch.dtype, world: World
) -> Tensor:
    """One optimiser step; returns the loss of the whole batch over all processes."""
    with torch.autocast(world.device.type, precision, precision != torch.float32):
        feature, embedding = learner.model(batch)
    # Gathered, so that the hardest pairs are those of the whole batch.
    loss: Tensor = learner.criterion(
        all_gather(feature.float(), world), all_gather(embedding.float(), world), identity
    )
    learner.optimizer.zero_grad()
    learner.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    average_gradients([learner.model, learner.criterion], world)
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    return loss.detach()


def _validate(
    row: dict[str, float],
    learner: _Learner,
    state: TrainState,
    config: TrainConfig,
    validate: Validate | None,
    world: World,
) -> bool:
    """Validate where it is due and append `row` to the history; whether the mAP is the best."""
    is_due = state.epoch == config.epochs or state.epoch % config.validate_every == 0
    if validate is not None and is_due:
        row.update(broadcast_from_main(lambda: dict(validate(learner.ema)), world))
    state.history.append(row)
    if "mAP" not in row:
        return False
    # Of equal scores the later one is best: with few identities the mAP saturates early while
    # training still improves the embedding.
    is_best = row["mAP"] >= state.best_map
    if row["mAP"] > state.best_map:
        state.validations_without_improvement = 0
    else:
        state.validations_without_improvement += 1
    state.best_map = max(row["mAP"], state.best_map)
    return is_best


def _patience_exceeded(state: TrainState, config: TrainConfig) -> bool:
    return config.patience is not None and state.validations_without_improvement >= config.patience


def _check_data(images: NDArray[np.uint8], identity: NDArray[np.int64]) -> None:
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise ValueError(f"images must be uint8 (N, H, W, 3), got {images.dtype} {images.shape}")
    if len(images) != len(identity):
        raise ValueError(
            f"identity: expected one per image, got {len(identity)} for {len(images)} images"
        )


def _check_finite(loss: float, state: TrainState, folder: Path) -> None:
    if not math.isfinite(loss):
        raise ValueError(
            f"the loss became {loss} in epoch {state.epoch + 1}: use a lower learning rate; "
            f"{folder / 'last.pt'} holds the previous epoch"
        )


def _parameter_groups(modules: Iterable[nn.Module], weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: weight matrices with decay; norms, biases and scalars without."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _set_mode(learner: _Learner, *, frozen: bool) -> None:
    """Training mode; a frozen backbone stays in evaluation mode and gets no gradients."""
    learner.model.train()
    learner.model.backbone.train(not frozen)
    for parameter in learner.model.backbone.parameters():
        parameter.requires_grad_(not frozen)


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights and running statistics towards those of the model, in place.

    ema = decay * ema + (1 - decay) * model; integer buffers stay.
    """
    averaged, current = ema.state_dict(), model.state_dict()
    names = [name for name, value in averaged.items() if value.is_floating_point()]
    torch._foreach_lerp_([averaged[n] for n in names], [current[n] for n in names], 1 - decay)


def _warm_decay(steps: int) -> float:
    """Upper bound of the EMA decay after `steps` steps."""
    return steps / (steps + 10)


def derive_seed(*numbers: int) -> int:
    """Derive one seed from several numbers, the same on every platform and Python version."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
