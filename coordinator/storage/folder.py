"""The data folder: private to its owner, one writer at a time.

Rule 1: the folder has mode 0700 and every file made in it 0600, whatever the umask says.
Rule 2: who writes holds an exclusive flock on `lock`; the kernel gives it back when the process dies.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from coordinator.domain.errors import StorageError

LOCK = "lock"
DATABASE = "coordinator.db"


def prepare(data: Path) -> None:
    """Makes the folder if need be and closes it to others.

    Raises:
        StorageError: data_unusable.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        data.chmod(0o700)
    except OSError as problem:
        raise StorageError("data_unusable", data=str(data), problem=problem.strerror or "?") from problem


def create_private(path: Path, content: bytes) -> bool:
    """Writes a new synced file of mode 0600; False, changing nothing, where one exists already.

    The file appears whole or not at all: it is written aside and linked into place.

    Raises:
        StorageError: data_unusable.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            return False
        finally:
            aside.unlink()
        sync_folder(path.parent)
    except OSError as problem:
        raise StorageError("data_unusable", data=str(path), problem=problem.strerror or "?") from problem
    return True


def sync_folder(folder: Path) -> None:
    """Makes new names in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """The right to write in one data folder, held from construction to `release()`."""

    def __init__(self, data: Path) -> None:
        """Takes the lock at once or refuses.

        Raises:
            StorageError: data_in_use (details: data, pid) or data_unusable.
        """
        try:
            self._descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise StorageError("data_unusable", data=str(data), problem=problem.strerror or "?") from problem
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip() or "?"
            os.close(self._descriptor)
            raise StorageError("data_in_use", data=str(data), pid=holder) from problem
        self._name_holder()

    def _name_holder(self) -> None:
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:  # a full disk: the lock holds all the same, only the pid is missing
            return

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
