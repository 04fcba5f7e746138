"""The documents of `<data>/documents/` inside a backup, so that a backup is one file.

Rule 1: a backup stays an SQLite database; its documents are the table `sqlar` of the SQLite Archive format
(https://sqlite.org/sqlar.html), so that `sqlite3 -A` unpacks them too.
Rule 2: which documents there are is what the copied log says: added and not withdrawn. What else lies in the
folder is left over.
Rule 3: when they come back, nothing is overwritten and no name leads out of the folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from coordinator.domain.errors import StorageError
from coordinator.storage.folder import create_private, sync_folder

FOLDER = "documents"
_SOURCE = "source"  # the file as the host gave it
_TABLE = """CREATE TABLE sqlar (
    name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB
)"""
_PLACE = re.compile(rf"{FOLDER}/(\w+)/(\w+)/({_SOURCE}|(?:large|small)-\d+\.webp)", re.ASCII)
_NAMED = """SELECT briefing, seq, type, json_extract(payload, '$.document'),
    json_extract(payload, '$.sha256'), json_extract(payload, '$.pages') FROM events
    WHERE type IN ('DocumentAdded', 'DocumentWithdrawn') AND json_valid(payload) ORDER BY briefing, seq"""


@dataclass(frozen=True, slots=True)
class Paper:
    """One document of the log. `seq`: the event that added it; `pages`: as rendered, two pictures each."""

    briefing: str
    document: str
    seq: int
    sha256: str
    pages: int

    @property
    def files(self) -> list[str]:
        """Its files, as paths under the data folder."""
        names = [f"{size}-{page}.webp" for page in range(1, self.pages + 1) for size in ("large", "small")]
        return [f"{FOLDER}/{self.briefing}/{self.document}/{name}" for name in (_SOURCE, *names)]


def named(database: sqlite3.Connection) -> list[Paper]:
    """The documents that the log says are there."""
    found: dict[tuple[str, str], Paper] = {}
    for briefing, seq, kind, document, digest, pages in database.execute(_NAMED):
        key = (str(briefing), str(document))
        if kind == "DocumentAdded":
            found[key] = Paper(*key, int(seq), str(digest), int(pages))
        else:
            found.pop(key, None)
    return list(found.values())


def pack(database: sqlite3.Connection, data: Path) -> list[Paper]:
    """Puts the documents into a copied database; returns those whose files are not all there, left out."""
    database.execute("BEGIN")
    database.execute(_TABLE)
    missing = [paper for paper in named(database) if not _pack_one(database, data, paper)]
    database.execute("COMMIT")
    return missing


def _pack_one(database: sqlite3.Connection, data: Path, paper: Paper) -> bool:
    database.execute("SAVEPOINT paper")
    try:
        for name in paper.files:
            content = (data / name).read_bytes()
            when = int((data / name).stat().st_mtime)
            row = (name, 0o100600, when, len(content), content)
            database.execute("INSERT INTO sqlar VALUES (?, ?, ?, ?, ?)", row)
    except FileNotFoundError:
        database.execute("ROLLBACK TO paper")
        return False
    finally:
        database.execute("RELEASE paper")
    return True


def unpack(database: sqlite3.Connection, aside: Path) -> list[Paper]:
    """Writes the documents under the empty folder `aside` and takes them out of the database.

    Returns those whose file is not the one that the log has the SHA-256 of; left out documents are none.

    Raises:
        StorageError: data_corrupt (a name that is none of ours), data_unusable.
    """
    tables = database.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlar' AND type = 'table'")
    if not tables.fetchone()[0]:
        return []
    for name, content in database.execute("SELECT name, data FROM sqlar"):
        if not isinstance(name, str) or not _PLACE.fullmatch(name) or not isinstance(content, bytes):
            raise StorageError("data_corrupt", data=str(aside), problem=f"sqlar: {name!r:.80}")
        _folder((aside / name).parent)
        create_private(aside / name, content)
    altered = [paper for paper in named(database) if _is_altered(aside, paper)]
    database.execute("DROP TABLE sqlar")
    database.execute("VACUUM")
    return altered


def _is_altered(aside: Path, paper: Paper) -> bool:
    source = aside / paper.files[0]
    return source.exists() and hashlib.sha256(source.read_bytes()).hexdigest() != paper.sha256


def put_back(aside: Path, data: Path) -> None:
    """Gives unpacked documents their place, where there is none of that name yet."""
    for made in sorted((aside / FOLDER).glob("*/*")):
        place = data / made.relative_to(aside)
        _folder(place.parent)
        if not place.exists():
            os.rename(made, place)
            sync_folder(place.parent)
    if (data / FOLDER).is_dir():
        sync_folder(data / FOLDER)


def _folder(place: Path) -> None:
    """Makes a private folder and those it lies in."""
    if not place.is_dir():
        _folder(place.parent)
        place.mkdir(mode=0o700)
