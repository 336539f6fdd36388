"""The training loop: pictures and identities in, a run folder out."""

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
    """What the loop itself needs; the network, losses and optimiser come ready made."""

    epochs: int = 120
    identities_per_batch: int = 16  # in a batch
    images_per_identity: int = 4  # of every person in a batch
    weight_decay: float = 0.05  # of matrices and filters; norms and biases have none
    frozen_epochs: int = 0  # the backbone keeps its weights and statistics for so long
    ema_decay: float = 0.999  # of the moving average of the weights; 0 follows them at once
    precision: torch.dtype = torch.float32  # or bfloat16, float16: for autocast
    sync_bn: bool = True  # each process normalises its own share: faster, not the same
    validate_every: int = 5  # epochs
    patience: int | None = None  # validations without a better mAP before it stops
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
    """Train in place and return the history: one row per epoch, as in `metrics.csv`.

    `images` (N, H, W, 3) are RGB uint8, `identity` (N,) numbers people from 0. `description` goes
    into `config.json` and the checkpoints; its key "architecture" must rebuild the model
    (`checkpoint.build_model`). `validate` scores the averaged weights and returns at least "mAP",
    by which `best.pt` is chosen. `resume` continues a checkpoint exactly; epochs and schedule may
    differ from before. An interruption (Ctrl-C) falls back to the last finished epoch.

    Raises ValueError when the data does not fit, `check_output_folder` or `check_precision` fails,
    or the loss is not finite, and OSError when a file cannot be written; the previous checkpoint
    is then still complete.
    """
    _check(images, identity)
    folder = Path(folder)
    world = world or World()
    check_output_folder(folder, resume, world)
    check_precision(config.precision, world)
    learner = _learner(model, criterion, optimizer, config, world)
    state = TrainState()
    if resume is not None:
        state = restore_training(resume, **learner.saved())
    # Only now: a resume that fails must not touch what the folder holds.
    if world.is_main:
        folder.mkdir(parents=True, exist_ok=True)
        write_description(folder, description)

    def save(name: str) -> None:
        if world.is_main:
            save_training(folder / name, state, description, **learner.saved())

    save("last.pt")
    with ExitStack() as stack:
        if world.is_main:
            write_events = stack.enter_context(open_events(folder, state.epoch))
        while state.epoch < config.epochs and not _patience_exceeded(state, config):
            row = _train_epoch(
                learner, images, identity, state, schedule, config, augmentation, world
            )
            if not math.isfinite(row["loss"]):
                raise ValueError(
                    f"the loss became {row['loss']} in epoch {state.epoch + 1}: try again with a "
                    f"lower learning rate; {folder / 'last.pt'} holds the epoch before"
                )
            state.epoch += 1
            is_due = state.epoch == config.epochs or state.epoch % config.validate_every == 0
            if validate is not None and is_due:
                row.update(broadcast_from_main(lambda: dict(validate(learner.ema)), world))
            # Of equals the later one: a few people are told apart early, and learning goes on.
            is_best = "mAP" in row and row["mAP"] >= state.best_map
            if "mAP" in row:
                state.validations_without_improvement = (
                    0 if row["mAP"] > state.best_map else state.validations_without_improvement + 1
                )
                state.best_map = max(row["mAP"], state.best_map)
            state.history.append(row)
            if is_best:
                save("best.pt")
            save("last.pt")
            if world.is_main:
                write_history(folder, state.history)
                write_events(row)
                _log.info(" ".join(f"{key} {value:.5g}" for key, value in row.items()))
    return state.history


def _patience_exceeded(state: TrainState, config: TrainConfig) -> bool:
    return config.patience is not None and state.validations_without_improvement >= config.patience


@dataclass(frozen=True)
class _Learner:
    """All that a step changes."""

    model: ReidModel
    ema: ReidModel
    criterion: CombinedLoss
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    base_rates: tuple[float, ...]  # of the optimiser's groups, before the schedule

    def saved(self) -> dict[str, Any]:
        """What goes into a checkpoint and comes back out of it."""
        names = ("model", "ema", "criterion", "optimizer", "scaler")
        return {name: getattr(self, name) for name in names}


