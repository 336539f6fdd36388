"""MOTChallenge files <-> `MotRows`: ground truth, detections and results in one type.

One line is one box: `frame, id, left, top, width, height, score, ...`, frames and pixels counted
from 1 and box positions taken as they stand. What follows the score depends on the year: MOT16, 17
and 20 have class and visibility (9 columns), MOT15 has world coordinates x, y, z (10 columns).
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid import boxes
from deepsort_reid.detections import Detections
from deepsort_reid.mot_folders import Sequence, find_sequences, read_sequence
from deepsort_reid.mot_text import Kind, has_class, read_table
from deepsort_reid.tracks import Tracks

__all__ = [
    "MotRows",
    "ResultWriter",
    "Sequence",
    "detections_of",
    "find_sequences",
    "read_detections",
    "read_ground_truth",
    "read_results",
    "read_sequence",
    "write_rows",
]


@dataclass(frozen=True, eq=False)
class MotRows:
    """Boxes of many frames, one row per box: ground truth, detections and results alike.

    Args:
        frame: number of the frame (R,), from 1, stored as int64. Readers give rows sorted by it.
        id: identity (R,), stored as int64; -1 for detections.
        xyxy: left, top, right, bottom in pixels (R, 4), stored as float64.
        score: detector's score, or the consider flag (0 or 1) of a ground truth (R,); 1 if None.
        class_id: (R,), stored as int64, 1 = pedestrian in MOT16 to MOT20; -1 where unknown.
        visibility: visible share of the box (R,); NaN where unknown.

    Raises:
        ValueError: a length, shape or value is not as above; the message names field and row.
    """

    frame: NDArray[np.int64]
    id: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    score: NDArray[np.float64] = None  # type: ignore[assignment]  # filled in __post_init__
    class_id: NDArray[np.int64] = None  # type: ignore[assignment]
    visibility: NDArray[np.float64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        xyxy = boxes.as_boxes(self.xyxy)
        n = len(xyxy)
        given = {
            "frame": _whole(self.frame, "frame", n),
            "id": _whole(self.id, "id", n),
            "xyxy": xyxy,
            "score": _real(self.score, "score", n, default=1.0),
            "class_id": _whole(
                np.full(n, -1) if self.class_id is None else self.class_id, "class_id", n
            ),
            "visibility": _real(self.visibility, "visibility", n, default=np.nan),
        }
        _require(given["frame"] >= 1, "frame must be 1 or more", given["frame"])
        extent = xyxy[:, 2:] - xyxy[:, :2]
        _require(
            np.asarray((extent > 0).all(axis=1)),
            "xyxy must have right > left and bottom > top",
            xyxy,
        )
        _require(np.isfinite(given["score"]), "score must be finite", given["score"])
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @classmethod
    def empty(cls) -> "MotRows":
        """No row at all."""
        return cls.concatenate([])

    @classmethod
    def concatenate(cls, parts: Iterable["MotRows"]) -> "MotRows":
        """The rows of all parts, one after the other, in the order given."""
        parts = list(parts)
        if not parts:
            whole = np.empty(0, dtype=np.int64)
            return cls(whole, whole, np.empty((0, 4)))
        return _unchecked(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            )
        )

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, rows: Any) -> "MotRows":
        """The rows of a boolean mask (R,), of an array of row numbers, or of a slice."""
        if isinstance(rows, int | np.integer):
            rows = [rows]
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.size == 0 and rows.dtype != bool:
                rows = rows.astype(np.intp)
        return _unchecked(*(getattr(self, field.name)[rows] for field in fields(self)))


def _unchecked(*columns: Any) -> MotRows:
    """Rows of something already checked need no second check."""
    made = object.__new__(MotRows)
    for field, column in zip(fields(MotRows), columns, strict=True):
        object.__setattr__(made, field.name, column)
    return made


def _whole(values: ArrayLike, name: str, n: int) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.shape != (n,):
        raise ValueError(f"one {name} per box: expected shape ({n},), got {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        _require(np.round(array) == array, f"{name} must be whole numbers", array)
    return array.astype(np.int64)


def _real(values: ArrayLike | None, name: str, n: int, default: float) -> NDArray[np.float64]:
    if values is None:
        return np.full(n, default)
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n,):
        raise ValueError(f"one {name} per box: expected shape ({n},), got {array.shape}")
    return array


def _require(fine: NDArray[np.bool_], rule: str, values: NDArray[Any]) -> None:
    if not fine.all():
        row = int(np.flatnonzero(~fine)[0])
        raise ValueError(f"{rule}, got {values[row].tolist()} in row {row}")


def detections_of(rows: MotRows, frame: int) -> Detections:
    """The boxes of one frame as the tracker takes them, in the order of the rows."""
    here = np.flatnonzero(rows.frame == frame)
    # 0 is what Detections has where nobody named a class.
    return Detections(rows.xyxy[here], rows.score[here], np.maximum(rows.class_id[here], 0))


def read_ground_truth(path: str | os.PathLike[str]) -> MotRows:
    """Read a gt.txt of MOT15, 16, 17 or 20; `score` holds the consider flag.

    Rows come sorted by frame (stable). Read with one meaning only: spaces around commas, columns
    split by blanks, Windows line ends, blank lines, `#` comments, a header line, 7.0 for 7.

    Raises:
        ValueError: a row that cannot be meant, with file and line: columns missing or differing,
            a frame below 1, an id that is no whole number or negative, the same id twice in a
            frame, width or height not positive, NaN or infinity, a consider flag that is a
            fraction (0 takes a box out, any other whole number keeps it); a header that names
            right and bottom, where MOT has width and height.
        OSError: the file cannot be read.
    """
    return _read(Path(path), "gt")


def read_results(path: str | os.PathLike[str]) -> MotRows:
    """Read a tracker's result file; tolerant and strict as `read_ground_truth` is."""
    return _read(Path(path), "result")


