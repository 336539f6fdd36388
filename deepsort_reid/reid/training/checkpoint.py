"""Checkpoints of a training run: save, restore, and load the trained model."""

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
from deepsort_reid.reid.models.pooling import POOLINGS
from deepsort_reid.reid.models.reid_model import Head, ReidModel
from deepsort_reid.reid.training.distributed import World, broadcast_from_main
from deepsort_reid.reid.training.run_folder import checkpoint_file, run_folder_of

FORMAT = 1
_KEYS = ("format", "architecture", "ema")  # of every checkpoint
_TRAINING_KEYS = ("model", "criterion", "optimizer", "scaler")  # of last.pt only


@dataclass
class TrainState:
    """Progress of a training run."""

    epoch: int = 0  # finished epochs
    steps: int = 0  # optimiser steps
    best_score: float = -1.0  # highest of all validations
    validations_without_improvement: int = 0  # since `best_score`
    history: list[dict[str, float]] = field(default_factory=list)  # one row for each epoch


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
    """Write a checkpoint from which `restore_training` continues exactly.

    description: stored as JSON; its key "architecture" must hold what `build_model` takes.

    The file is written atomically. Raises OSError when it cannot be written.
    """
    weights, averaged = model.state_dict(), ema.state_dict()
    for name, value in weights.items():
        # torch.save stores a shared tensor once: averages that equal the weights, as those of a
        # frozen backbone, take no space.
        if torch.equal(averaged[name], value):
            averaged[name] = value
    training = {
        "model": weights,
        "criterion": criterion.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict(),
    }
    _write(path, {**_content(state, description, averaged), **training})


def save_model(
    path: Path, state: TrainState, description: Mapping[str, Any], ema: nn.Module
) -> None:
    """Write a checkpoint with the averaged weights only, for `load_model`.

    Arguments and errors as those of `save_training`.
    """
    _write(path, _content(state, description, ema.state_dict()))


def _content(
    state: TrainState, description: Mapping[str, Any], averaged: Mapping[str, Any]
) -> dict[str, Any]:
    """What every checkpoint holds."""
    return {
        "format": FORMAT,
        "architecture": description["architecture"],
        "description": json.loads(json.dumps(description, default=str)),
        "ema": averaged,
        "state": dict(vars(state)),
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
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
    """Restore all modules from a checkpoint in place and return the progress of its run.

    Raises FileNotFoundError, or ValueError when the file is damaged, holds the averaged weights
    only, or is of another architecture, loss, set of identities or optimiser.
    """
    saved = load_checkpoint(path)
    if any(key not in saved for key in _TRAINING_KEYS):
        raise ValueError(
            f"{path}: holds the averaged weights only; resume from last.pt, or use --init-from"
        )
    load_state(model, saved["model"], path)
    load_state(ema, saved["ema"], path)
    try:
        load_state(criterion, saved["criterion"], path)
        optimizer.load_state_dict(saved["optimizer"])
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"{path}: trained with other losses, identities or another optimiser; resume with the "
            "data and the arguments in its config.json, or use --init-from for new data"
        ) from error
    scaler.load_state_dict(saved["scaler"])
    return TrainState(**saved["state"])


def check_output_folder(folder: Path | str, resume: Path | str | None, world: World) -> None:
    """Raise ValueError when `folder` holds checkpoints of another run than `resume`.

    Otherwise an old best.pt could be taken for the best checkpoint of the new run.
    """
    folder = Path(folder)

    def error_message() -> str | None:
        if resume is not None and folder.resolve() == run_folder_of(resume).resolve():
            return None
        existing = [name for name in ("last.pt", "best.pt") if (folder / name).exists()]
        if not existing:
            return None
        return (
            f"{folder} holds {' and '.join(existing)} of another training run: choose another "
            f"folder with --out, or continue that run with --resume {folder}"
        )

    # Only the main process checks: it is also the one that writes these files.
    message = broadcast_from_main(error_message, world)
    if message is not None:
        raise ValueError(message)


def load_checkpoint(path: Path | str) -> dict[str, Any]:
    """Read a checkpoint to the CPU; for a run folder, its last.pt.

    Raises FileNotFoundError, or ValueError when the file is damaged or not such a checkpoint.
    """
    path = checkpoint_file(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise ValueError(
            f"{path}: damaged or not a checkpoint ({reason}); use another one, such as best.pt"
        ) from error
    if not isinstance(state, dict) or any(key not in state for key in _KEYS):
        raise ValueError(
            f"{path}: not a checkpoint of `deepsort-reid train`; give last.pt or best.pt of a run"
        )
    return state


def build_model(architecture: Mapping[str, Any], weights: Path | str | None = None) -> ReidModel:
    """Build the model that `architecture` describes.

    architecture: keys backbone (a name in BACKBONES), embedding_dim, pooling (a name in POOLINGS)
    and parts. weights: of the backbone, see `deepsort_reid.reid.models.backbones`; None: random.

    Raises ValueError for an unknown backbone.
    """
    name = architecture["backbone"]
    if name not in BACKBONES:
        raise ValueError(f"backbone: expected one of {', '.join(BACKBONES)}, got {name!r}")
    backbone, width = BACKBONES[name](weights)
    pooling = POOLINGS[architecture["pooling"]]()
    head = Head(width, architecture["embedding_dim"], pooling=pooling, parts=architecture["parts"])
    keys = ("backbone", "embedding_dim", "pooling", "parts")
    return ReidModel(backbone, head, {key: architecture[key] for key in keys})


def load_model(path: Path | str) -> tuple[ReidModel, dict[str, Any]]:
    """Load the trained model of a checkpoint in evaluation mode; also returns the checkpoint.

    Its weights are the moving averages, which validation scored. path: a checkpoint or a run
    folder, of which best.pt is preferred to last.pt. Raises as `load_checkpoint`.
    """
    path = checkpoint_file(path, prefer_best=True)
    state = load_checkpoint(path)
    model = build_model(state["architecture"])
    load_state(model, state["ema"], path)
    return model.eval(), state


def load_state(module: nn.Module, state: Mapping[str, Any], path: Path | str) -> None:
    """Load a state dict into a module; ValueError when names or shapes differ."""
    expected = module.state_dict()
    missing = sorted(expected.keys() - state.keys())
    extra = sorted(state.keys() - expected.keys())
    shapes = [
        f"{key} {tuple(state[key].shape)} for {tuple(expected[key].shape)}"
        for key in expected.keys() & state.keys()
        if expected[key].shape != state[key].shape
    ]
    if missing or extra or shapes:
        first = (
            [f"missing {key}" for key in missing[:1]]
            + [f"unexpected {key}" for key in extra[:1]]
            + [f"shape of {text}" for text in sorted(shapes)[:1]]
        )
        raise ValueError(
            f"{path}: another architecture ({', '.join(first)}); give the same backbone, embedding "
            "dimension, pooling and parts as in its config.json"
        )
    module.load_state_dict(state)
