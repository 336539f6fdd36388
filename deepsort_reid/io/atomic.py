"""Atomic file writing: a file is replaced as a whole or stays as it was."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary binary file that replaces `path` when the block ends without an error.

    The temporary file lies in the same folder, so that the replacement is one step. After an
    error it is removed, and a file that was at `path` before is unchanged.

    Raises OSError that names `path` when it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise OSError(f"cannot write {path} ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write a whole file; text is encoded as UTF-8 and its line ends are kept.

    Raises OSError that names `path`; a file that was there before is then unchanged.
    """
    with open_atomically(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)