def read_detections(path: str | os.PathLike[str]) -> MotRows:
    """Read a det.txt (MOT15 to MOT20, or any 7 columns); `id` is -1, `score` is as it stands.

    Tolerant and strict as `read_ground_truth` is; the id column is not looked at.
    """
    return _read(Path(path), "det")


def _read(path: Path, kind: Kind) -> MotRows:
    table = read_table(path, kind)
    n, n_columns = table.shape
    visibility = table[:, 8].copy() if n_columns == 9 else np.full(n, np.nan)
    visibility[visibility < 0] = np.nan
    return _unchecked(
        table[:, 0].astype(np.int64),
        np.full(n, -1) if kind == "det" else table[:, 1].astype(np.int64),
        boxes.tlwh_to_xyxy(table[:, 2:6]),
        table[:, 6].copy() if n_columns > 6 else np.ones(n),
        table[:, 7].astype(np.int64) if has_class(table) else np.full(n, -1),
        visibility,
    )


def write_rows(path: str | os.PathLike[str], rows: MotRows, kind: Kind) -> None:
    """Write a gt (9 columns), det or result file (10 columns), in the order of the rows.

    The file appears whole or not at all. Numbers keep ten significant digits.
    """
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    tlwh = boxes.xyxy_to_tlwh(rows.xyxy)
    head = np.column_stack([rows.frame, np.full(len(rows), -1) if kind == "det" else rows.id])
    tail = np.full((len(rows), 3), -1.0)
    if kind == "gt":
        tail = np.column_stack([rows.class_id, np.nan_to_num(rows.visibility, nan=-1)])
    table = np.column_stack([head, tlwh, rows.score, tail])
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            np.savetxt(file, table, fmt="%.10g", delimiter=",")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class ResultWriter:
    """Writes a result file while the tracker runs; after each frame the file is complete on disk.

    Args:
        path: the file; an older one of this name is replaced.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = self.path.open("w", encoding="utf-8", newline="\n")

    def append(self, frame: int, tracks: Tracks) -> None:
        """Add the tracks of one frame (numbered from 1); those without an id are left out."""
        if frame < 1:
            raise ValueError(f"frame must be 1 or more, got {frame}")
        named = tracks[tracks.id > 0]
        tlwh = boxes.xyxy_to_tlwh(named.xyxy)
        self._file.write(
            "".join(
                f"{frame},{id},{x:.10g},{y:.10g},{w:.10g},{h:.10g},{score:.6g},-1,-1,-1\n"
                for id, (x, y, w, h), score in zip(
                    named.id.tolist(), tlwh.tolist(), named.score.tolist(), strict=True
                )
            )
        )
        self._file.flush()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> "ResultWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
