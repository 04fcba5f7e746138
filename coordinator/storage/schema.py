"""The tables, by numbered migrations.

Rule 1: a migration that has been released is never edited; a change is a new number at the end.
Rule 2: each runs with its `user_version` in one transaction: a crash leaves the old version or the new one.
Rule 3: `events` only grows: triggers refuse UPDATE, DELETE, REPLACE and any `seq` but the next.
Before an older database is changed, a copy is kept beside it as `before-v<N>.db`.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from coordinator.domain.errors import StorageError
from coordinator.storage import projection
from coordinator.storage.database import immediate, translated

NO_DELETE = """CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"""
_EVENTS = (
    """CREATE TABLE events (
        briefing TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, site TEXT, connection TEXT,
        type TEXT NOT NULL, utc_ms INTEGER NOT NULL, mono_ms INTEGER NOT NULL, boot TEXT NOT NULL,
        actor TEXT NOT NULL, payload TEXT NOT NULL, hash TEXT NOT NULL,
        PRIMARY KEY (briefing, seq)
    ) STRICT""",
    """CREATE TRIGGER events_no_update BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
    NO_DELETE,
    """CREATE TRIGGER events_next_only BEFORE INSERT ON events
        WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM events WHERE briefing = NEW.briefing), 0)
          OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
)
_PROJECTIONS = (
    "CREATE TABLE heads (briefing TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT",
    """CREATE TABLE briefings (
        id TEXT PRIMARY KEY, title TEXT NOT NULL, kind TEXT NOT NULL, document_number TEXT,
        phase TEXT NOT NULL, created_ms INTEGER NOT NULL, starts_at_ms INTEGER, started_ms INTEGER,
        ended_ms INTEGER
    ) STRICT""",
)
_ACCESS = (
    """CREATE TABLE accounts (
        name TEXT PRIMARY KEY, role TEXT NOT NULL CHECK (role IN ('host', 'staff', 'admin')),
        password TEXT NOT NULL, created_ms INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE tokens (
        hash TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, created_ms INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE cookies (
        hash TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, site TEXT, generation INTEGER,
        opened_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX cookies_by_name ON cookies (name)",
    "CREATE TABLE links (code TEXT PRIMARY KEY, generation INTEGER NOT NULL) STRICT",
)
_RECORDS = (
    # What reports read of a briefing that is over; the marks are nine tenths of a log.
    "CREATE INDEX events_but_marks ON events (briefing, seq) WHERE type <> 'AliveMarked'",
    """CREATE TABLE imports (
        id INTEGER PRIMARY KEY, file TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE, rows INTEGER NOT NULL,
        imported_ms INTEGER NOT NULL, actor TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE imported_figures (
        import INTEGER NOT NULL REFERENCES imports (id), line INTEGER NOT NULL, held_on TEXT NOT NULL,
        title TEXT NOT NULL, kind TEXT NOT NULL, site TEXT NOT NULL, site_name TEXT NOT NULL,
        expected INTEGER NOT NULL, present INTEGER,
        PRIMARY KEY (held_on, title, site)
    ) STRICT""",
)
_ROSTERS = (
    """CREATE TABLE roster (
        site TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, post TEXT NOT NULL,
        PRIMARY KEY (site, number)
    ) STRICT""",
    """CREATE TABLE attendees (
        id INTEGER PRIMARY KEY, briefing TEXT NOT NULL, site TEXT NOT NULL, name TEXT NOT NULL,
        post TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('waiting', 'present', 'refused')),
        by TEXT NOT NULL CHECK (by IN ('operator', 'self')), at_ms INTEGER NOT NULL,
        UNIQUE (briefing, site, name, post)
    ) STRICT""",
    """CREATE TABLE checkins (
        token TEXT PRIMARY KEY, briefing TEXT NOT NULL, site TEXT NOT NULL, UNIQUE (briefing, site)
    ) STRICT""",
)
MIGRATIONS = (_EVENTS, _PROJECTIONS, _ACCESS, _RECORDS, _ROSTERS)
VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last migration the database has seen; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_readable(connection: sqlite3.Connection, data: Path) -> None:
    """Refuses to read tables of another version.

    Raises:
        StorageError: data_too_old (the next start of the server brings them up to date), data_too_new.
    """
    found = version_of(connection)
    if found != VERSION:
        code = "data_too_new" if found > VERSION else "data_too_old"
        raise StorageError(code, data=str(data), found=found, known=VERSION)


def migrate(connection: sqlite3.Connection, data: Path) -> None:
    """Brings the database to VERSION.

    Raises:
        StorageError: data_too_new, or whatever kept it from being written; the database is as before.
    """
    with translated(str(data)):
        found = version_of(connection)
        if found > VERSION:
            raise StorageError("data_too_new", data=str(data), found=found, known=VERSION)
        if 0 < found < VERSION:
            _keep_copy(connection, data / f"before-v{VERSION}.db")
        for number in range(found + 1, VERSION + 1):
            with immediate(connection):
                _apply(connection, number)


def _apply(connection: sqlite3.Connection, number: int) -> None:
    for statement in MIGRATIONS[number - 1]:
        connection.execute(statement)
    if MIGRATIONS[number - 1] is _PROJECTIONS:
        projection.rebuild(connection)
    connection.execute(f"PRAGMA user_version = {number}")


def _keep_copy(connection: sqlite3.Connection, path: Path) -> None:
    if path.exists():
        return  # of an earlier try at the same migration: the first copy is the one to keep
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    copy = sqlite3.connect(path)
    try:
        connection.backup(copy)
    finally:
        copy.close()
