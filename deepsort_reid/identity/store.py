"""Store: the records of a registry in a SQLite file, with one writer and any number of readers."""

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepsort_reid.identity.records import Records
from deepsort_reid.identity.registry_state import records_from_state
from deepsort_reid.identity.store_lock import WriterLock
from deepsort_reid.identity.store_rows import (
    SCHEMA,
    SCHEMA_VERSION,
    delete_tracks,
    read_settings,
    read_state,
    write_changes,
)

APPLICATION_ID = 0x44535250  # "DSRP", in the header of the file
# Deleted rows are to be erased, also after the process was killed.
_NEEDS_VACUUM = "('needs_vacuum', 'true')"


class Store:
    """A SQLite file with the records of a registry.

    Args:
        path: the file; made when it does not exist, readable by its owner only.
        read_only: the file must exist, and is not changed.

    Raises:
        ValueError: the file is none of a registry, damaged, of another version, or written by
            another process, which is named.
        OSError: the file cannot be opened or made; names it.
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self._lock: WriterLock | None = None
        self._needs_vacuum = False
        if read_only:
            if not self.path.is_file():
                raise FileNotFoundError(f"{self.path}: no such file of a person registry")
            self._database = self._open(f"{self.path.absolute().as_uri()}?mode=ro")
        else:
            self._create_file()
            self._lock = WriterLock(self.path)
            try:
                self._database = self._open(self.path.absolute().as_uri())
            except BaseException:
                self._lock.release()
                raise

    def load(self) -> tuple[Records, dict[str, Any]]:
        """The records, and the settings that were written with them, plain data by name."""
        with self._errors():
            try:
                settings = read_settings(self._database)
                return records_from_state(read_state(self._database, settings)), settings
            except (IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
                raise self._damaged(error) from error

    def write(
        self, records: Records, settings: dict[str, Any], removed: Collection[int] = ()
    ) -> None:
        """Write what has changed since the last time, in one transaction.

        Args:
            records: all records.
            settings: plain data by name.
            removed: keys of tracks that are no longer in the records; see `erase`.

        Raises OSError when the file cannot be written; what it held before is unchanged.
        """
        with self._errors(), self._transaction():
            if removed:
                delete_tracks(self._database, sorted(removed))
                self._database.execute(f"INSERT OR REPLACE INTO settings VALUES {_NEEDS_VACUUM}")
            write_changes(self._database, records, settings)
        self._needs_vacuum |= bool(removed)
        records.changed.clear()

    def erase(self) -> None:
        """Remove what was deleted from the bytes of all files.

        `secure_delete` overwrites deleted rows, but copies of earlier values may be left in pages
        that were rearranged: only VACUUM, which writes the file anew, leaves none.

        Raises OSError when a reader has the file open for more than five seconds.
        """
        with self._errors():
            if self._needs_vacuum:
                self._database.execute("VACUUM")
                self._database.execute("DELETE FROM settings WHERE name = 'needs_vacuum'")
            busy, _, _ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise OSError(
                f"{self.path}: deleted persons remain in its -wal file until no other process "
                "reads it; they are erased when the registry is closed or opened next"
            )
        self._needs_vacuum = False

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        lock, self._lock = self._lock, None
        try:
            if lock is not None and self._needs_vacuum:
                self.erase()
        finally:
            self._database.close()
            if lock is not None:
                lock.release()

    def _create_file(self) -> None:
        """Make the file before SQLite does, with permissions for its owner only."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise OSError(f"cannot write {self.path} ({error.strerror or error})") from error

    def _open(self, uri: str) -> sqlite3.Connection:
        with self._errors():
            database = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5
            )
            try:
                self._prepare(database)
            except BaseException:
                database.close()
                raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION_ID and (self.read_only or application or tables):
            raise ValueError(f"{self.path}: expected a person registry, got another SQLite file")
        if tables and version != SCHEMA_VERSION:
            raise ValueError(
                f"{self.path}: expected a person registry of version {SCHEMA_VERSION}, got version "
                f"{version}; open it with the version of deepsort_reid that wrote it"
            )
        (result,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise sqlite3.DatabaseError(result)
        if self.read_only:
            return
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        database.execute("PRAGMA temp_store = MEMORY")  # no embeddings in temporary files
        if not tables:
            marks = f"application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}"
            database.executescript(f"BEGIN; {SCHEMA} PRAGMA {marks}; COMMIT;")
        found = database.execute("SELECT value FROM settings WHERE name = 'needs_vacuum'")
        self._needs_vacuum = found.fetchone() is not None
        # A process that was killed may have left deleted rows in the -wal file.
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of SQLite into one line that names the file."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(f"{self.path}: cannot use the person registry ({error})") from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> ValueError:
        why = " ".join(str(error).split())
        return ValueError(
            f"{self.path}: expected a person registry, got another file or a damaged one ({why})"
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
