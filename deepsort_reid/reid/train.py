"""The training loop: pictures and identities in, a run folder out."""

import copy
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from deepsort_reid.reid.augment import AugmentConfig, augment
from deepsort_reid.reid.checkpoint import load_checkpoint, load_state
from deepsort_reid.reid.losses import Combined
from deepsort_reid.reid.model import ReidModel
from deepsort_reid.reid.processes import (
    World,
    average_gradients,
    gather_rows,
    share_state,
    synchronised,
)
from deepsort_reid.reid.run_folder import (
    TrainState,
    save_training,
    write_description,
    write_history,
)
from deepsort_reid.reid.samplers import identity_batches, share_of_batch
from deepsort_reid.reid.schedules import Schedule

_log = logging.getLogger(__name__)

MakeOptimizer = Callable[[Iterable[dict[str, Any]]], torch.optim.Optimizer]
Validate = Callable[[ReidModel], Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """What the loop itself needs; the network, losses and optimiser come ready made."""

    epochs: int = 120
    people: int = 16  # in a batch
    images_each: int = 4  # of every person in a batch
    weight_decay: float = 0.05  # of matrices and filters; norms and biases have none
    frozen_epochs: int = 0  # the backbone keeps its weights and statistics for so long
    average_decay: float = 0.999  # of the moving average of the weights; 0 follows them at once
    precision: torch.dtype = torch.float32  # or bfloat16, float16: for autocast
    compile: bool = False  # torch.compile: needs a C++ compiler, a fifth faster on a CPU
    validate_every: int = 5  # epochs
    patience: int | None = None  # validations without a better mAP before it stops
    seed: int = 0


def train(
    model: ReidModel,
    criterion: Combined,
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
    """
    world = world or World()
    folder = Path(folder)
    if world.is_main:
        folder.mkdir(parents=True, exist_ok=True)
        write_description(folder, description)
    model.to(world.device, memory_format=torch.channels_last)
    criterion.to(world.device)
    share_state(model, world)
    share_state(criterion, world)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    synchronised(model, world)
    # One module that owns all that is learned, so that nothing is forgotten by step or checkpoint.
    learned = nn.ModuleDict({"model": model, "criterion": criterion})
    steps = optimizer(_groups(learned, config.weight_decay))
    base_rates = [group["lr"] for group in steps.param_groups]
    scaler = torch.amp.GradScaler(world.device.type, enabled=config.precision == torch.float16)
    state = TrainState()
    if resume is not None:
        state = _restore(resume, model, average, criterion, steps, scaler)
    forward = torch.compile(model) if config.compile else model

    def save(name: str) -> None:
        if world.is_main:
            save_training(
                folder / name,
                model=model,
                average=average,
                criterion=criterion,
                optimizer=steps,
                scaler=scaler,
                state=state,
                description=description,
            )

    save("last.pt")
    for epoch in range(state.epoch, config.epochs):
        started = time.perf_counter()
        _set_mode(learned, frozen=epoch < config.frozen_epochs)
        # Dropout and the like draw from the global generator: the same in a resumed run.
        torch.manual_seed(_mix(config.seed, epoch, world.rank))
        batches = list(
            identity_batches(
                identity, config.people, config.images_each, seed=config.seed, epoch=epoch
            )
        )
        total = torch.zeros((), device=world.device)
        bar = tqdm(
            batches, f"epoch {epoch + 1}/{config.epochs}", disable=_quiet(world), leave=False
        )
        for index, rows in enumerate(bar):
            rate = schedule(epoch + index / len(batches))
            for group, base in zip(steps.param_groups, base_rates, strict=True):
                group["lr"] = base * rate
            own = share_of_batch(rows, config.images_each, world.rank, world.processes)
            batch = torch.from_numpy(images[own]).to(world.device).permute(0, 3, 1, 2)
            if augmentation is not None:
                generator = torch.Generator(world.device)
                generator.manual_seed(_mix(config.seed, epoch, index, world.rank))
                batch = augment(batch, augmentation, generator)
            with torch.autocast(
                world.device.type, config.precision, config.precision != torch.float32
            ):
                feature, embedding = forward(batch)
            loss = criterion(
                gather_rows(feature.float(), world),
                gather_rows(embedding.float(), world),
                torch.from_numpy(identity[rows]).to(world.device),
            )
            steps.zero_grad()
            scaler.scale(loss).backward()
            average_gradients(learned, world)
            scaler.step(steps)
            scaler.update()
            state.steps += 1
            _follow(average, model, min(config.average_decay, state.steps / (state.steps + 10)))
            total += loss.detach()
            if index % 10 == 9:
                bar.set_postfix(loss=f"{float(total) / (index + 1):.3f}", rate=f"{rate:.2g}")
        seconds = time.perf_counter() - started
        row = {
            "epoch": epoch + 1.0,
            "loss": float(total) / len(batches),
            "learning_rate": steps.param_groups[0]["lr"],
            "images_per_second": len(batches) * config.people * config.images_each / seconds,
        }
        if not math.isfinite(row["loss"]):
            raise ValueError(
                f"the loss became {row['loss']} in epoch {epoch + 1}; start again from "
                f"{folder / 'last.pt'} or from scratch with a lower learning rate"
            )
        state.epoch = epoch + 1
        is_last = state.epoch == config.epochs
        if validate is not None and (is_last or state.epoch % config.validate_every == 0):
            row.update(validate(average))
            state.misses += 1
            if row["mAP"] > state.best:
                state.best, state.misses = row["mAP"], 0
        state.history.append(row)
        if state.best == row.get("mAP"):
            save("best.pt")
        save("last.pt")
        if world.is_main:
            write_history(folder, state.history)
        _log.info(" ".join(f"{key} {value:.5g}" for key, value in row.items()))
        if config.patience is not None and state.misses >= config.patience:
            _log.info("no better mAP for %d validations: stopped", state.misses)
            break
    return state.history


def _groups(learned: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: matrices and filters decay, norms, biases and scalars do not."""
    parameters = [p for p in learned.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _set_mode(learned: nn.ModuleDict, *, frozen: bool) -> None:
    learned.train()
    backbone = learned["model"].backbone
    backbone.train(not frozen)
    for parameter in backbone.parameters():
        parameter.requires_grad_(not frozen)
        if frozen:
            parameter.grad = None


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the average towards the model: parameters and running statistics."""
    own, new = average.state_dict(), model.state_dict()
    names = [name for name, value in own.items() if value.is_floating_point()]
    torch._foreach_lerp_([own[n] for n in names], [new[n] for n in names], 1 - decay)


def _mix(*numbers: int) -> int:
    """One seed out of several, the same on every machine and in every Python."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _quiet(world: World) -> bool | None:
    """Bars of the first process only, and none where nobody watches (None asks the terminal)."""
    return None if world.is_main else True


def _restore(
    resume: Path | str,
    model: nn.Module,
    average: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> TrainState:
    saved = load_checkpoint(resume)
    load_state(model, saved["model"], resume)
    load_state(average, saved["average"], resume)
    load_state(criterion, saved["criterion"], resume)
    try:
        optimizer.load_state_dict(saved["optimizer"])
    except (ValueError, KeyError) as error:
        raise ValueError(f"{resume} was trained with another optimiser ({error})") from error
    scaler.load_state_dict(saved["scaler"])
    return TrainState(**saved["state"])
