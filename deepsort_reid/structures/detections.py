"""Detections of one frame: boxes and optional scores, classes and embeddings."""

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detection_sources import LIMIT, DetectionSources, rows_of, valid_rows
from deepsort_reid.structures.frame import Frame
from deepsort_reid.structures.numbers import as_numbers

# Networks and files hold float32 or float16: rows have unit length to that precision only.
_UNIT_TOLERANCE = 1e-2
_MAX_CLASS = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, eq=False)
class Detections(DetectionSources):
    """Detections of one frame, one row per box; validated on creation.

    The columns are copies of the arguments and read-only: writing to the caller's arrays changes
    nothing here, and what was checked stays valid.

    Args:
        xyxy: boxes (M, 4): left, top, right, bottom in pixels, stored as float64. A box may exceed
            the frame; its width and height must be positive, and no coordinate above 1e9.
        score: detector score (M,), stored as float64; 1 if None. Raw scores up to 1e9 are accepted
            (those of the public DPM detections can be negative); NaN and infinity are not.
        class_id: class number (M,), stored as int64; 0 if None.
        embedding: appearance (M, D), stored as float32, rows of unit length; None when there are no
            embeddings. A row of zeros or of NaN means that the appearance of this box is unknown
            (for example, outside the frame); it is stored as zeros, and the box is matched by
            motion alone. A row that is NaN in part is refused.
        data: columns of your own (M, ...), such as masks or keypoints; stored as arrays without a
            copy, and carried to the rows of `Tracks.data`. Column "class_name" (M,) is text: the
            names of the classes, which are drawn and written with the tracks.
        drop_invalid: leave out boxes that are not finite, have no area or lie beyond 1e9 pixels,
            and scores that are not finite, instead of raising ValueError. Rows are then counted
            without them: `data={"row": numpy.arange(M)}` keeps their numbers.

    Raises:
        ValueError: an argument is not as described; the message contains the expected and the given
            shape or value, and the row.
    """

    xyxy: NDArray[np.float64]
    score: NDArray[np.float64] = None  # type: ignore[assignment]  # filled in __post_init__
    class_id: NDArray[np.int64] = None  # type: ignore[assignment]
    embedding: NDArray[np.float32] | None = None
    data: Mapping[str, NDArray[Any]] = None  # type: ignore[assignment]
    drop_invalid: InitVar[bool] = False

    def __post_init__(self, drop_invalid: bool) -> None:
        given = (self.xyxy, self.score, self.class_id, self.embedding)
        data = _checked_data(self.data, given[0])
        if drop_invalid:
            valid = valid_rows(self.xyxy, self.score)
            names = ("box", "score", "class_id", "embedding")
            given = tuple(
                rows_of(column, valid, name) for column, name in zip(given, names, strict=True)
            )
            data = {name: column[valid] for name, column in data.items()}
        xyxy = boxes.as_boxes(given[0]).copy()
        _require_in_range(xyxy)
        _require_positive_size(xyxy)
        n = len(xyxy)
        embedding = None if given[3] is None else _checked_embedding(given[3], n)
        score, class_id = _checked_score(given[1], n), _checked_class(given[2], n)
        _set_columns(self, xyxy, score, class_id, embedding, data)

    @classmethod
    def empty(cls) -> "Detections":
        """No detections."""
        return cls(np.empty((0, 4)))

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: Any) -> "Detections":
        """Select detections by a boolean mask (M,), row numbers, a slice or a single number."""
        if isinstance(rows, int | np.integer):
            rows = [rows]
        rows = _as_rows(rows, len(self))
        embedding = None if self.embedding is None else self.embedding[rows]
        data = {name: column[rows] for name, column in self.data.items()} if self.data else {}
        return _unchecked(self.xyxy[rows], self.score[rows], self.class_id[rows], embedding, data)

    def __repr__(self) -> str:
        embedding = "" if self.embedding is None else f", {self.embedding.shape[1]}-d embeddings"
        data = f", data: {', '.join(self.data)}" if self.data else ""
        return f"Detections({len(self)} boxes{embedding}{data})"

    def with_embedding(self, embedding: ArrayLike | None) -> "Detections":
        """The same detections with new embeddings (M, D), or without embeddings for None."""
        checked = None if embedding is None else _checked_embedding(embedding, len(self))
        return _unchecked(self.xyxy, self.score, self.class_id, checked, self.data)

    def with_data(self, data: Mapping[str, Any]) -> "Detections":
        """The same detections with these columns (M, ...) of the caller, and no others."""
        columns = _checked_data(data, self.xyxy)
        return _unchecked(self.xyxy, self.score, self.class_id, self.embedding, columns)

    def without_data(self) -> "Detections":
        """The same detections without columns of the caller."""
        return self.with_data({}) if self.data else self


