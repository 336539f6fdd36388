"""Saving and loading the state of a tracker, bit by bit, without pickle."""

import os
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar, TypeVar

import numpy as np

from deepsort_reid.io.state_file import VERSION, read_state, write_state
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.gallery import GalleryAppearance, MeanAppearance
from deepsort_reid.tracking.kalman import AspectMotion, SizeMotion
from deepsort_reid.tracking.likelihood_ratio import AppearanceLLR, LikelihoodRatio, MotionLLR
from deepsort_reid.tracking.matching_cascade import MatchingCascade
from deepsort_reid.tracking.plain_data import Decoder, Encoder
from deepsort_reid.tracking.snapshot import Snapshot

T = TypeVar("T", bound="SavedState")

# Settings that a file can describe; another class has to be passed to `load`.
_SETTINGS = (
    *(DeepSortConfig, LikelihoodRatio, MotionLLR, AppearanceLLR, MatchingCascade),
    *(AspectMotion, SizeMotion, GalleryAppearance, MeanAppearance),
)


class SavedState:
    """Base class of trackers whose state can be saved.

    What the state is, is listed once, in the class attributes of a subclass. An update that fails
    is undone by restoring the same objects (`Snapshot`).

    Attributes:
        OBJECTS: paths of attributes. The state consists of the attributes of these objects and of
            the tracker itself, without those that hold another of the objects.
        ARGUMENTS: settings: argument of the constructor -> attribute that holds it.
        NOT_STATE: attributes that are not part of the state; the objects may have such a list, too.
        RECORDS: dataclasses and named tuples that occur in the state.
        PARTS: paths of attributes with a further state, of methods `state_dict` and
            `load_state_dict`.
    """

    OBJECTS: ClassVar[tuple[str, ...]] = ()
    ARGUMENTS: ClassVar[dict[str, str]] = {}
    NOT_STATE: ClassVar[frozenset[str]] = frozenset()
    RECORDS: ClassVar[tuple[type, ...]] = ()
    PARTS: ClassVar[tuple[str, ...]] = ()
    _before_update: Snapshot | None  # while an update is not complete

    def state_objects(self) -> dict[str, Any]:
        """The objects, by path, whose attributes are the state; "" is the tracker."""
        found = zip(self.OBJECTS, _attributes(self.OBJECTS)(self), strict=True)
        return {"": self, **{path: each for path, each in found if each is not None}}

    def _begin_update(self) -> None:
        """Take the snapshot from which this update is undone after an exception."""
        self._undo_update()  # an earlier one, where a second interrupt prevented that
        self._before_update = Snapshot(*self.state_objects().values())

    def _undo_update(self) -> None:
        """Restore everything as it was before an update that was not completed."""
        if self._before_update is not None:
            self._before_update.restore()  # `_before_update`, too: it was None

    def state_dict(self) -> dict[str, Any]:
        """The state as plain data: dictionaries, lists, numbers, text, and copies of arrays.

        A tracker that loads it continues exactly as this one: ids, galleries, calibration and
        persons included. The embedder is not part of it.
        """
        self._undo_update()
        encode, objects = Encoder(self._records()), self.state_objects()
        return {
            "version": VERSION,
            "settings": self._settings(encode),
            "objects": {
                name: {key: encode(value) for key, value in _state_of(each, objects).items()}
                for name, each in objects.items()
            },
            "parts": {path: attrgetter(path)(self).state_dict() for path in self.PARTS},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict` of a tracker with the same settings.

        Objects that the caller holds, such as the registry, take over the new state.

        Raises ValueError when the state is not of such a tracker or of another version of the
        package; nothing has changed then.
        """
        names = {"version", "settings", "objects", "parts"}
        if not isinstance(state, dict) or not names <= state.keys():
            raise ValueError(
                f"expected a state_dict of {type(self).__name__}, got {type(state).__name__}"
                + (f" with {', '.join(map(str, state))[:80]}" if isinstance(state, dict) else "")
            )
        if state["version"] != VERSION:
            raise ValueError(
                f"expected a state of version {VERSION}, got version {state['version']!r:.20}"
            )
        self._undo_update()
        self._check_settings(state["settings"])
        objects = self.state_objects()
        try:
            loaded = _decode_objects(state["objects"], objects, Decoder(self._records()))
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError("expected a state_dict as written, got a changed one") from error
        before = Snapshot(*objects.values())
        try:
            for name, each in objects.items():
                vars(each).update(loaded[name])
            for path in self.PARTS:  # each changes everything or nothing, the last one last
                attrgetter(path)(self).load_state_dict(state["parts"][path])
        except (KeyError, TypeError) as error:
            before.restore()
            raise ValueError("expected a state_dict as written, got a changed one") from error
        except BaseException:
            before.restore()
            raise

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a file, atomically: an earlier file is replaced or unchanged.

        The file holds arrays and JSON and no pickle. Raises OSError that names the file.
        """
        write_state(path, type(self).__name__, self.state_dict())

    @classmethod
    def load(cls: type[T], path: str | os.PathLike[str], **arguments: Any) -> T:
        """The tracker of a file written by `save`, which continues exactly as the saved one.

        Args:
            path: the file.
            arguments: of the constructor, for what is not in the file: `embedder`, and an
                association or appearance of your own class.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is truncated, of another kind or version, or another file.
        """
        state = read_state(path, cls.__name__)
        try:
            tracker = cls._make(state["settings"], arguments)
            tracker.load_state_dict(state)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error
        return tracker

    @classmethod
    def _make(cls: type[T], settings: Any, arguments: dict[str, Any]) -> T:
        """A new tracker with these settings, unless replaced by those in `arguments`."""
        decode = Decoder(cls._records())
        for name in cls.ARGUMENTS.keys() - arguments.keys():
            if isinstance(settings[name], dict) and settings[name].keys() == {"type"}:
                kind = settings[name]["type"]
                raise ValueError(f"saved with {name} of class {kind}: pass {name}=... to load")
            arguments = {**arguments, name: decode(settings[name])}
        return cls(**arguments)

    @classmethod
    def _records(cls) -> tuple[type, ...]:
        return (*_SETTINGS, *cls.RECORDS)

    def _settings(self, encode: Encoder) -> dict[str, Any]:
        """The arguments of the constructor as plain data."""
        settings = {}
        for argument, attribute in self.ARGUMENTS.items():
            value = getattr(self, attribute)
            try:
                settings[argument] = encode(value)
            except ValueError:  # a class of the caller
                settings[argument] = {"type": type(value).__name__}
        return settings

    def _check_settings(self, settings: Any) -> None:
        own = self._settings(Encoder(self._records()))
        if not isinstance(settings, dict) or settings.keys() != own.keys():
            raise ValueError(f"expected the settings {', '.join(own)}")
        for name, value in own.items():
            if value != settings[name]:
                raise ValueError(
                    f"expected the state of a tracker with the same {name}: "
                    f"{_difference(value, settings[name])}"
                )


@lru_cache
def _attributes(paths: tuple[str, ...]) -> "attrgetter[tuple[Any, ...]]":
    """A function that gets the attributes at these paths, at least two, as a tuple."""
    return attrgetter(*paths)


def _state_of(each: Any, objects: dict[str, Any]) -> dict[str, Any]:
    """The attributes of one of the objects that are part of the state."""
    skipped: frozenset[str] = getattr(each, "NOT_STATE", frozenset())
    others = {id(other) for other in objects.values()}
    return {
        name: value
        for name, value in vars(each).items()
        if name not in skipped and id(value) not in others
    }


def _decode_objects(
    state: Any, objects: dict[str, Any], decode: Decoder
) -> dict[str, dict[str, Any]]:
    """The attributes of all objects; ValueError when they do not fit those that are there."""
    _check_names("objects", state, objects)
    loaded = {}
    for name, each in objects.items():
        present = _state_of(each, objects)
        _check_names(name, state[name], present)
        loaded[name] = {key: decode(state[name][key]) for key in state[name]}
        for key, value in present.items():
            _check_kind(f"{name}.{key}", loaded[name][key], value)
    return loaded


def _check_names(place: str, given: Any, expected: dict[str, Any]) -> None:
    if not isinstance(given, dict) or given.keys() != expected.keys():
        names = sorted(given.keys() ^ expected.keys()) if isinstance(given, dict) else [given]
        raise ValueError(
            f"expected the state of this version of deepsort_reid: {place} differs in "
            f"{', '.join(map(str, names))[:80]}"
        )


def _check_kind(place: str, given: Any, present: Any) -> None:
    """Raise ValueError unless both values are arrays of one type and number of axes, or neither."""
    if isinstance(given, np.ndarray) != isinstance(present, np.ndarray):
        fits = given is None or present is None
    elif isinstance(given, np.ndarray):
        fits = given.dtype == present.dtype and given.ndim == present.ndim
    else:
        fits = None in (given, present) or type(given) is type(present) or _numbers(given, present)
    if not fits:
        raise ValueError(f"expected {place} as {_kind(present)}, got {_kind(given)}")


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float | np.number) for value in values)


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} of {value.ndim} axes"
    return type(value).__name__


def _difference(own: Any, given: Any) -> str:
    """The first difference of two settings in words."""
    if isinstance(own, dict) and isinstance(given, dict) and own.get("type") == given.get("type"):
        mine, its = own.get("fields", own), given.get("fields", given)
        for name in mine:
            if name not in its or mine[name] != its[name]:
                return f"{name}: {_difference(mine[name], its.get(name))}"
    return f"expected {_name(own)}, got {_name(given)}"


def _name(setting: Any) -> str:
    return str(setting["type"]) if isinstance(setting, dict) and "type" in setting else f"{setting}"
