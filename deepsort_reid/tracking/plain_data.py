"""Conversion of objects to plain data and back.

Plain data are dictionaries with text keys, lists, numbers, text, None and arrays. Everything else
becomes a dictionary with the key `type`. A dataclass that can be changed and occurs twice is one
object again after the conversion back.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

_TYPE, _KEY = "type", "key"
_SAME = "same"  # type of a record that occurred before
_ARRAY = "array"  # type of an array of text or objects
_CONTAINERS = {"tuple": tuple, "dict": dict, "deque": deque}


class Encoder:
    """Converts objects to plain data.

    Args:
        records: dataclasses and named tuples that may occur; each is saved by its fields.
    """

    def __init__(self, records: Collection[type]) -> None:
        self._records = records
        self._seen: dict[int, tuple[int, Any]] = {}  # by `id`; the object is kept alive

    def __call__(self, value: Any) -> Any:
        """The value as plain data; arrays are copied.

        Raises ValueError when the value holds something that is neither plain nor a record.
        """
        if value is None or isinstance(value, bool | int | float | str):
            return float(value) if isinstance(value, float) else value
        if isinstance(value, np.integer | np.bool_):
            return value.item()
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return value.copy()
        if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
            items = [self(each) for each in value.ravel().tolist()]
            is_text, shape = value.dtype.kind == "U", list(value.shape)
            return {_TYPE: _ARRAY, "items": items, "text": is_text, "shape": shape}
        if type(value) in self._records:
            return self._record(value)
        if isinstance(value, list):
            return [self(each) for each in value]
        if isinstance(value, dict):
            return {_TYPE: "dict", "items": [[self(key), self(of)] for key, of in value.items()]}
        if isinstance(value, deque):
            return {_TYPE: "deque", "items": [*map(self, value)], "maxlen": value.maxlen}
        if type(value) is tuple:
            return {_TYPE: "tuple", "items": [*map(self, value)]}
        raise ValueError(f"expected plain data, got {type(value).__name__}")

    def _record(self, value: Any) -> dict[str, Any]:
        if id(value) in self._seen:
            return {_TYPE: _SAME, _KEY: self._seen[id(value)][0]}
        names = [each.name for each in fields(value)] if is_dataclass(value) else value._fields
        plain = {name: self(getattr(value, name)) for name in names}
        record: dict[str, Any] = {_TYPE: type(value).__name__, "fields": plain}
        parameters = getattr(value, "__dataclass_params__", None)
        if parameters is not None and not parameters.frozen:
            record[_KEY] = len(self._seen)
            self._seen[id(value)] = record[_KEY], value
        return record


class Decoder:
    """Converts plain data of an `Encoder` with the same records back to objects."""

    def __init__(self, records: Collection[type]) -> None:
        self._records = {record.__name__: record for record in records}
        self._seen: dict[int, Any] = {}

    def __call__(self, value: Any) -> Any:
        """The objects; arrays are copied.

        Raises KeyError, TypeError or ValueError when the data are not those of an `Encoder`.
        """
        if isinstance(value, np.ndarray):
            return value.copy()
        if isinstance(value, list):
            return [self(each) for each in value]
        if not isinstance(value, dict):
            return value
        kind = value[_TYPE]
        if kind == _SAME:
            return self._seen[value[_KEY]]
        if kind == _ARRAY:
            return _array_of(self(value["items"]), value["text"], value["shape"])
        if kind in _CONTAINERS:
            items = self(value["items"])
            return deque(items, value["maxlen"]) if kind == "deque" else _CONTAINERS[kind](items)
        plain = {name: self(each) for name, each in value["fields"].items()}
        made = self._records[kind](**plain)
        if _KEY in value:
            self._seen[value[_KEY]] = made
        return made


def _array_of(items: list[Any], is_text: bool, shape: list[int]) -> Any:
    """An array of text or objects with these items, in the order of its rows."""
    if is_text:
        return np.array(items, dtype=np.str_).reshape(shape)
    array = np.empty(len(items), dtype=object)
    for row, item in enumerate(items):  # an assignment of all would unpack items that are lists
        array[row] = item
    return array.reshape(shape)
