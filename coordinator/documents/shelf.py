"""Where documents lie: `<data>/documents/<briefing>/<document>/`, with the file and its pages' pictures.

Rule 1: a document is there whole or not at all: it is made aside (`incoming-…`) and renamed into place.
Rule 2: the log says which documents there are; a folder that it does not know is left over and not given out.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from coordinator.domain.errors import StorageError

SOURCE = "source"
SIZES = ("large", "small")
_ASIDE = "incoming-"


class Shelf:
    """The documents of one data folder. Every call blocks."""

    def __init__(self, data: Path) -> None:
        self._root = data / "documents"

    def aside(self) -> Path:
        """A new empty folder to make a document in.

        Raises:
            StorageError: data_unusable.
        """
        made = self._root / f"{_ASIDE}{secrets.token_hex(8)}"
        try:
            self._root.mkdir(mode=0o700, exist_ok=True)
            made.mkdir(mode=0o700)
        except OSError as problem:
            raise _unusable(made, problem) from problem
        return made

    def discard(self, made: Path) -> None:
        """Removes a folder of `aside`; none is fine."""
        shutil.rmtree(made, ignore_errors=True)

    def put(self, made: Path, briefing: str, document: str) -> None:
        """Gives a finished folder its place. Raises StorageError: data_unusable."""
        place = self.place(briefing, document)
        try:
            place.parent.mkdir(mode=0o700, exist_ok=True)
            os.rename(made, place)
            _sync(place.parent)
        except OSError as problem:
            raise _unusable(place, problem) from problem

    def place(self, briefing: str, document: str) -> Path:
        """The folder of a document."""
        return self._root / briefing / document

    def source(self, briefing: str, document: str) -> Path:
        """The file as the host gave it."""
        return self.place(briefing, document) / SOURCE

    def page(self, briefing: str, document: str, number: int, size: str) -> Path:
        """The picture of a page; `size` one of SIZES."""
        return self.place(briefing, document) / f"{size}-{number}.webp"

    def remove(self, briefing: str, document: str | None = None) -> None:
        """Removes a document, or all of a briefing's; none is fine."""
        place = self._root / briefing
        shutil.rmtree(place if document is None else place / document, ignore_errors=True)

    def sweep(self) -> None:
        """Removes what an earlier run left half made."""
        for left in self._root.glob(f"{_ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Makes a new name in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(path: Path, problem: OSError) -> StorageError:
    return StorageError("data_unusable", data=str(path), problem=problem.strerror or "?")
