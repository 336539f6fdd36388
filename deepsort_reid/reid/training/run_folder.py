"""Files of a run folder that are read without torch."""

import json
from pathlib import Path
from typing import Any


def run_folder_of(path: Path | str) -> Path:
    """The run folder of a checkpoint file; a folder is returned as it is."""
    path = Path(path)
    return path if path.is_dir() else path.parent


def checkpoint_file(path: Path | str, *, prefer_best: bool = False) -> Path:
    """The checkpoint file of a run folder; a file is returned as it is.

    prefer_best: best.pt where it exists, else last.pt; False: last.pt. Raises FileNotFoundError.
    """
    path = Path(path)
    if path.is_dir():
        best = path / "best.pt"
        path = best if prefer_best and best.is_file() else path / "last.pt"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such checkpoint; a training run writes last.pt and best.pt"
        )
    return path


def read_description(path: Path | str) -> dict[str, Any]:
    """Description of the run of a checkpoint or run folder, from config.json or the checkpoint.

    Raises FileNotFoundError without a checkpoint, ValueError when a file cannot be parsed or was
    not written by `deepsort-reid train`.
    """
    file = run_folder_of(path) / "config.json"
    if file.is_file():
        try:
            description = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{file}: not a JSON file ({error})") from error
    else:
        from deepsort_reid.reid.training.checkpoint import load_checkpoint

        file = checkpoint_file(path)
        description = load_checkpoint(file).get("description")
    keys = ("architecture", "arguments", "identities")
    if not isinstance(description, dict) or any(key not in description for key in keys):
        raise ValueError(f"{file}: expected the options of a run of `deepsort-reid train`")
    return description
