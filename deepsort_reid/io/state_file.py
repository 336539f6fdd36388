"""Files of saved states: nested dictionaries and lists of numbers, text and arrays.

A file is an .npz: its arrays lie side by side, and `json` holds everything else as UTF-8, with the
name of an array in the place of the array. Small arrays are written out there, because hundreds of
them take long as entries of a zip file. Nothing is pickled, and nothing is compressed, so that
reading takes no more memory than the file is large.
"""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.atomic import write_atomically

FORMAT = "deepsort_reid state"
VERSION = 1

_JSON = "json"
_ARRAY = "array"  # key of a dictionary that stands for an array
_MAX_WRITTEN_OUT = 16  # numbers


def write_state(path: str | os.PathLike[str], kind: str, state: dict[str, Any]) -> None:
    """Write a state atomically: a file that was at `path` before is replaced, or unchanged.

    Args:
        path: the file.
        kind: what the state is of, e.g. "DeepSort"; `read_state` expects the same.
        state: dictionaries with text keys, lists, numbers, text, None, and arrays of numbers.

    Raises:
        OSError: the file cannot be written; names it.
        ValueError: the state holds something else.
    """
    write_atomically(Path(path), state_bytes(kind, state))


def state_bytes(kind: str, state: dict[str, Any]) -> bytes:
    """The content of a file of `write_state`; ValueError as there."""
    arrays: dict[str, NDArray[Any]] = {}
    tree = {"format": FORMAT, "version": VERSION, "kind": kind, "state": _split(state, arrays)}
    arrays[_JSON] = np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8)
    save: Any = np.savez  # its stubs want allow_pickle
    content = io.BytesIO()
    save(content, **arrays)
    return content.getvalue()


def read_state(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Read the state that `write_state` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is truncated, another file, or of another kind or version; names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of a saved state")
    try:
        arrays = _read_arrays(path)
        tree = json.loads(arrays[_JSON].tobytes())
        _check_header(tree, kind)
        state = _join(tree["state"], arrays)
        if not isinstance(state, dict):
            raise ValueError("no dictionary")
    except _MismatchError as error:
        raise ValueError(f"{path}: {error}") from None
    except (
        *(EOFError, KeyError, MemoryError, NotImplementedError, OverflowError, RecursionError),
        *(OSError, SyntaxError, TypeError, ValueError, zipfile.BadZipFile),
    ) as error:
        raise ValueError(
            f"{path}: expected a saved state, got another file or a truncated one"
        ) from error
    return state


class _MismatchError(ValueError):
    """The file is a saved state, but not the expected one."""


def _check_header(tree: Any, kind: str) -> None:
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise ValueError("no saved state")
    if tree["version"] != VERSION:
        raise _MismatchError(
            f"expected a saved state of version {VERSION}, got version {tree['version']!r:.20}; "
            "read it with the version of deepsort_reid that wrote it"
        )
    if tree["kind"] != kind:
        raise _MismatchError(f"expected the state of {kind}, got that of {tree['kind']!s:.40}")


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED or not entry.filename.endswith(".npy"):
                raise ValueError(f"{entry.filename} is not an array as written here")
            content = io.BytesIO(archive.read(entry))
            array = np.load(content, allow_pickle=False)
            arrays[entry.filename.removesuffix(".npy")] = array
    return arrays


def _split(value: Any, arrays: dict[str, NDArray[Any]], place: str = "state") -> Any:
    """The value with names in the place of its arrays, which are added to `arrays`."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":
            raise ValueError(f"{place}: expected an array of numbers, got {value.dtype}")
        if value.size <= _MAX_WRITTEN_OUT:
            numbers = value.ravel().tolist()
            return {_ARRAY: numbers, "dtype": value.dtype.str, "shape": list(value.shape)}
        arrays[place] = value
        return {_ARRAY: place}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value) or _ARRAY in value:
            raise ValueError(f"{place}: expected text as keys, and not {_ARRAY!r}")
        return {key: _split(each, arrays, f"{place}/{key}") for key, each in value.items()}
    if isinstance(value, list):
        return [_split(each, arrays, f"{place}/{row}") for row, each in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{place}: expected plain data, got {type(value).__name__}")


def _join(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """The inverse of `_split`."""
    if isinstance(value, dict):
        if _ARRAY in value:
            return _array(value, arrays)
        return {key: _join(each, arrays) for key, each in value.items()}
    if isinstance(value, list):
        return [_join(each, arrays) for each in value]
    return value


def _array(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The array that a dictionary stands for."""
    found = value[_ARRAY]
    if isinstance(found, str):
        return arrays[found]
    dtype = np.dtype(value["dtype"])
    if dtype.kind not in "biuf":
        raise ValueError(f"expected numbers, got {dtype}")
    return np.array(found, dtype=dtype).reshape(value["shape"])
