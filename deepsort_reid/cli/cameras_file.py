"""Settings of `cameras`: a TOML file, or a list of sources."""

import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepsort_reid.cli.output_options import source_name
from deepsort_reid.identity.topology import Topology
from deepsort_reid.io.stream_address import hide_secrets, is_stream

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# A camera has a folder of its name.
_NAME = re.compile(r"\w[\w .-]{0,79}")
_NAME_EXPECTED = "a name of letters, digits, spaces and _.- that begins with a letter or digit"
_NAMED_SOURCE = re.compile(rf"({_NAME.pattern})=(.+)", re.DOTALL)
_RESERVED = frozenset({"people.csv", "wall.mp4", "summary.json"})
_MODEL_SUFFIXES = frozenset({".onnx", ".pt", ".pth"})


@dataclass(frozen=True)
class CameraSettings:
    """One camera.

    Attributes:
        name: of its folder, and in the registry and people.csv.
        source: as for `track`.
        detections: file of detections; None where a detector runs.
        camera_motion: as --camera-motion; None for that of all cameras.
        start_time: of the first frame, in seconds, on the clock of all cameras.
    """

    name: str
    source: str
    detections: Path | None = None
    camera_motion: str | None = None
    start_time: float = 0.0


@dataclass(frozen=True)
class CamerasSettings:
    """All cameras, their topology, and values of options that are not on the command line.

    options: detector, detector_weights, embedder, min_score, classes, registry, config and out,
    as far as they are given. `config` is a file or a dictionary.
    """

    cameras: list[CameraSettings]
    topology: Topology = field(default_factory=Topology)
    options: dict[str, Any] = field(default_factory=dict)


def read_settings(sources: Sequence[str]) -> CamerasSettings:
    """The settings of the arguments FILE.toml, or SOURCE and NAME=SOURCE.

    Raises ValueError, with file and key, for settings that are not valid, and OSError when the file
    cannot be read.
    """
    files = [each for each in sources if each.lower().endswith(".toml")]
    if files and len(sources) > 1:
        raise ValueError(f"{files[0]}: expected one TOML file alone, or sources, got both")
    if files:
        return read_cameras_file(Path(files[0]))
    cameras = [_camera_of_argument(each) for each in sources]
    _check_cameras(cameras, "", "; name one of them with NAME=SOURCE")
    return CamerasSettings(cameras, Topology([each.name for each in cameras]))


def read_cameras_file(path: Path) -> CamerasSettings:
    """The settings in a TOML file; relative paths in it start at its folder.

    Raises as `read_settings`.
    """
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: expected TOML, {error}") from None
    table = _Table(path, "", values)
    tables = table.tables("cameras")
    if not tables:
        raise ValueError(f"{path}: cameras: expected one table [[cameras]] or more, got none")
    cameras = [_camera_of_table(each) for each in tables]
    _check_cameras(cameras, f"{path}: ", "")
    options = {
        "out": table.take("out", table.path),
        "detector": table.take("detector", table.model),
        "detector_weights": table.take("detector_weights", table.path),
        "embedder": table.take("embedder", table.model),
        "min_score": table.take("min_score", table.score),
        "classes": table.take("classes", table.whole_numbers),
        "registry": table.take("registry", table.path),
        "config": table.take("config", table.path_or_table),
    }
    topology = _topology(table.take("topology", table.table), cameras)
    table.check_all_taken()
    given = {name: value for name, value in options.items() if value is not None}
    return CamerasSettings(cameras, topology, given)


def _camera_of_argument(argument: str) -> CameraSettings:
    named = _NAMED_SOURCE.fullmatch(argument)
    if named is not None and not Path(argument).exists():
        return CameraSettings(named[1], named[2])
    return CameraSettings(_default_name(argument), argument)


def _camera_of_table(table: "_Table") -> CameraSettings:
    source = table.take("source", table.source)
    if source is None:
        raise ValueError(f"{table.path_of('source')}: expected a file, stream or camera, got none")
    name = table.take("name", table.text) or _default_name(source)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{table.path_of('name')}: expected {_NAME_EXPECTED}, got {name!r:.100}")
    camera = CameraSettings(
        name,
        source,
        detections=table.take("detections", table.path),
        camera_motion=table.take("camera_motion", table.camera_motion),
        start_time=table.take("start_time", table.number) or 0.0,
    )
    table.check_all_taken()
    return camera


def _default_name(source: str) -> str:
    """Name of a camera after its source."""
    return re.sub(r"[^\w.-]+", "-", source_name(source)).strip(".-")[:80] or "camera"


def _check_cameras(cameras: Sequence[CameraSettings], where: str, remedy: str) -> None:
    """Raise ValueError for a camera that is listed twice."""
    names: set[str] = set()
    name_of: dict[str, str] = {}
    for each in cameras:
        # Some file systems do not distinguish capitals.
        folded = each.name.casefold().rstrip(" .")
        if folded in names or folded in _RESERVED:
            what = "twice" if folded in names else "that is the name of a file of the run"
            raise ValueError(
                f"{where}expected cameras of different names, got {each.name!r} {what}{remedy}"
            )
        names.add(folded)
        other = name_of.setdefault(_identity(each.source), each.name)
        if other != each.name:
            raise ValueError(
                f"{where}expected cameras of different sources, got "
                f"{hide_secrets(each.source)} twice, as {other!r} and {each.name!r}"
            )


def _identity(source: str) -> str:
    """What tells a source from others."""
    if source.isdecimal() or is_stream(source):
        return source
    return str(Path(source).resolve())


def _topology(table: "_Table | None", cameras: Sequence[CameraSettings]) -> Topology:
    names = [each.name for each in cameras]
    if table is None:
        return Topology(names)
    same_place = table.take("same_place", table.pairs) or []
    travel_time = {}
    for each in table.tables("travel_time"):
        pair = each.take("from", each.text), each.take("to", each.text)
        seconds = each.take("seconds", each.two_numbers)
        if None in pair or seconds is None:
            raise ValueError(
                f"{each.path_of('')}: expected from, to and seconds, as in "
                '{from = "gate", to = "hall", seconds = [20, 300]}'
            )
        if pair in travel_time:
            raise ValueError(f"{each.path_of('')}: {pair[0]!r}, {pair[1]!r} is listed twice")
        travel_time[pair] = seconds
        each.check_all_taken()
    table.check_all_taken()
    try:
        return Topology(names, same_place=same_place, travel_time=travel_time)
    except ValueError as error:
        raise ValueError(f"{table.path_of('')}: {error}") from None


class _Table:
    """A table of the file, whose values are taken one by one and checked."""

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

    def tables(self, key: str) -> list["_Table"]:
        """The tables of an array [[key]]; empty where there is none."""
        values = self.take(key, _array_of_tables) or []
        return [
            _Table(self._file, f"{self._name}{key}[{k}].", each)
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

    def table(self, value: Any, where: str) -> "_Table":
        """A table within this one."""
        _require(isinstance(value, dict), where, "a table", value)
        return _Table(self._file, f"{where.rpartition(': ')[2]}.", value)

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
        word = self.text(value, where)
        return word if word in {"none", "flow", "ecc"} else str(self._file.parent / word)

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
    def whole_numbers(value: Any, where: str) -> list[int]:
        """Whole numbers from 0."""
        is_valid = isinstance(value, list) and len(value) > 0
        is_valid = is_valid and all(type(each) is int and each >= 0 for each in value)
        _require(is_valid, where, "whole numbers from 0, such as [0]", value)
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