def _learner(
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
    steps = optimizer(_groups([model, criterion], config.weight_decay))
    return _Learner(
        model,
        ema,
        criterion,
        steps,
        torch.amp.GradScaler(world.device.type, enabled=config.precision == torch.float16),
        tuple(group["lr"] for group in steps.param_groups),
    )


def _train_epoch(
    learner: _Learner,
    images: NDArray[np.uint8],
    identity: NDArray[np.int64],
    state: TrainState,
    schedule: Schedule,
    config: TrainConfig,
    augmentation: AugmentConfig | None,
    world: World,
) -> dict[str, float]:
    """One pass over the data; the row of `metrics.csv` for it."""
    started = time.perf_counter()
    epoch = state.epoch  # those finished, so this one's number from 0
    _set_mode(learner, frozen=epoch < config.frozen_epochs)
    # Dropout and the like draw from the global generator: the same in a resumed run.
    torch.manual_seed(derive_seed(config.seed, epoch, world.rank))
    batches = list(
        identity_batches(
            identity,
            config.identities_per_batch,
            config.images_per_identity,
            seed=config.seed,
            epoch=epoch,
        )
    )
    shown = sum(len(rows) for rows in batches)
    total = torch.zeros((), device=world.device)
    # None asks whether anybody watches.
    quiet = None if world.is_main else True
    title = f"epoch {epoch + 1}/{config.epochs}"
    with tqdm(total=shown, desc=title, unit=" images", leave=False, disable=quiet) as bar:
        for index, rows in enumerate(batches):
            rate = schedule(epoch + index / len(batches))
            for group, base in zip(learner.optimizer.param_groups, learner.base_rates, strict=True):
                group["lr"] = base * rate
            own = local_batch(rows, config.images_per_identity, world.rank, world.world_size)
            batch = torch.from_numpy(images[own]).to(world.device).permute(0, 3, 1, 2)
            if augmentation is not None:
                generator = torch.Generator(world.device)
                generator.manual_seed(derive_seed(config.seed, epoch, index, world.rank))
                batch = augment(batch, augmentation, generator)
            named = torch.from_numpy(identity[rows]).to(world.device)
            total += _step(learner, batch, named, config.precision, world)
            state.steps += 1
            update_ema(learner, min(config.ema_decay, state.steps / (state.steps + 10)))
            bar.update(len(rows))
            if index % 10 == 9 and not bar.disable:
                bar.set_postfix(loss=f"{float(total) / (index + 1):.3f}", rate=f"{rate:.2g}")
    return {
        "epoch": epoch + 1,
        "loss": float(total) / len(batches),
        "learning_rate": float(learner.optimizer.param_groups[0]["lr"]),
        "images_per_second": shown / (time.perf_counter() - started),
    }


def _step(
    learner: _Learner, batch: Tensor, identity: Tensor, precision: torch.dtype, world: World
) -> Tensor:
    """One step of the optimiser; the loss of the whole batch, of all processes."""
    with torch.autocast(world.device.type, precision, precision != torch.float32):
        feature, embedding = learner.model(batch)
    # Every process sees the whole batch here, so that the hardest pairs are those of one process.
    loss: Tensor = learner.criterion(
        all_gather(feature.float(), world), all_gather(embedding.float(), world), identity
    )
    learner.optimizer.zero_grad()
    learner.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    average_gradients([learner.model, learner.criterion], world)
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    return loss.detach()


def _check(images: NDArray[np.uint8], identity: NDArray[np.int64]) -> None:
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise ValueError(f"images must be uint8 (N, H, W, 3), got {images.dtype} {images.shape}")
    if len(images) != len(identity):
        raise ValueError(f"one identity per image: got {len(identity)} for {len(images)} images")


def _groups(modules: Iterable[nn.Module], weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: matrices and filters decay, norms, biases and scalars do not."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _set_mode(learner: _Learner, *, frozen: bool) -> None:
    learner.model.train()
    learner.model.backbone.train(not frozen)
    for parameter in learner.model.backbone.parameters():
        parameter.requires_grad_(not frozen)


@torch.no_grad()
def update_ema(learner: _Learner, decay: float) -> None:
    """Move the average towards the model: parameters and running statistics."""
    own, new = learner.ema.state_dict(), learner.model.state_dict()
    names = [name for name, value in own.items() if value.is_floating_point()]
    torch._foreach_lerp_([own[n] for n in names], [new[n] for n in names], 1 - decay)


def derive_seed(*numbers: int) -> int:
    """One seed out of several, the same on every machine and in every Python."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
