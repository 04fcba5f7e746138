"""Puts a backup in the place of a database that is not there.

Rule 1: nothing is ever overwritten: the data folder must hold no database.
Rule 2: the copy is brought up to date and verified first; a chain that does not fit stops the restore.
Rule 3: the database appears under its name only when it is whole and synced, after its documents: what has
been restored is never half there.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from coordinator.domain.errors import StorageError
from coordinator.storage import folder, papers
from coordinator.storage.database import translated
from coordinator.storage.log import Store
from coordinator.storage.verifying import Fault, verify


def restore(file: Path, data: Path) -> list[Fault]:
    """Restores `file`, made by `backup`, into the folder `data`; returns what does not fit.

    With a fault nothing is restored.

    Raises:
        StorageError: restore_exists, restore_failed, data_in_use, data_too_new, data_corrupt.
    """
    folder.prepare(data)
    lock = folder.FolderLock(data)
    try:
        if (data / folder.DATABASE).exists():
            raise StorageError("restore_exists", data=str(data))
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=data) as aside:
            return _restore(file, data, Path(aside))
    except OSError as problem:
        raise StorageError("restore_failed", file=str(file), problem=problem.strerror or "?") from problem
    finally:
        lock.release()


def _restore(file: Path, data: Path, aside: Path) -> list[Fault]:
    copy = aside / folder.DATABASE
    copy.touch(mode=0o600)
    with file.open("rb") as source, copy.open("wb") as target:
        shutil.copyfileobj(source, target)
    if not copy.stat().st_size:
        raise StorageError("data_corrupt", data=str(file), problem="empty")
    altered = _unpack(copy, aside, file)
    store = Store.open(aside)
    try:
        faults = verify(store)
    finally:
        store.close()
    faults += [Fault(paper.briefing, paper.seq, "document") for paper in altered]
    if not faults:
        papers.put_back(aside, data)
        with copy.open("rb") as whole:
            os.fsync(whole.fileno())
        os.link(copy, data / folder.DATABASE)
        folder.sync_folder(data)
    return faults


def _unpack(copy: Path, aside: Path, file: Path) -> list[papers.Paper]:
    with translated(str(file)):
        database = sqlite3.connect(copy, isolation_level=None)
        try:
            database.execute("PRAGMA trusted_schema = OFF")
            return papers.unpack(database, aside)
        finally:
            database.close()
