"""Where a run folder has its checkpoints; needs no torch."""

from pathlib import Path


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
