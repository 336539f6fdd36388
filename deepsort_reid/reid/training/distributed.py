"""Data-parallel training in several processes started by torchrun.

Every process works on its share of a batch. Features are gathered, so that each process computes
the loss of the whole batch, and gradients are averaged. With `sync_batch_norm` the result equals
that of one process with the whole batch, up to rounding.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

_CPU = torch.device("cpu")
T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """Rank of this process, number of processes and device."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = _CPU

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0


def init_distributed(device: str | None = None) -> World:
    """Join the process group that torchrun describes in the environment; one process without it.

    device: None selects CUDA if it is available, else the CPU.

    Raises ValueError for a device that is not available.
    """
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = _device(kind)
    if world_size == 1:
        return World(device=chosen)
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    return World(dist.get_rank(), dist.get_world_size(), chosen)


def check_precision(precision: torch.dtype, world: World) -> None:
    """Raise ValueError for float16 on the CPU, where a step is many times slower than float32."""
    if precision == torch.float16 and world.device.type == "cpu":
        raise ValueError(
            "precision: float16 is too slow on the CPU; use bfloat16 or float32, or a CUDA device"
        )


def shutdown_distributed(world: World) -> None:
    """Leave the process group joined by `init_distributed`."""
    if world.world_size > 1:
        dist.destroy_process_group()


def all_gather(rows: Tensor, world: World) -> Tensor:
    """Rows of all processes in order of rank; gradients flow back to the rows of this process."""
    if world.world_size == 1:
        return rows
    gathered: Tensor = _AllGather.apply(rows, world)
    return gathered


def average_gradients(modules: Iterable[nn.Module], world: World) -> None:
    """Replace the gradient of every parameter by its mean over the processes."""
    if world.world_size == 1:
        return
    parameters = [p for module in modules for p in module.parameters()]
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world.world_size
    means = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def broadcast_state(module: nn.Module, world: World) -> None:
    """Copy parameters and buffers of the main process to all processes."""
    if world.world_size > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, 0)


def broadcast_from_main(compute: Callable[[], T], world: World) -> T:
    """Call `compute` in the main process and return its result in all processes."""
    if world.world_size == 1:
        return compute()
    value = [compute() if world.is_main else None]
    dist.broadcast_object_list(value, 0)
    return cast(T, value[0])


def sync_batch_norm(module: nn.Module, world: World) -> nn.Module:
    """Replace batch normalisation by one that computes its statistics over all processes.

    Works in place on the children of `module` and returns it. Names and shapes of parameters stay,
    so that checkpoints fit either way. torch.nn.SyncBatchNorm does not support the CPU.
    """
    if world.world_size == 1:
        return module
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return _SyncBatchNorm(module, world)
    for name, child in module.named_children():
        setattr(module, name, sync_batch_norm(child, world))
    return module


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    # torch raises these for an unknown name, a missing driver and a build without CUDA.
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n", 1)[0].split(". ", 1)[0][:100]
        raise ValueError(
            f"device {name!r} is not available ({reason}); use cpu, or cuda if there is a CUDA "
            "device"
        ) from error
    return device


class _AllGather(torch.autograd.Function):
    """all_gather with a gradient."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, world: World) -> Tensor:
        ctx.world, ctx.count = world, len(rows)
        parts = [torch.empty_like(rows) for _ in range(world.world_size)]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        # `average_gradients` divides by the number of processes, but the gradient of a row exists
        # in one process only: multiply here.
        start = ctx.world.rank * ctx.count
        return gradients[0][start : start + ctx.count] * ctx.world.world_size, None


class _AllReduceSum(torch.autograd.Function):
    """Sum over the processes, with a gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class _SyncBatchNorm(nn.Module):
    """Batch normalisation with statistics over all processes, on any device."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d, world: World) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.register_buffer("running_mean", norm.running_mean)
        self.register_buffer("running_var", norm.running_var)
        self.register_buffer("num_batches_tracked", norm.num_batches_tracked)
        self.eps, self.momentum = norm.eps, norm.momentum or 0.1
        self.num_features = norm.num_features
        self.world_size = world.world_size

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        reduced_axes = [0, *range(2, x.ndim)]
        shape = [1, -1] + [1] * (x.ndim - 2)
        x32 = x.float()
        count = x.numel() // x.shape[1] * self.world_size
        mean = _AllReduceSum.apply(x32.sum(reduced_axes)) / count
        centred = x32 - mean.view(shape)
        variance = _AllReduceSum.apply((centred * centred).sum(reduced_axes)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / max(count - 1, 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normalised: Tensor = centred * scale.view(shape) + self.bias.view(shape)
        return normalised.to(x.dtype)
