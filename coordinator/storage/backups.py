"""Copies what is on record while it is in use: the database by SQLite's own online backup, and the documents.

Rule 1: the copy appears under its name only when it is whole and synced; an existing file is never replaced.
Rule 2: the documents fit the copied log: where one was withdrawn while the copy was made, it is made again.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from coordinator.domain.errors import StorageError
from coordinator.storage import papers
from coordinator.storage.database import connect_reader
from coordinator.storage.folder import sync_folder
from coordinator.storage.papers import Paper


def copy(data: Path, path: Path) -> list[Paper]:
    """Writes a copy of what is in `data` to the new file `path`, of mode 0600.

    Returns the documents that the log knows and whose files are gone: they are not in the copy.

    Raises:
        StorageError: no_data, backup_exists, backup_failed (details: file, problem).
    """
    if path.exists():
        raise StorageError("backup_exists", file=str(path))
    source = connect_reader(data)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        missing = _write(source, data, aside)
        while missing and (still := _write(source, data, aside)) != missing:
            missing = still
        os.link(aside, path)
        sync_folder(path.parent)
    except FileExistsError as problem:
        raise StorageError("backup_exists", file=str(path)) from problem
    except (OSError, sqlite3.Error) as problem:
        raise StorageError("backup_failed", file=str(path), problem=str(problem)) from problem
    finally:
        source.close()
        aside.unlink(missing_ok=True)
    return missing


def _write(source: sqlite3.Connection, data: Path, aside: Path) -> list[Paper]:
    os.close(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
    target = sqlite3.connect(aside, isolation_level=None)
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, readable from read-only media
        missing = papers.pack(target, data)
    finally:
        target.close()
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    return missing
