"""Parsing and checking of MOTChallenge text: a table of numbers, or an error with the line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures.mot_rows import MAX_COORDINATE

Kind = Literal["gt", "det", "result"]
Table = NDArray[np.float64]  # (R, C), C from 6 to 10

COLUMNS: dict[Kind, str] = {
    "gt": "frame, id, left, top, width, height, consider[, class, visibility or x, y, z]",
    "det": "frame, -1, left, top, width, height, score[, -1, -1, -1]",
    "result": "frame, id, left, top, width, height, score[, -1, -1, -1]",
}

# float64, the type of the table, represents whole numbers exactly up to here.
_MAX_EXACT_INTEGER = 2.0**53

# Column names for the lower right corner of a box: right, bbox_x2, y_max.
_LOWER_RIGHT = re.compile(r"(^|[^a-z])(right|bottom|[xy]_?(2|max))$")


# Names of the columns in a header, by position, without prefix and in small letters.
_COLUMN_NAMES = tuple(
    frozenset(names.split())
    for names in (
        "frame frameid frameindex framenumber frameno fn",
        "id trackid track identity objectid object personid person targetid target",
        "left x x1 xmin",
        "top y y1 ymin",
        "width w",
        "height h",
        "score conf confidence consider considered flag active mark prob probability",
        "class classid category categoryid cls label type",
        "visibility vis visible visibilityratio visratio",
    )
)
_PREFIX = re.compile(r"^(bbox|box|bb|det)(?=.)")


def read_table(path: Path, kind: Kind) -> Table:
    """Read and check a file: (R, C) float64, C from 6 to 10, sorted by frame (stable).

    Raises ValueError with file, line and expected columns, OSError when it cannot be read.
    """
    table = _parse(path, kind)
    invalid = _first_invalid_row(table, kind)
    if invalid is not None:
        row, reason = invalid
        number, line = _line_of_row(path, row, kind)
        raise _line_error(path, number, line, reason, kind)
    if (np.diff(table[:, 0]) < 0).any():
        table = table[np.argsort(table[:, 0], kind="stable")]
    return table


def has_class(table: Table) -> bool:
    """Whether column 8 is a class; 10 columns end in world coordinates (MOT15) or -1, -1, -1."""
    return table.shape[1] in (8, 9)


def _first_invalid_row(table: Table, kind: Kind) -> tuple[int, str] | None:
    """Index of the first invalid row and the reason; None when all rows are valid."""
    frame, identity, extent = table[:, 0], table[:, 1], table[:, 4:6]
    used = table[:, : 8 if has_class(table) else 7]
    rules = [
        (np.isfinite(used), "NaN or infinity"),
        (_is_whole(frame) & (frame >= 1), "frame must be a whole number from 1"),
        (extent > 0, "width and height must be positive"),
        (
            np.abs(table[:, 2:6]) <= MAX_COORDINATE,
            f"left, top, width and height must be up to {MAX_COORDINATE:.0e} pixels",
        ),
    ]
    if kind != "det":
        good_id = _is_whole(identity) & (identity >= 0)
        rules.append((good_id, "id must be a whole number, not negative"))
    if kind == "gt" and table.shape[1] > 6:
        # A fraction is a detector's score; read as a flag it would exclude boxes silently.
        reason = (
            "consider must be a whole number, 0 or 1 (a tracker's score? write 1 to keep a box)"
        )
        rules.append((_is_whole(table[:, 6]), reason))
    if has_class(table):
        rules.append((_is_whole(table[:, 7]), "class must be a whole number"))
    found = [(_first_row(~valid), reason) for valid, reason in rules if not valid.all()]
    if found:
        return min(found, key=lambda item: item[0])
    if kind == "det" or not _has_duplicates(frame, identity):
        return None
    order = np.lexsort((identity, frame))  # stable: of equal rows the later line comes later
    pair = table[order, :2]
    row = int(order[1:][(pair[1:] == pair[:-1]).all(axis=1)].min())
    return row, f"id {identity[row]:.0f} is used twice in frame {frame[row]:.0f}"


def _first_row(invalid: NDArray[np.bool_]) -> int:
    """Index of the first row of a mask (R,) or (R, k) with a true value."""
    return int(np.argwhere(invalid)[0, 0])


def _has_duplicates(frame: NDArray[np.float64], identity: NDArray[np.float64]) -> bool:
    """Whether two rows have the same frame and id; both are whole and not negative."""
    if len(frame) < 2:
        return False
    ids = identity.max() + 1
    if (frame.max() + 1) * ids > _MAX_EXACT_INTEGER:
        _, count = np.unique(np.column_stack([frame, identity]), axis=0, return_counts=True)
        return bool((count > 1).any())
    # Frame and id in one integer: sorting takes a tenth of the time.
    key = np.sort((frame * ids + identity).astype(np.int64))
    return bool((key[1:] == key[:-1]).any())


def _is_whole(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((np.floor(values) == values) & (np.abs(values) <= _MAX_EXACT_INTEGER))


def _parse(path: Path, kind: Kind) -> Table:
    """Parse all data rows as float64 (R, C): with NumPy, or line by line where that fails."""
    data = _data_lines(path, kind)
    first = next(data, None)
    if first is None:
        return np.empty((0, 6))
    number, line, values = first
    try:
        table = np.loadtxt(
            path,
            delimiter="," if "," in line else None,
            skiprows=number - 1,
            ndmin=2,
            encoding="utf-8-sig",
        )
    except ValueError:
        table = _parse_by_line(path, kind, len(values))
    if not 6 <= table.shape[1] <= 10:
        raise _line_error(
            path, number, line, f"expected 6 to 10 columns, got {table.shape[1]}", kind
        )
    return table


def _parse_by_line(path: Path, kind: Kind, n_columns: int) -> Table:
    """Parse without NumPy's parser; raises ValueError for the first line that is not numbers."""
    rows = []
    for number, line, values in _data_lines(path, kind):
        if len(values) != n_columns:
            reason = f"{len(values)} columns, where the first row has {n_columns}"
            raise _line_error(path, number, line, reason, kind)
        try:
            rows.append([float(value) for value in values])
        except ValueError:
            invalid = next(value for value in values if not _is_number(value))
            reason = f"{invalid!r} is not a number"
            raise _line_error(path, number, line, reason, kind) from None
    return np.array(rows, dtype=np.float64).reshape(len(rows), n_columns)


