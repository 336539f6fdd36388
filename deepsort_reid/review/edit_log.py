"""Log of the edits of a review: edits.jsonl, one JSON object per line, on the disk at once."""

import json
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

from deepsort_reid.io.appended_file import AppendedFile
from deepsort_reid.review.edits import Edit, edit_from_dict, edit_to_dict

EDITS = "edits.jsonl"
_FORMAT, _VERSION = "deepsort_reid edits", 1

Step = Edit | Literal["undo", "redo"]


class LoadedSteps(NamedTuple):
    """The steps in a file.

    Attributes:
        steps: edits, "undo" and "redo" in the order in which they were made.
        lines: number of the line of each step.
        length: bytes up to the end of the last complete line.
        torn: whether an incomplete line follows, as a killed process or a full disk leaves it.
    """

    steps: list[Step]
    lines: list[int]
    length: int
    torn: bool


class EditLog:
    """Appends steps to the file; every step is on the disk when `append` returns.

    Args:
        path: the file, which is made with the first step.
        fingerprint: of the tracks that are edited, for the first line.
        length: bytes that are valid in an existing file; None for a new one.
    """

    def __init__(self, path: Path, fingerprint: str, length: int | None) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._length = length
        self._file: AppendedFile | None = None

    def append(self, step: Step) -> None:
        """Append a step. Raises OSError that names the file; it is not in the file then."""
        entry: dict[str, Any] = {"kind": step} if isinstance(step, str) else edit_to_dict(step)
        entry["time"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        file = self._opened()
        before = file.length
        file.append(f"{json.dumps(entry)}\n")
        try:
            file.sync()
        except OSError:
            self._length, self._file = before, None
            file.close()
            raise

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        file, self._file = self._file, None
        if file is not None:
            self._length = file.length
            file.close()

    def _opened(self) -> AppendedFile:
        if self._file is None:
            self._file = AppendedFile(self._path, self._length)
            if not self._file.length:
                self._file.append(f"{json.dumps(_header(self._fingerprint))}\n")
        return self._file


def read_steps(path: Path, fingerprint: str) -> LoadedSteps:
    """The steps of a file; no steps, and length 0, where the file is empty.

    A last line without its end is left out. Raises OSError when the file cannot be read;
    ValueError, in one line with file and line, when it is not of `EditLog` or of other tracks.
    """
    data = path.read_bytes()
    length = data.rfind(b"\n") + 1
    lines = data[:length].splitlines()
    steps: list[Step] = []
    numbers: list[int] = []
    for number, line in enumerate(lines, 1):
        entry = _parsed(path, number, line)
        if number == 1:
            _check_header(path, entry, fingerprint)
            continue
        entry.pop("time", None)
        if entry in ({"kind": "undo"}, {"kind": "redo"}):
            steps.append(entry["kind"])
        else:
            try:
                steps.append(edit_from_dict(entry))
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {error}") from None
        numbers.append(number)
    return LoadedSteps(steps, numbers, length, torn=length < len(data))


def _header(fingerprint: str) -> dict[str, Any]:
    return {"format": _FORMAT, "version": _VERSION, "tracks": fingerprint}


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        entry = None
    if not isinstance(entry, dict):
        raise ValueError(f"{path}:{number}: expected a JSON object, got {line[:80]!r}")
    return entry


def _check_header(path: Path, entry: dict[str, Any], fingerprint: str) -> None:
    if entry.get("format") != _FORMAT:
        raise ValueError(f"{path}:1: expected {_FORMAT!r} as format, got {entry!r:.80}")
    if entry.get("version") != _VERSION:
        raise ValueError(
            f"{path}:1: expected edits of version {_VERSION}, got {entry.get('version')!r:.40}; "
            "open them with the version of deepsort_reid that wrote them"
        )
    if entry.get("tracks") != fingerprint:
        raise ValueError(
            f"{path}: the edits do not fit: they were made for other tracks than those in the "
            "folder now; restore these tracks, or move the file away to begin anew"
        )
