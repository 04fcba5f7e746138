"""Copies the database while it is in use, with SQLite's own online backup.

Rule 1: the copy appears under its name only when it is whole and synced; an existing file is never replaced.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from coordinator.domain.errors import StorageError
from coordinator.storage.database import connect_reader
from coordinator.storage.folder import sync_folder


def copy(data: Path, path: Path) -> None:
    """Writes a copy of the database in `data` to the new file `path`, of mode 0600.

    Raises:
        StorageError: no_data, backup_exists, backup_failed (details: file, problem).
    """
    if path.exists():
        raise StorageError("backup_exists", file=str(path))
    source = connect_reader(data)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(source, aside)
        os.link(aside, path)
        sync_folder(path.parent)
    except FileExistsError as problem:
        raise StorageError("backup_exists", file=str(path)) from problem
    except (OSError, sqlite3.Error) as problem:
        raise StorageError("backup_failed", file=str(path), problem=str(problem)) from problem
    finally:
        source.close()
        aside.unlink(missing_ok=True)


def _write(source: sqlite3.Connection, aside: Path) -> None:
    os.close(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
    target = sqlite3.connect(aside, isolation_level=None)
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, readable from read-only media
    finally:
        target.close()
    with aside.open("rb") as file:
        os.fsync(file.fileno())
