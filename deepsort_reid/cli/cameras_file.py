"""Settings of `cameras`: a TOML file, or a list of sources."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepsort_reid.cli.output_options import source_name
from deepsort_reid.cli.toml_table import TomlTable, read_toml
from deepsort_reid.identity.topology import Topology
from deepsort_reid.io.stream_address import hide_secrets, is_stream

# A camera has a folder of its name.
_NAME = re.compile(r"\w[\w .-]{0,79}")
_NAME_EXPECTED = "a name of letters, digits, spaces and _.- that begins with a letter or digit"
_NAMED_SOURCE = re.compile(rf"({_NAME.pattern})=(.+)", re.DOTALL)
_RESERVED = frozenset({"people.csv", "wall.mp4", "wall.webm", "summary.json"})


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
    table = read_toml(path)
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
        "classes": table.take("classes", table.classes),
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


def _camera_of_table(table: "TomlTable") -> CameraSettings:
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


def _topology(table: "TomlTable | None", cameras: Sequence[CameraSettings]) -> Topology:
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
