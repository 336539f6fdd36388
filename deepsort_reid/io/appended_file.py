"""Files that grow step by step, each step complete on disk before the next one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


class AppendedFile:
    """A file to which whole pieces are appended, without a buffer in this process.

    Every piece is with the operating system when `append` returns, so that a killed process loses
    none; after `sync` or `close`, a power failure loses none either. A piece that cannot be written
    whole, for example on a full disk, is not written at all.

    Args:
        path: the file; it must not exist, unless `length` is given.
        length: continue an existing file after so many bytes; what follows them is removed.

    Raises:
        FileExistsError: the file exists.
        OSError: the file cannot be made or written.
        ValueError: the file to continue is shorter than `length`.
    """

    def __init__(self, path: Path, length: int | None = None) -> None:
        self.path = path
        self.length = length or 0
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0)
        # O_EXCL: a link at this place is not followed.
        flags |= os.O_CREAT | os.O_EXCL if length is None else getattr(os, "O_NOFOLLOW", 0)
        with self._named_errors():
            self._descriptor: int | None = os.open(path, flags, 0o666)
            size = os.fstat(self._descriptor).st_size
            if size < self.length:
                self.close()
                raise ValueError(
                    f"{path}: expected at least {length} bytes, as written before, got {size}"
                )
            os.ftruncate(self._descriptor, self.length)

    def append(self, data: bytes | memoryview | str) -> None:
        """Append one piece; text is encoded as UTF-8. Raises OSError that names the file."""
        if self._descriptor is None:
            raise ValueError(f"{self.path}: the file is closed")
        rest = memoryview(data.encode() if isinstance(data, str) else data).cast("B")
        length = self.length + len(rest)
        with self._named_errors():
            try:
                while len(rest):
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, self.length)
                raise
        self.length = length

    def sync(self) -> None:
        """Force to the disk what was appended; other threads may append meanwhile.

        Raises OSError that names the file.
        """
        if self._descriptor is not None:
            with self._named_errors():
                os.fsync(self._descriptor)

    def close(self) -> None:
        """Force the file to the disk and close it; a second call does nothing."""
        try:
            self.sync()
        finally:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.filename is not None:
                raise
            raise OSError(error.errno, error.strerror, str(self.path)) from error
