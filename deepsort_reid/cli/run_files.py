"""The files of an output folder: which an earlier run wrote, and which a new one may replace."""

import json
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from deepsort_reid.io import detection_writer
from deepsort_reid.io.atomic import write_atomically

SUMMARY = "summary.json"
CHECKPOINT = ".checkpoint.npz"
FORCED_CHECKPOINT = ".checkpoint-on-disk.npz"
PAGE_STATE = ".page.npz"
# What only the continuation of a run needs. No other program has files of these names.
FOR_RESUMPTION = (
    *(CHECKPOINT, FORCED_CHECKPOINT, PAGE_STATE),
    *(detection_writer.ROWS, detection_writer.EMBEDDINGS),
)

# Every name that a run can have written: no other file is ever removed, whatever a summary says.
_NAMES = re.compile(
    r"tracks\.(txt|csv|jsonl)|people\.csv|video(-\d{6,})?\.(mp4|webm)|wall\.(mp4|webm)"
    r"|detections\.(txt|npz)|explanations\.txt|index\.html"
)


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of the last run in the folder; empty where there is none, or another file."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return summary if isinstance(summary, dict) else {}


def earlier_files(folder: Path) -> set[str]:
    """Names of the files that the last run in the folder wrote, as its summary lists them.

    A run that was killed while it removed what only its continuation needs does not list that.
    """
    files = read_summary(folder).get("files")
    named = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
    return {*FOR_RESUMPTION, *(name for name in named if _NAMES.fullmatch(name))}


def check_replaceable(folder: Path, names: list[str]) -> None:
    """Raise ValueError if a file to write exists that the last run in the folder did not write."""
    earlier = earlier_files(folder)
    if "files" in read_summary(folder):
        earlier.add(SUMMARY)
    for name in names:
        path = folder / name
        if name not in earlier and (path.exists() or path.is_symlink()):
            raise ValueError(
                f"{path}: expected a file of an earlier run or none, got one that is not listed "
                f"in {SUMMARY}; move it, or choose another folder with --out"
            )


def remove_earlier(folder: Path, written: Collection[str], inputs: Collection[Path]) -> None:
    """Remove the files that the last run in the folder wrote, except its summary.

    `inputs` of the new run are kept, unless it writes a file of that name: `written`.
    """
    kept = {path.resolve() for path in inputs if path.name not in written}
    for name in earlier_files(folder):
        if (folder / name).resolve() not in kept:
            (folder / name).unlink(missing_ok=True)
    # Left by a killed process while it replaced a file.
    for name in (SUMMARY, *FOR_RESUMPTION[:3], "index.html", "detections.npz"):
        for path in folder.glob(f".{name}.*"):
            if path.name.removeprefix(f".{name}.").isdecimal():
                path.unlink(missing_ok=True)


def write_summary_file(folder: Path, summary: dict[str, Any]) -> None:
    """Write summary.json, atomically. Raises OSError that names the file."""
    text = json.dumps(_to_strict_json(summary), indent=2, allow_nan=False)
    write_atomically(folder / SUMMARY, f"{text}\n")


def _to_strict_json(value: Any) -> Any:
    """Replace what JSON cannot hold: NaN by null, infinite numbers by "inf" and "-inf"."""
    if isinstance(value, dict):
        return {name: _to_strict_json(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
