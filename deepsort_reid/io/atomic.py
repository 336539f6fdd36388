"""Atomic file writing: the old file stays until the new one is complete."""

import os
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside the target and put it in place in one step.

    Raises OSError that names the file; what stood there before is then untouched.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise OSError(f"cannot write {path} ({error.strerror or error})") from error
    finally:
        beside.unlink(missing_ok=True)
