"""Lock of a store: one process writes to it at a time."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path


class WriterLock:
    """Holds the lock of a store until it is released.

    A second, tiny SQLite file beside the store is locked by an open transaction. The operating
    system ends it with the process, however that ends, so that no lock is left behind; others can
    read in it meanwhile who the writer is.

    Raises ValueError that names the writer when another process, or this one, holds the lock.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = store.with_name(f"{store.name}-writer")
        database: sqlite3.Connection | None = None
        while database is None:
            database = self._try()
        self._database: sqlite3.Connection | None = database

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        database, self._database = self._database, None
        if database is not None:
            with contextlib.suppress(OSError):  # Windows does not remove an open file
                self._path.unlink()
            database.close()

    def _try(self) -> sqlite3.Connection | None:
        """The locked file; None when its owner removed it in the meantime."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        opened = os.fstat(file)
        os.close(file)
        database = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=0.5
        )
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("CREATE TABLE IF NOT EXISTS writer (name TEXT)")
            database.execute("DELETE FROM writer")
            since = time.strftime("%Y-%m-%d %H:%M:%S")
            name = f"process {os.getpid()} since {since}"
            database.execute("INSERT INTO writer VALUES (?)", (name,))
            database.execute("COMMIT")
            database.execute("BEGIN IMMEDIATE")
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(opened, self._path.stat()):
                    return database
        except sqlite3.OperationalError:
            writer = self._writer(database)
            database.close()
            raise ValueError(
                f"{self._store}: expected a person registry that no other process writes to; "
                f"{writer} does (open it with read_only=True to read)"
            ) from None
        except BaseException:
            database.close()
            raise
        database.close()
        return None

    @staticmethod
    def _writer(database: sqlite3.Connection) -> str:
        with contextlib.suppress(sqlite3.Error):
            found = database.execute("SELECT name FROM writer").fetchone()
            if found is not None:
                return str(found[0])
        return "another process"
