"""A lock on an output folder: one process writes to it at a time."""

import contextlib
import os
import time
from pathlib import Path
from types import TracebackType

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


class FolderLock:
    """Holds the lock of a folder while it is open; a context manager.

    The operating system releases the lock with the process, however that ends, so that none is
    left behind. Where the system or the file system has no such locks (Windows, some network
    file systems), nothing is locked.

    Args:
        folder: an existing folder, in which `.lock` lies meanwhile.

    Raises ValueError when another process holds the lock; names the process.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._file: int | None = None
        while fcntl is not None and self._file is None:
            self._file = self._try()

    def release(self) -> None:
        """Remove the lock; a second call does nothing."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(file)

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _try(self) -> int | None:
        """The locked file; None when its owner removed it in the meantime."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 200).decode(errors="replace").strip() or "another process"
            os.close(file)
            raise ValueError(
                f"{self._path.parent}: expected a folder that no other process writes to; "
                f"{holder} does"
            ) from None
        except OSError:  # a file system without locks
            return file
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(file), self._path.stat()):
                os.ftruncate(file, 0)
                since = time.strftime("%Y-%m-%d %H:%M:%S")
                os.write(file, f"process {os.getpid()}, since {since},\n".encode())
                return file
        os.close(file)
        return None