# A detector: frame BGR uint8 (H, W, 3) -> the detections of that frame.
Detector = Callable[[Frame], Detections]


def _as_rows(rows: Any, n: int) -> Any:
    if isinstance(rows, slice):
        return rows
    rows = np.asarray(rows)
    if rows.size == 0 and rows.dtype != bool:
        return rows.astype(np.intp)
    if rows.dtype == bool and rows.shape != (n,):
        raise ValueError(f"a mask over {n} detections must have shape ({n},), got {rows.shape}")
    if rows.ndim != 1:
        raise ValueError(f"rows must be a list of whole numbers, got shape {rows.shape}")
    return rows


def _unchecked(xyxy: Any, score: Any, class_id: Any, embedding: Any, data: Any) -> Detections:
    """Detections from valid columns that the caller does not keep, without validation."""
    made = object.__new__(Detections)
    _set_columns(made, xyxy, score, class_id, embedding, data)
    return made


def _set_columns(
    made: Detections, xyxy: Any, score: Any, class_id: Any, embedding: Any, data: Any
) -> None:
    """Store the columns and make them read-only."""
    columns = {"xyxy": xyxy, "score": score, "class_id": class_id, "embedding": embedding}
    for column in columns.values():
        if column is not None:
            column.flags.writeable = False
    made.__dict__.update(columns, data=data)  # the dataclass is frozen


def _require_in_range(given: NDArray[np.float64]) -> None:
    invalid = np.abs(given) > LIMIT
    if np.count_nonzero(invalid):
        row = int(np.flatnonzero(invalid.any(axis=1))[0])
        raise ValueError(
            f"xyxy must be pixels from {-LIMIT:.0e} to {LIMIT:.0e}, got {given[row].tolist()} "
            f"in row {row}"
        )


def _require_positive_size(xyxy: NDArray[np.float64]) -> None:
    invalid = xyxy[:, 2:] <= xyxy[:, :2]
    if np.count_nonzero(invalid):
        row = int(np.flatnonzero(invalid.any(axis=1))[0])
        raise ValueError(
            "xyxy must be left, top, right, bottom with right > left and bottom > top, got "
            f"{xyxy[row].tolist()} in row {row}; for left, top, width, height use "
            "Detections.from_tlwh, for centre, width, height Detections.from_xywh"
        )


def _checked_data(data: Any, xyxy: ArrayLike) -> dict[str, NDArray[Any]]:
    """The caller's columns as arrays; ValueError when one does not have a row for each box."""
    if data is None:
        return {}
    if not (isinstance(data, Mapping) and all(isinstance(name, str) for name in data)):
        raise ValueError(f"data must be a dictionary from names to columns, got {data!r:.80}")
    n, columns = len(np.asarray(xyxy)), {}
    for name, values in data.items():
        column = values if isinstance(values, np.ndarray) else _column(values)
        if column.ndim < 1 or len(column) != n:
            raise ValueError(
                f"data: expected {n} rows of column {name!r:.80}, one per box, "
                f"got shape {column.shape}"
            )
        columns[name] = column
    return columns


