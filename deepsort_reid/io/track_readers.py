"""Reading of the files of tracks that `track` writes: tracks.txt, tracks.csv and tracks.jsonl."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.csv_rows import read_rows
from deepsort_reid.io.mot import read_results
from deepsort_reid.structures.mot_rows import MotRows

TRACK_FILES = ("tracks.txt", "tracks.csv", "tracks.jsonl")
_CSV_COLUMNS = (
    *("frame", "time", "id", "person_id"),
    *("left", "top", "right", "bottom", "score", "class_id"),
)


class TrackRows(NamedTuple):
    """Boxes of tracks, and what the file says beside them.

    Attributes:
        rows: the boxes (R,); those without an id are left out.
        time: seconds (R,) of the frame of each; None where the file has no times.
        person_id: person (R,) of each as of its frame; None where the file has none.
    """

    rows: MotRows
    time: NDArray[np.float64] | None
    person_id: NDArray[np.int64] | None


def read_tracks(path: Path) -> TrackRows:
    """Read a file that `track` wrote; its name tells the format.

    Raises OSError when it cannot be read, and ValueError with file and line for an invalid row.
    """
    if path.suffix == ".csv":
        return _read_table(path, _csv_table(path))
    if path.suffix == ".jsonl":
        return _read_table(path, _json_table(path))
    rows = read_results(path)
    return TrackRows(rows[rows.id > 0], None, None)


def _csv_table(path: Path) -> list[list[float]]:
    table = []
    for line, row in read_rows(path, _CSV_COLUMNS, ["class_name"]):
        try:
            table.append([float(row[name] or "nan") for name in _CSV_COLUMNS])
        except ValueError:
            raise ValueError(f"{path}:{line}: expected numbers, got {row!r:.100}") from None
    return table


def _json_table(path: Path) -> list[list[float]]:
    table: list[list[float]] = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                table += _json_rows(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                raise ValueError(
                    f"{path}:{number}: expected an object with frame, time and tracks, got "
                    f"{line.strip()!r:.100}"
                ) from None
    return table


def _json_rows(entry: dict[str, Any]) -> list[list[float]]:
    time = float("nan") if entry["time"] is None else float(entry["time"])
    rows = []
    for each in entry["tracks"]:
        left, top, right, bottom = map(float, each["xyxy"])
        ids = int(entry["frame"]), time, int(each["id"]), int(each["person_id"])
        rows.append([*ids, left, top, right, bottom, float(each["score"]), int(each["class_id"])])
    return rows


def _read_table(path: Path, table: list[list[float]]) -> TrackRows:
    """The rows of a table with the columns of the CSV file, of which the times may be NaN."""
    values = np.array(table, dtype=np.float64).reshape(-1, len(_CSV_COLUMNS))
    values = values[values[:, 2] > 0]
    values = values[np.argsort(values[:, 0], kind="stable")]
    try:
        frame, id, class_id = (values[:, column].astype(np.int64) for column in (0, 2, 9))
        rows = MotRows(frame, id, values[:, 4:8], values[:, 8], class_id)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    _, count = np.unique(values[:, [0, 2]], axis=0, return_counts=True)
    if (count > 1).any():
        raise ValueError(f"{path}: an id is used twice in a frame")
    time = None if np.isnan(values[:, 1]).any() else values[:, 1]
    return TrackRows(rows, time, values[:, 3].astype(np.int64))
