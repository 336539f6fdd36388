"""Atomic file writing: a file is replaced as a whole or stays as it was."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_atomically(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary binary file that replaces `path` when the block ends without an error.

    The temporary file lies in the same folder, so that the replacement is one step. After an
    error it is removed, and a file that was at `path` before is unchanged. With `sync`, content and
    name are forced to the disk: after a power failure, too, the file is the old or the new one.

    Raises OSError that names `path` when it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if sync:
            _sync_folder(path.parent)
    except OSError as error:
        raise OSError(f"cannot write {path} ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Force the names of the files in a folder to the disk, where the system can."""
    with suppress(OSError):  # Windows, and some network file systems
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_atomically(path: Path, data: bytes | str, *, sync: bool = True) -> None:
    """Write a whole file; text is encoded as UTF-8 and its line ends are kept.

    sync: force it to the disk, as `open_atomically` does.

    Raises OSError that names `path`; a file that was there before is then unchanged.
    """
    with open_atomically(path, sync=sync) as file:
        file.write(data.encode() if isinstance(data, str) else data)
