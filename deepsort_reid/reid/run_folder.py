"""What a training leaves behind: config, metrics, curves, checkpoints."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from deepsort_reid.reid.checkpoint import save_checkpoint, write_atomically


@dataclass
class TrainState:
    """How far a training has come."""

    epoch: int = 0  # finished ones
    steps: int = 0
    best: float = -1.0  # highest mAP of a validation
    misses: int = 0  # validations since then
    history: list[dict[str, float]] = field(default_factory=list)  # one row per epoch


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """`config.json`: everything the run was started with."""
    text = json.dumps(description, indent=2, default=str)
    write_atomically(folder / "config.json", text.encode())


def write_history(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """`metrics.csv` and `curves.png`: one row and one point per epoch."""
    if not history:
        return
    columns = list(dict.fromkeys(key for row in history for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_atomically(folder / "metrics.csv", text.getvalue().encode())
    write_atomically(folder / "curves.png", _curves(history, columns))


def save_training(
    path: Path,
    *,
    model: nn.Module,
    average: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    state: TrainState,
    description: Mapping[str, Any],
) -> None:
    """A checkpoint that `restore_training` continues exactly."""
    save_checkpoint(
        path,
        {
            "architecture": description["architecture"],
            "description": json.loads(json.dumps(description, default=str)),
            "model": model.state_dict(),
            "average": average.state_dict(),
            "criterion": criterion.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scaler": scaler.state_dict(),
            "state": dict(vars(state)),
        },
    )


def _curves(history: Sequence[Mapping[str, float]], columns: Sequence[str]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [name for name in columns if name not in ("epoch", "images_per_second")]
    figure = Figure(figsize=(4 * len(shown), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        points = [(row["epoch"], row[name]) for row in history if name in row]
        axis.plot(*zip(*points, strict=True), marker="." if len(points) < 30 else "")
        axis.set(xlabel="epoch", title=name)
        axis.grid(alpha=0.3)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return image.getvalue()
