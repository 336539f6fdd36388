"""Suppression of what native libraries print to stderr."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Discard everything written to file descriptor 2 while the block runs.

    OpenCV and FFmpeg print there directly, past `sys.stderr`.
    """
    try:
        original = os.dup(2)
    except OSError:  # no stderr at all, as in a windowed program
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(original, 2)
        os.close(null)
        os.close(original)
