"""Suppression of what native libraries print to stderr."""

import contextlib
import os
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_blocks = 0  # blocks that are running, in all threads
_original = -1  # copy of the file descriptor of stderr while a block is running


@contextlib.contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Discard everything written to file descriptor 2 while the block runs.

    OpenCV and FFmpeg print there directly, past `sys.stderr`. The descriptor belongs to the whole
    process: it is restored when the last of several blocks in different threads ends.
    """
    if not _begin():
        yield
        return
    try:
        yield
    finally:
        _end()


def _begin() -> bool:
    """Redirect stderr for one more block; False where there is no stderr."""
    global _blocks, _original
    with _lock:
        if not _blocks:
            try:
                _original = os.dup(2)
            except OSError:  # as in a windowed program
                return False
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            os.close(null)
        _blocks += 1
        return True


def _end() -> None:
    global _blocks
    with _lock:
        _blocks -= 1
        if not _blocks:
            os.dup2(_original, 2)
            os.close(_original)
