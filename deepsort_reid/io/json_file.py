"""Reading of JSON files."""

import json
from pathlib import Path
from typing import Any


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON object from a UTF-8 file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, nested too deeply, has a key twice, or is no object; names the
            file.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: expected JSON, {error.msg}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected JSON in UTF-8, {error.reason}") from error
    except RecursionError:
        raise ValueError(f"{path}: expected JSON, got one that is nested too deeply") from None
    except ValueError as error:  # a key twice, a number of too many digits
        raise ValueError(f"{path}: expected JSON, {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"got {repeated[:100]!r} twice")
    return found
