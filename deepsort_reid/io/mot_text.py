"""The text of a MOTChallenge file -> one checked table of numbers, or the line that is wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["gt", "det", "result"]
Table = NDArray[np.float64]  # (R, C), C from 6 to 10

COLUMNS: dict[Kind, str] = {
    "gt": "frame, id, left, top, width, height, consider[, class, visibility or x, y, z]",
    "det": "frame, -1, left, top, width, height, score[, -1, -1, -1]",
    "result": "frame, id, left, top, width, height, score[, -1, -1, -1]",
}

# Whole numbers up to here are exact in the float64 that the columns are read as.
_LARGEST_WHOLE = 2.0**53

# How others name the far corner of a box, with whatever stands before it: right, bbox_x2, y_max.
_FAR_CORNER = re.compile(r"(^|[^a-z])(right|bottom|[xy]_?(2|max))$")


def read_table(path: Path, kind: Kind) -> Table:
    """Read and check a file; (R, C) float64, C from 6 to 10, sorted by frame (stable).

    Raises ValueError with file, line and expected columns; OSError when it cannot be read.
    """
    table = _parse(path, kind)
    problem = _first_problem(table, kind)
    if problem is not None:
        row, what = problem
        number, line = _line_of_row(path, row)
        raise _bad_line(path, number, line, what, kind)
    if (np.diff(table[:, 0]) < 0).any():
        table = table[np.argsort(table[:, 0], kind="stable")]
    return table


def has_class(table: Table) -> bool:
    """Whether column 8 is a class: 10 columns end in world coordinates (MOT15) or -1, -1, -1."""
    return table.shape[1] in (8, 9)


def _first_problem(table: Table, kind: Kind) -> tuple[int, str] | None:
    """The first row that cannot be meant, and what is wrong with it."""
    frame, identity, extent = table[:, 0], table[:, 1], table[:, 4:6]
    used = table[:, : 8 if has_class(table) else 7]
    rules = [
        (np.isfinite(used), "NaN or infinity"),
        (_is_whole(frame) & (frame >= 1), "frame must be a whole number from 1"),
        (extent > 0, "width and height must be positive"),
    ]
    if kind != "det":
        good_id = _is_whole(identity) & (identity >= 0)
        rules.append((good_id, "id must be a whole number, not negative"))
    if kind == "gt" and table.shape[1] > 6:
        # A fraction is somebody's score; read as a flag it would take boxes out unseen.
        what = "consider must be a whole number, 0 or 1 (a tracker's score? write 1 to keep a box)"
        rules.append((_is_whole(table[:, 6]), what))
    if has_class(table):
        rules.append((_is_whole(table[:, 7]), "class must be a whole number"))
    found = [(_first_row(~fine), what) for fine, what in rules if not fine.all()]
    if found:
        return min(found, key=lambda item: item[0])
    if kind == "det" or not _has_twins(frame, identity):
        return None
    order = np.lexsort((identity, frame))  # stable: of equal rows the later line comes later
    pair = table[order, :2]
    row = int(order[1:][(pair[1:] == pair[:-1]).all(axis=1)].min())
    return row, f"id {identity[row]:.0f} stands twice in frame {frame[row]:.0f}"


def _first_row(wrong: NDArray[np.bool_]) -> int:
    """The first row of a mask (R,) or (R, k) in which something is true."""
    return int(np.argwhere(wrong)[0, 0])


def _has_twins(frame: NDArray[np.float64], identity: NDArray[np.float64]) -> bool:
    """Whether two rows have the same frame and id, both of them whole and not negative."""
    if len(frame) < 2:
        return False
    ids = identity.max() + 1
    if (frame.max() + 1) * ids > _LARGEST_WHOLE:
        _, count = np.unique(np.column_stack([frame, identity]), axis=0, return_counts=True)
        return bool((count > 1).any())
    # One number for both: sorted in a tenth of the time.
    key = np.sort((frame * ids + identity).astype(np.int64))
    return bool((key[1:] == key[:-1]).any())


def _is_whole(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((np.floor(values) == values) & (np.abs(values) <= _LARGEST_WHOLE))


def _parse(path: Path, kind: Kind) -> Table:
    """All data rows as float64 (R, C): NumPy's parser, then line by line where it gives up."""
    data = _data_lines(path)
    first = next(data, None)
    if first is None:
        return np.empty((0, 6))
    number, line, fields_ = first
    try:
        table = np.loadtxt(
            path,
            delimiter="," if "," in line else None,
            skiprows=number - 1,
            ndmin=2,
            encoding="utf-8-sig",
        )
    except ValueError:
        table = _read_slowly(path, kind, len(fields_))
    if not 6 <= table.shape[1] <= 10:
        raise _bad_line(path, number, line, f"expected 6 to 10 columns, got {table.shape[1]}", kind)
    return table


def _read_slowly(path: Path, kind: Kind, n_columns: int) -> Table:
    rows = []
    for number, line, values in _data_lines(path):
        if len(values) != n_columns:
            what = f"{len(values)} columns, where the first row has {n_columns}"
            raise _bad_line(path, number, line, what, kind)
        try:
            rows.append([float(value) for value in values])
        except ValueError:
            wrong = next(value for value in values if not _is_number(value))
            what = f"{wrong!r} is not a number"
            raise _bad_line(path, number, line, what, kind) from None
    return np.array(rows, dtype=np.float64).reshape(len(rows), n_columns)


def _data_lines(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Line number, line and its fields; no blank lines, no comments, no header."""
    header_possible = True
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                text = line.split("#", 1)[0].strip()
                if not text:
                    continue
                values = [part.strip() for part in text.split(",")] if "," in text else text.split()
                if len(values) > 1 and values[-1] == "":
                    values.pop()  # a comma at the end of the line
                is_header = header_possible and not any(_is_number(value) for value in values)
                header_possible = False
                if is_header:
                    _check_header(path, number, text, values)
                else:
                    yield number, text, values
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file") from None


def _check_header(path: Path, number: int, line: str, names: list[str]) -> None:
    """Read as width and height, right and bottom would give boxes far too large, unnoticed."""
    if any(_FAR_CORNER.search(name.strip("\"'").lower()) for name in names):
        raise ValueError(
            f"{path}:{number}: expected left, top, width, height as MOT has them, got a header "
            f"that names corners: {line!r}; `deepsort-reid track --format mot` writes MOT"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _line_of_row(path: Path, row: int) -> tuple[int, str]:
    for count, (number, line, _) in enumerate(_data_lines(path)):
        if count == row:
            return number, line
    raise ValueError(f"{path}: changed while it was read")


def _bad_line(path: Path, number: int, line: str, what: str, kind: Kind) -> ValueError:
    shown = line if len(line) <= 100 else line[:97] + "..."
    return ValueError(f"{path}:{number}: {what}: {shown!r}; expected columns: {COLUMNS[kind]}")