def _data_lines(path: Path, kind: Kind) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line number, line and its fields, without blank lines, comments and header."""
    header_possible = True
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                text = line.split("#", 1)[0].strip()
                if not text:
                    continue
                values = [part.strip() for part in text.split(",")] if "," in text else text.split()
                if len(values) > 1 and values[-1] == "":
                    values.pop()  # trailing comma
                is_header = header_possible and not any(_is_number(value) for value in values)
                header_possible = False
                if is_header:
                    _check_header(path, number, text, values, kind)
                else:
                    yield number, text, values
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file") from None


def _check_header(path: Path, number: int, line: str, names: list[str], kind: Kind) -> None:
    """Raise ValueError for a header that names other columns, or in another order."""
    names = [name.strip("\"'").lower() for name in names]
    if any(_LOWER_RIGHT.search(name) for name in names):
        raise ValueError(
            f"{path}:{number}: expected left, top, width, height as MOT has them, got a header "
            f"that names corners: {_shorten(line)!r}; `deepsort-reid track --format mot` writes MOT"
        )
    used = len(names) if len(names) in (8, 9) else 7  # the others are not read
    for place, (name, known) in enumerate(zip(names[:used], _COLUMN_NAMES, strict=False), 1):
        if _PREFIX.sub("", re.sub("[^a-z0-9]", "", name)) not in known:
            raise _line_error(path, number, line, f"column {place} is {name[:40]!r}", kind)
    if len(names) < 6:
        raise _line_error(path, number, line, f"expected 6 to 10 columns, got {len(names)}", kind)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _line_of_row(path: Path, row: int, kind: Kind) -> tuple[int, str]:
    """Line number and text of a row of the table as it was before sorting."""
    for index, (number, line, _) in enumerate(_data_lines(path, kind)):
        if index == row:
            return number, line
    raise ValueError(f"{path}: the file changed while it was read")


def _line_error(path: Path, number: int, line: str, reason: str, kind: Kind) -> ValueError:
    return ValueError(
        f"{path}:{number}: {reason}: {_shorten(line)!r}; expected columns: {COLUMNS[kind]}"
    )


def _shorten(line: str) -> str:
    return line if len(line) <= 100 else line[:97] + "..."
