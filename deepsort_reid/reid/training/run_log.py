"""Logs of a training run: config.json, metrics.csv, curves.png and TensorBoard events."""

import csv
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deepsort_reid.io.atomic import write_atomically

_log = logging.getLogger(__name__)


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write `config.json`: the arguments, data and versions of the run."""
    text = json.dumps(description, indent=2, default=str)
    write_atomically(folder / "config.json", text.encode())


def write_history(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write `metrics.csv` and `curves.png` with one row and one point per epoch."""
    if not history:
        return
    columns = list(dict.fromkeys(key for row in history for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_atomically(folder / "metrics.csv", text.getvalue().encode())
    write_atomically(folder / "curves.png", _curves(history, columns))


@contextmanager
def open_events(folder: Path, epochs_done: int) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Yield a function that writes one row of metrics to TensorBoard event files.

    Without the package tensorboard the function does nothing; the log says which is the case.
    Events of an earlier run after epoch `epochs_done` are purged.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        _log.info("no TensorBoard events: tensorboard is not installed (pip install tensorboard)")
        yield lambda row: None
        return
    _log.info("TensorBoard events are written: tensorboard --logdir %s", folder)
    with SummaryWriter(str(folder), purge_step=epochs_done + 1) as writer:

        def write(row: Mapping[str, float]) -> None:
            for name, value in row.items():
                writer.add_scalar(name, value, int(row["epoch"]))
            writer.flush()

        yield write


def _curves(history: Sequence[Mapping[str, float]], columns: Sequence[str]) -> bytes:
    """One plot for each column against the epoch, as PNG."""
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
