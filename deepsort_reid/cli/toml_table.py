"""Reading of TOML files, whose values are checked one by one, with file and key in messages."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deepsort_reid.io.stream_address import is_stream

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MODEL_SUFFIXES = frozenset({".onnx", ".pt", ".pth"})


def read_toml(path: Path) -> "TomlTable":
    """The values of a TOML file.

    Raises OSError when it cannot be read, and ValueError when it is not TOML.
    """
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: expected TOML, {error}") from None
    return TomlTable(path, "", values)


class TomlTable:
    """A table of a file, whose values are taken one by one; relative paths start at its folder."""

    def __init__(self, file: Path, name: str, values: dict[str, Any]) -> None:
        self._file = file
        self._name = name
        self._values = dict(values)
        self._known: list[str] = []

    def take(self, key: str, check: Callable[[Any, str], Any]) -> Any:
        """The value of a key, None where there is none; ValueError where it is not valid."""
        self._known.append(key)
        if key not in self._values:
            return None
        return check(self._values.pop(key), self.path_of(key))

    def tables(self, key: str) -> list["TomlTable"]:
        """The tables of an array [[key]]; empty where there is none."""
        values = self.take(key, _array_of_tables) or []
        return [
            TomlTable(self._file, f"{self._name}{key}[{k}].", each)
            for k, each in enumerate(values, start=1)
        ]

    def check_all_taken(self) -> None:
        """Raise ValueError for a key that was not taken."""
        for key in self._values:
            raise ValueError(
                f"{self.path_of(key)}: expected one of {', '.join(self._known)}, got an unknown key"
            )

    def path_of(self, key: str) -> str:
        """File and key, for messages."""
        return f"{self._file}: {f'{self._name}{key}'.rstrip('.')}"

    def table(self, value: Any, where: str) -> "TomlTable":
        """A table within this one."""
        _require(isinstance(value, dict), where, "a table", value)
        return TomlTable(self._file, f"{where.rpartition(': ')[2]}.", value)

    def path(self, value: Any, where: str) -> Path:
        """A path; a relative one starts at the folder of the file."""
        return self._file.parent / self.text(value, where)

    def path_or_table(self, value: Any, where: str) -> Any:
        """A path, or a table as a dictionary."""
        return value if isinstance(value, dict) else self.path(value, where)

    def model(self, value: Any, where: str) -> str:
        """A word, or the path of a model."""
        word = self.text(value, where)
        is_file = Path(word).suffix.lower() in _MODEL_SUFFIXES
        return str(self._file.parent / word) if is_file else word

    def source(self, value: Any, where: str) -> str:
        """A stream, the number of a camera, or a path."""
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return str(value)
        word = self.text(value, where)
        is_path = not (word.isdecimal() or is_stream(word))
        return str(self._file.parent / word) if is_path else word

    def camera_motion(self, value: Any, where: str) -> str:
        """A word, or the path of a file of warps."""
        from deepsort_reid.vision.camera_motion import ESTIMATORS

        word = self.text(value, where)
        return word if word in {"none", *ESTIMATORS} else str(self._file.parent / word)

    @staticmethod
    def text(value: Any, where: str) -> str:
        """A text that is not empty."""
        _require(isinstance(value, str) and value.strip(), where, "a text", value)
        return str(value)

    @staticmethod
    def number(value: Any, where: str) -> float:
        """A finite number."""
        _require(_is_number(value) and math.isfinite(value), where, "a number", value)
        return float(value)

    @staticmethod
    def score(value: Any, where: str) -> float:
        """A number from 0 to 1."""
        _require(_is_number(value) and 0 <= value <= 1, where, "a number from 0 to 1", value)
        return float(value)

    @staticmethod
    def two_numbers(value: Any, where: str) -> tuple[float, float]:
        """Two numbers."""
        is_valid = isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
        _require(is_valid, where, "two numbers, the shortest and the longest time", value)
        return float(value[0]), float(value[1])

    @staticmethod
    def classes(value: Any, where: str) -> list[int | str]:
        """Classes by number or name."""
        is_valid = isinstance(value, list) and len(value) > 0
        is_valid = is_valid and all(
            (type(each) is int and each >= 0) or (isinstance(each, str) and each) for each in value
        )
        _require(is_valid, where, 'whole numbers from 0 or names, such as ["person"]', value)
        return list(value)

    @staticmethod
    def pairs(value: Any, where: str) -> list[tuple[str, str]]:
        """Pairs of names."""
        is_valid = isinstance(value, list) and all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(each, str) for each in pair)
            for pair in value
        )
        _require(is_valid, where, 'pairs of cameras, such as [["gate", "yard"]]', value)
        return [(first, second) for first, second in value]


def _array_of_tables(value: Any, where: str) -> list[dict[str, Any]]:
    is_valid = isinstance(value, list) and all(isinstance(each, dict) for each in value)
    _require(is_valid, where, f"tables [[{where.rpartition(': ')[2]}]]", value)
    return list(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require(is_valid: object, where: str, expected: str, value: Any) -> None:
    if not is_valid:
        raise ValueError(f"{where}: expected {expected}, got {value!r:.80}")