def _column(values: Any) -> NDArray[Any]:
    """A list as an array; one of objects where its elements differ in shape."""
    try:
        return np.asarray(values)
    except ValueError:
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column


def _checked_score(score: ArrayLike | None, n: int) -> NDArray[np.float64]:
    if score is None:
        return np.ones(n)
    score = as_numbers(score, np.float64, f"score must be numbers of shape ({n},)").copy()
    if score.shape != (n,):
        raise ValueError(f"one score per box: expected shape ({n},), got {score.shape}")
    valid = np.abs(score) <= LIMIT  # False for NaN
    if np.count_nonzero(valid) < n:
        infinite = np.flatnonzero(~np.isfinite(score))
        if len(infinite):
            row = int(infinite[0])
            raise ValueError(f"score must be finite, got {score[row]} in row {row}")
        row = int(np.flatnonzero(~valid)[0])
        limits = f"from {-LIMIT:.0e} to {LIMIT:.0e}"
        raise ValueError(f"score must be {limits}, got {score[row]} in row {row}")
    return score


def _checked_class(class_id: ArrayLike | None, n: int) -> NDArray[np.int64]:
    if class_id is None:
        return np.zeros(n, dtype=np.int64)
    try:
        given = np.asarray(class_id)
    except (TypeError, ValueError, RuntimeError) as error:  # rows of different lengths, a GPU array
        raise ValueError(f"class_id must be whole numbers, got {class_id!r:.80}") from error
    if given.shape != (n,):
        raise ValueError(f"one class_id per box: expected shape ({n},), got {given.shape}")
    if given.dtype.kind not in "iub" and not (
        given.dtype.kind == "f" and np.isfinite(given).all() and (given == np.round(given)).all()
    ):
        raise ValueError(f"class_id must be whole numbers, got {given.dtype} {given[:3].tolist()}")
    # Floats are compared with a power of 2, which is exact.
    too_large = given > _MAX_CLASS if given.dtype.kind == "u" else np.zeros(n, dtype=bool)
    if given.dtype.kind == "f":
        too_large = (given >= 2.0**63) | (given < -(2.0**63))
    if too_large.any():
        row = int(np.flatnonzero(too_large)[0])
        raise ValueError(f"class_id must be at most {_MAX_CLASS}, got {given[row]} in row {row}")
    return given.astype(np.int64)


def _checked_embedding(embedding: ArrayLike, n: int) -> NDArray[np.float32]:
    expected = f"one embedding per box: expected numbers of shape ({n}, D)"
    rows = np.array(as_numbers(embedding, np.float32, expected))
    if n == 0 and rows.size == 0:
        # Without a box, an embedder may not know its dimension: accept (0, 0) as well as (0, D).
        return rows.reshape(0, rows.shape[1] if rows.ndim == 2 else 0)
    if rows.ndim != 2 or len(rows) != n:
        raise ValueError(
            f"one embedding per box: expected shape ({n}, D), got {rows.shape} for {n} boxes"
        )
    invalid, length = _invalid_length(rows)
    if np.count_nonzero(invalid):
        rows[np.isnan(rows).all(axis=1)] = 0
        invalid, length = _invalid_length(rows)
    if np.count_nonzero(invalid):
        row = int(np.flatnonzero(invalid)[0])
        raise ValueError(
            "embeddings must be rows of length 1 (or all zero or all NaN for a box without "
            f"appearance), got length {length[row]:.4g} in row {row}; divide each row by its norm"
        )
    return rows


def _invalid_length(rows: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Rows (M,) whose length is neither 1 nor 0, also those with NaN; and all lengths (M,)."""
    with np.errstate(over="ignore"):
        length = np.sqrt(np.einsum("md,md->m", rows, rows))
    return ~((np.abs(length - 1) <= _UNIT_TOLERANCE) | (length == 0)), length
