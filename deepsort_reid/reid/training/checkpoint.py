"""Files that a training leaves and can start from; a file is complete or not there at all."""

import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.reid.models.backbones import BACKBONES
from deepsort_reid.reid.models.reid_model import GeM, GlobalAvgPool, Head, ReidModel
from deepsort_reid.reid.training.distributed import World, broadcast_from_main

FORMAT = 1
_KEYS = ("format", "architecture", "model", "ema")


@dataclass
class TrainState:
    """How far a training has come."""

    epoch: int = 0  # finished ones
    steps: int = 0
    best_map: float = -1.0  # highest mAP of a validation
    validations_without_improvement: int = 0  # validations since then
    history: list[dict[str, float]] = field(default_factory=list)  # one row per epoch


def save_training(
    path: Path,
    state: TrainState,
    description: Mapping[str, Any],
    *,
    model: nn.Module,
    ema: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> None:
    """Write a checkpoint that `restore_training` continues exactly; see `write_atomically`."""
    buffer = io.BytesIO()
    torch.save(
        {
            "format": FORMAT,
            "architecture": description["architecture"],
            "description": json.loads(json.dumps(description, default=str)),
            "model": model.state_dict(),
            "ema": ema.state_dict(),
            "criterion": criterion.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scaler": scaler.state_dict(),
            "state": dict(vars(state)),
        },
        buffer,
    )
    write_atomically(path, buffer.getvalue())


def restore_training(
    path: Path | str,
    *,
    model: nn.Module,
    ema: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> TrainState:
    """Bring everything back to where `save_training` left it.

    Raises FileNotFoundError, or ValueError in one line when the file is damaged or of another
    network, loss, set of people or optimiser.
    """
    saved = load_checkpoint(path)
    load_state(model, saved["model"], path)
    load_state(ema, saved["ema"], path)
    try:
        load_state(criterion, saved["criterion"], path)
        optimizer.load_state_dict(saved["optimizer"])
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"{path} was trained with other losses, people or another optimiser; resume with the "
            "data and the arguments in its config.json, or use --init-from for new data"
        ) from error
    scaler.load_state_dict(saved["scaler"])
    return TrainState(**saved["state"])


def run_folder_of(path: Path | str) -> Path:
    """The run folder that a checkpoint, or the folder itself, stands for."""
    path = Path(path)
    return path if path.is_dir() else path.parent


def check_output_folder(folder: Path | str, resume: Path | str | None, world: World) -> None:
    """Raise ValueError where `folder` holds checkpoints of another training than `resume`.

    They would stay beside the new ones, and an old best.pt would pass for the best of this one.
    """
    folder = Path(folder)

    def problem() -> str | None:
        if resume is not None and folder.resolve() == run_folder_of(resume).resolve():
            return None
        there = [name for name in ("last.pt", "best.pt") if (folder / name).exists()]
        if not there:
            return None
        return (
            f"{folder} holds {' and '.join(there)} of another training: give --out another folder, "
            f"or continue that training with --resume {folder}"
        )

    # One process looks, for all: soon it writes such files itself.
    found = broadcast_from_main(problem, world)
    if found is not None:
        raise ValueError(found)


def load_checkpoint(path: Path | str) -> dict[str, Any]:
    """What `save_training` wrote, on the CPU; of a folder, its last.pt.

    Raises FileNotFoundError, or ValueError when the file is not such a checkpoint.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "last.pt"
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}; a training run leaves last.pt and best.pt")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} is damaged or not a checkpoint ({reason}); use another, such as best.pt"
        ) from error
    if not isinstance(state, dict) or any(key not in state for key in _KEYS):
        raise ValueError(f"{path} is not a checkpoint of `deepsort-reid train`; start from last.pt")
    return state


def build_model(architecture: Mapping[str, Any], weights: Path | str | None = None) -> ReidModel:
    """The network that `architecture` describes, with random or the given backbone weights.

    Keys: backbone (a name in BACKBONES), embedding_dim, pooling ("average" or "gem"), parts.
    """
    name = architecture["backbone"]
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}: choose one of {', '.join(BACKBONES)}")
    backbone, width = BACKBONES[name](weights)
    pooling = {"average": GlobalAvgPool, "gem": GeM}[architecture["pooling"]]()
    head = Head(width, architecture["embedding_dim"], pooling=pooling, parts=architecture["parts"])
    return ReidModel(backbone, head)


def load_model(path: Path | str, *, ema: bool = True) -> tuple[ReidModel, dict[str, Any]]:
    """The trained network of a checkpoint, in evaluation mode, and the whole checkpoint.

    Of a run folder, best.pt where validation chose one.
    `ema` takes the moving average of the weights, which is what validation scored.
    """
    path = Path(path)
    if path.is_dir() and (path / "best.pt").is_file():
        path = path / "best.pt"
    state = load_checkpoint(path)
    model = build_model(state["architecture"])
    load_state(model, state["ema" if ema else "model"], path)
    return model.eval(), state


def load_state(module: nn.Module, state: Mapping[str, Any], path: Path | str) -> None:
    """Put weights into a module; ValueError in one line when they are of another one."""
    own = module.state_dict()
    missing = sorted(own.keys() - state.keys())
    extra = sorted(state.keys() - own.keys())
    shapes = [
        f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}"
        for key in own.keys() & state.keys()
        if own[key].shape != state[key].shape
    ]
    if missing or extra or shapes:
        first = (
            [f"lacks {key}" for key in missing[:1]]
            + [f"has {key}" for key in extra[:1]]
            + [f"has {text}" for text in sorted(shapes)[:1]]
        )
        raise ValueError(
            f"{path} is of another architecture ({', '.join(first)}); give the same backbone, "
            "embedding width, pooling and parts as in its config.json"
        )
    module.load_state_dict(state)
