"""Opens the SQLite file and tells its troubles in our own errors.

Rule 1: WAL with synchronous=FULL: what was acknowledged survives a power cut (ATTENDANCE.md rule 1).
Rule 2: no sqlite3 error leaves `coordinator.storage`; `translated` turns each into a StorageError.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coordinator.domain.errors import StorageError
from coordinator.storage.folder import DATABASE, sync_folder

_BUSY_S = 10.0
_CODES = {
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_READONLY: "data_read_only",
    sqlite3.SQLITE_PERM: "data_read_only",
    sqlite3.SQLITE_BUSY: "data_busy",
    sqlite3.SQLITE_LOCKED: "data_busy",
    sqlite3.SQLITE_CORRUPT: "data_corrupt",
    sqlite3.SQLITE_NOTADB: "data_corrupt",
    sqlite3.SQLITE_IOERR: "data_io",
    sqlite3.SQLITE_CANTOPEN: "data_unusable",
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns sqlite3 errors inside into StorageError; `what` names the file or the act."""
    try:
        yield
    except UnicodeError as problem:  # sqlite3 meets bytes that are no UTF-8, even while it makes its message
        raise StorageError("data_corrupt", data=what, problem=str(problem)) from problem
    except sqlite3.Error as problem:
        code = getattr(problem, "sqlite_errorcode", None)
        primary = code & 0xFF if isinstance(code, int) else None
        raise StorageError(
            _CODES.get(primary, "data_failed") if primary is not None else "data_failed",
            data=what,
            problem=str(problem),
        ) from problem


def connect_writer(data: Path) -> sqlite3.Connection:
    """Opens (and makes) the database for the one writer, usable from any thread under the caller's lock."""
    path = data / DATABASE
    is_new = not path.exists()
    with translated(str(path)):
        try:  # SQLite gives -wal and -shm the database's own mode
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as problem:
            code = "data_read_only" if isinstance(problem, PermissionError) else "data_unusable"
            raise StorageError(code, data=str(path), problem=problem.strerror or "?") from problem
        if is_new:
            sync_folder(data)
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            for pragma in (
                "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON",
                "trusted_schema = OFF",
            ):  # fmt: skip
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def connect_reader(data: Path) -> sqlite3.Connection:
    """Opens the database for reading only, beside a writer or alone.

    Raises:
        StorageError: no_data where there is no database yet.
    """
    path = data / DATABASE
    if not path.is_file():
        raise StorageError("no_data", data=str(data))
    with translated(str(path)):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        connection.execute("PRAGMA trusted_schema = OFF")
    return connection


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: committed at the end, rolled back by any exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
