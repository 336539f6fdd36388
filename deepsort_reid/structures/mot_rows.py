"""Boxes of many frames as columns: ground truth, detections and results of MOT sequences."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes

# Largest magnitude of a coordinate, in pixels: products of areas are far from overflow.
MAX_COORDINATE = 1e12


@dataclass(frozen=True, eq=False)
class MotRows:
    """Boxes of many frames, one row per box; validated on creation.

    Args:
        frame: frame number (R,), from 1, stored as int64. Readers return rows sorted by it.
        id: identity (R,), stored as int64; -1 for detections.
        xyxy: boxes (R, 4): left, top, right, bottom in pixels, stored as float64, up to 1e12.
        score: detector score, or the consider flag (0 or 1) of ground truth (R,); 1 if None.
        class_id: class number (R,), stored as int64, 1 = pedestrian in MOT16 to MOT20; -1 if None.
        visibility: visible fraction of the box (R,), 0 to 1; NaN if None.

    Raises:
        ValueError: an argument is not as described; the message names the column and the row.
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
            "frame": _int_column(self.frame, "frame", n),
            "id": _int_column(self.id, "id", n),
            "xyxy": xyxy,
            "score": _float_column(self.score, "score", n, default=1.0),
            "class_id": _int_column(
                np.full(n, -1) if self.class_id is None else self.class_id, "class_id", n
            ),
            "visibility": _float_column(self.visibility, "visibility", n, default=np.nan),
        }
        _require_all(given["frame"] >= 1, "frame must be 1 or more", given["frame"])
        _require_all(
            np.asarray((np.abs(xyxy) <= MAX_COORDINATE).all(axis=1)),
            f"xyxy must be pixels from {-MAX_COORDINATE:.0e} to {MAX_COORDINATE:.0e}",
            xyxy,
        )
        extent = xyxy[:, 2:] - xyxy[:, :2]
        _require_all(
            np.asarray((extent > 0).all(axis=1)),
            "xyxy must have right > left and bottom > top",
            xyxy,
        )
        _require_all(np.isfinite(given["score"]), "score must be finite", given["score"])
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @classmethod
    def empty(cls) -> "MotRows":
        """No rows."""
        return cls.concatenate([])

    @classmethod
    def concatenate(cls, parts: Iterable["MotRows"]) -> "MotRows":
        """All rows of the parts, in the given order."""
        parts = list(parts)
        if not parts:
            none = np.empty(0, dtype=np.int64)
            return cls(none, none, np.empty((0, 4)))
        return unchecked_rows(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            )
        )

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, rows: Any) -> "MotRows":
        """Select rows by a boolean mask (R,), row numbers, a slice or a single number."""
        if isinstance(rows, int | np.integer):
            rows = [rows]
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.size == 0 and rows.dtype != bool:
                rows = rows.astype(np.intp)
        return unchecked_rows(*(getattr(self, field.name)[rows] for field in fields(self)))


def unchecked_rows(*columns: Any) -> MotRows:
    """Make MotRows from columns that are already checked, in the order of its fields."""
    made = object.__new__(MotRows)
    for field, column in zip(fields(MotRows), columns, strict=True):
        object.__setattr__(made, field.name, column)
    return made


def _int_column(values: ArrayLike, name: str, n: int) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.shape != (n,):
        raise ValueError(f"one {name} per box: expected shape ({n},), got {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        is_whole = (np.abs(array) < 2.0**63) & (np.round(array) == array)
        _require_all(is_whole, f"{name} must be whole numbers", array)
    return array.astype(np.int64)


def _float_column(
    values: ArrayLike | None, name: str, n: int, default: float
) -> NDArray[np.float64]:
    if values is None:
        return np.full(n, default)
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n,):
        raise ValueError(f"one {name} per box: expected shape ({n},), got {array.shape}")
    return array


def _require_all(valid: NDArray[np.bool_], rule: str, values: NDArray[Any]) -> None:
    if not valid.all():
        row = int(np.flatnonzero(~valid)[0])
        raise ValueError(f"{rule}, got {values[row].tolist()} in row {row}")
