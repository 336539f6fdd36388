"""Reading of CSV files with a header, whose columns are checked."""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path


def read_rows(
    path: Path, required: Collection[str], optional: Collection[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and cells by column name of a CSV file with a header.

    Raises OSError when the file cannot be read, and ValueError with file and line for missing,
    unknown or repeated columns, and for a row of another length.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        try:
            names = next(reader, [])
            _check_columns(path, names, required, optional)
            for row in reader:
                if len(row) != len(names):
                    raise ValueError(
                        f"{path}:{reader.line_num}: expected {len(names)} cells, got {len(row)}"
                    )
                yield reader.line_num, dict(zip(names, row, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: expected a CSV file in UTF-8: {error}") from error


def _check_columns(
    path: Path, names: list[str], required: Collection[str], optional: Collection[str]
) -> None:
    known = [*required, *optional]
    problems = {
        "missing": [name for name in required if name not in names],
        "unknown": [name for name in names if name not in known],
        "repeated": sorted({name for name in names if names.count(name) > 1}),
    }
    for problem, found in problems.items():
        if found:
            raise ValueError(
                f"{path}:1: expected the columns {', '.join(known)}, {problem}: "
                f"{', '.join(found)[:100]}"
            )
