"""Model, loss, optimiser and averaged weights of a training run, and one optimiser step."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from deepsort_reid.reid.models.reid_model import ReidModel
from deepsort_reid.reid.training.distillation import BatchTargets, DistillationLoss
from deepsort_reid.reid.training.distributed import (
    World,
    all_gather,
    average_gradients,
    broadcast_state,
    sync_batch_norm,
)
from deepsort_reid.reid.training.losses import CombinedLoss

MakeOptimizer = Callable[[Iterable[dict[str, Any]]], torch.optim.Optimizer]


@dataclass(frozen=True)
class Learner:
    """Everything that an optimiser step changes."""

    model: ReidModel
    ema: ReidModel
    criterion: CombinedLoss | DistillationLoss
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    base_rates: tuple[float, ...]  # learning rates of the parameter groups, before the schedule

    def modules(self) -> dict[str, Any]:
        """Arguments of `save_training` and `restore_training`."""
        names = ("model", "ema", "criterion", "optimizer", "scaler")
        return {name: getattr(self, name) for name in names}


def make_learner(
    model: ReidModel,
    criterion: CombinedLoss | DistillationLoss,
    optimizer: MakeOptimizer,
    world: World,
    *,
    weight_decay: float,
    sync_bn: bool,
    precision: torch.dtype,
) -> Learner:
    """Move model and loss to the device, and make the optimiser and a copy for the average.

    All processes start from the parameters of the main process. weight_decay: of weight matrices.
    sync_bn: see `sync_batch_norm`. precision: float16 needs a gradient scaler.
    """
    model.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    criterion.to(world.device)
    broadcast_state(model, world)
    broadcast_state(criterion, world)
    ema = copy.deepcopy(model).eval().requires_grad_(False)
    if sync_bn:
        sync_batch_norm(model, world)
    made = optimizer(_parameter_groups([model, criterion], weight_decay))
    return Learner(
        model,
        ema,
        criterion,
        made,
        torch.amp.GradScaler(world.device.type, enabled=precision == torch.float16),
        tuple(group["lr"] for group in made.param_groups),
    )


def train_step(
    learner: Learner,
    batch: Tensor,
    labels: Tensor | BatchTargets,
    precision: torch.dtype,
    world: World,
) -> Tensor:
    """One optimiser step; returns the loss of the whole batch over all processes.

    batch: images of this process. labels: those of the whole batch, as the criterion takes them.
    """
    with torch.autocast(world.device.type, precision, precision != torch.float32):
        feature, embedding = learner.model(batch)
    # Gathered, so that the hardest pairs are those of the whole batch.
    loss: Tensor = learner.criterion(
        all_gather(feature.float(), world), all_gather(embedding.float(), world), labels
    )
    learner.optimizer.zero_grad()
    learner.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    average_gradients([learner.model, learner.criterion], world)
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    return loss.detach()


def set_mode(learner: Learner, *, frozen: bool) -> None:
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


def _parameter_groups(modules: Iterable[nn.Module], weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: weight matrices with decay; norms, biases and scalars without."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
