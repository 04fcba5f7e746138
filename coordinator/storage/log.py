"""The event log: one Store writes, any number of Readers read beside it.

Rule 1: `append` is one synced transaction: all its events are in the log afterwards, or none is.
Rule 2: the head is read inside the same BEGIN IMMEDIATE that appends to it.
Rule 3: a Reader never waits for the writer, and needs no lock (SQLite's WAL).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from coordinator.domain.errors import StorageError
from coordinator.domain.events import (
    SYSTEM,
    SYSTEM_CHAIN,
    ChainSealed,
    Event,
    Recorded,
    Sealed,
    from_payload,
    to_payload,
)
from coordinator.domain.moments import Moment
from coordinator.storage import backups, chain, folder, projection, schema
from coordinator.storage.database import connect_reader, connect_writer, immediate, translated
from coordinator.storage.projection import BriefingRow

Happened = tuple[Event, Moment, str]  # (event, when, actor's name)

_COLUMNS = "seq, id, briefing, site, connection, type, utc_ms, mono_ms, boot, actor, payload, hash"
_BOOT = 8  # its place among them


class Reader:
    """The reading half, from any thread, beside a running Store or alone."""

    def __init__(self, data: Path) -> None:
        """Raises StorageError (no_data) at the first question, not here, where the database is missing."""
        self._data = data
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._guard = threading.Lock()

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """This thread's read-only connection; sqlite3's errors come out as StorageError."""
        found: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if found is None:
            found = connect_reader(self._data)
            try:
                with translated(str(self._data)):
                    schema.check_readable(found, self._data)
            except StorageError:
                found.close()
                raise
            self._own.connection = found
            with self._guard:
                self._opened.append(found)
        with translated(str(self._data)):
            yield found

    def events(self, briefing: str, after: int = 0, without: Collection[str] = ()) -> list[Recorded]:
        """The events of one briefing with `seq` over `after`, in order; types named in `without` left out.

        Raises:
            StorageError: unreadable_event, or the database cannot be read.
        """
        return [_recorded(fields) for fields in self.rows(briefing, after, without)]

    def settled(self, briefing: str) -> list[Recorded]:
        """The events that the attendance of an *ended* briefing rests on, in order, in a tenth of the time.

        Marks of life close nothing any more once a briefing has ended. They are left out but where the
        machine started again beside them: there the two boots' clocks are joined at the last event.

        Raises:
            StorageError: unreadable_event, or the database cannot be read.
        """
        query = f"SELECT {_COLUMNS} FROM events WHERE briefing = ?"
        with self.connected() as connection:
            found = connection.execute(
                f"{query} AND type <> 'AliveMarked' ORDER BY seq", (briefing,)
            ).fetchall()
            ends = [*pairwise(found), *((row, None) for row in found[-1:])]
            for before, after in ends:
                if after is None or (before[_BOOT] != after[_BOOT] and after[0] - before[0] > 1):
                    last = after[0] if after else 2**62
                    marks = connection.execute(
                        f"{query} AND seq > ? AND seq < ?", (briefing, before[0], last)
                    )
                    found += _outermost(marks.fetchall())
        return [_recorded(_fields(row)) for row in sorted(found)]

    def rows(self, briefing: str, after: int = 0, without: Collection[str] = ()) -> list[dict[str, Any]]:
        """The same as plain columns (chain.FIELDS and `hash`), `payload` as an object."""
        left_out = ", ".join("?" * len(without))
        with self.connected() as connection:
            found = connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE briefing = ? AND seq > ?"
                f" AND type NOT IN ({left_out}) ORDER BY seq",
                (briefing, after, *without),
            ).fetchall()
        return [_fields(row) for row in found]

    def jsonl(self, briefing: str) -> bytes:
        """The chain for somebody else to check: one canonical JSON object a line, with its `hash`."""
        return b"".join(chain.canonical(fields) + b"\n" for fields in self.rows(briefing))

    def briefings(self) -> list[BriefingRow]:
        """All briefings, the newest first."""
        with self.connected() as connection:
            rows = connection.execute(
                f"SELECT {projection.COLUMNS} FROM briefings ORDER BY created_ms DESC, id"
            ).fetchall()
        return [BriefingRow(*row) for row in rows]

    def briefing(self, briefing: str) -> BriefingRow | None:
        """One line of `briefings()`, or None."""
        with self.connected() as connection:
            return projection.read(connection, briefing)

    def head(self, briefing: str) -> tuple[int, str]:
        """(seq, hash in hexadecimal) of the last event; (0, genesis) before the first."""
        with self.connected() as connection:
            return _head(connection, briefing)

    def heads(self) -> dict[str, tuple[int, str]]:
        """Where every chain ends, the system chain's too: {briefing: (seq, hash)}. Copy them elsewhere."""
        with self.connected() as connection:
            found = connection.execute("SELECT briefing, seq, hash FROM heads ORDER BY briefing").fetchall()
        return {briefing: (seq, digest) for briefing, seq, digest in found}

    def close(self) -> None:
        """Closes the connections of all threads."""
        with self._guard:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
        self._own = threading.local()


class Store(Reader):
    """The one writer of a data folder; reads like a Reader. Safe from any thread."""

    @classmethod
    def open(cls, data: Path) -> Store:
        """Makes the folder if need be, takes its lock, brings the tables up to date.

        Raises:
            StorageError: data_in_use, data_too_new, data_corrupt, data_read_only, disk_full, data_unusable.
        """
        folder.prepare(data)
        lock = folder.FolderLock(data)
        try:
            writer = connect_writer(data)
            try:
                schema.migrate(writer, data)
            except BaseException:
                writer.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(data, lock, writer)

    def __init__(self, data: Path, lock: folder.FolderLock, writer: sqlite3.Connection) -> None:
        super().__init__(data)
        self.data = data
        self._lock = lock
        self._writer = writer
        self._writing = threading.RLock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One synced write transaction, for accounts and links too; sqlite3's errors come out translated.

        Inside another one of the same thread it is that one's part.
        """
        with self._writing, translated(str(self.data)):
            if self._writer.in_transaction:
                yield self._writer
                return
            with immediate(self._writer) as connection:
                yield connection

    def append(self, briefing: str, happened: Sequence[Happened]) -> list[Recorded]:
        """Writes events to the end of one chain, all or none, synced before it returns.

        Returns them as recorded, with their text in Unicode NFC.

        Raises:
            StorageError: the events could not be written; nothing was.
        """
        if not happened:
            return []
        with self.transaction() as connection:
            seq, digest = _head(connection, briefing)
            recorded = []
            for event, at, actor in happened:
                seq += 1
                fields = _to_fields(seq, briefing, event, at, actor)
                digest = fields["hash"] = chain.link(digest, fields)
                _insert(connection, fields)
                recorded.append(_recorded(fields))
            projection.write_head(connection, briefing, seq, digest)
        return recorded

    def seal(self, briefing: str, at: Moment) -> list[Recorded]:
        """Seals the chain as it stands: `Sealed` at its end, and the seal's hash on the system chain.

        Returns the `Sealed` as recorded.

        Raises:
            StorageError: nothing was written.
        """
        with self.transaction():
            seq, digest = self.head_in_transaction(briefing)
            recorded = self.append(briefing, [(Sealed(digest, seq), at, SYSTEM)])
            self.append(SYSTEM_CHAIN, [(ChainSealed(briefing, recorded[-1].hash), at, SYSTEM)])
        return recorded

    def head_in_transaction(self, briefing: str) -> tuple[int, str]:
        """The head as the running transaction of this thread sees it."""
        with self.transaction() as connection:
            return _head(connection, briefing)

    def rebuild(self) -> None:
        """Makes the projections again from the events."""
        with self.transaction() as connection:
            projection.rebuild(connection)

    def backup(self, path: Path) -> None:
        """Copies the database while it is in use into a new file of mode 0600.

        Raises:
            StorageError: backup_exists, backup_failed.
        """
        backups.copy(self.data, path)

    def close(self) -> None:
        """Closes the database and gives the lock back; a second call does nothing."""
        super().close()
        with self._writing:
            self._writer.close()
            self._lock.release()


def _head(connection: sqlite3.Connection, briefing: str) -> tuple[int, str]:
    found = connection.execute(
        "SELECT seq, hash FROM events WHERE briefing = ? ORDER BY seq DESC LIMIT 1", (briefing,)
    ).fetchone()
    return (found[0], found[1]) if found else (0, chain.genesis(briefing))


def _outermost(rows: list[Any]) -> list[Any]:
    """The first and the last row of each boot."""
    boots = [list(run) for _, run in groupby(sorted(rows), key=lambda row: row[_BOOT])]
    return [row for run in boots for row in (run if len(run) == 1 else (run[0], run[-1]))]


def _to_fields(seq: int, briefing: str, event: Event, at: Moment, actor: str) -> dict[str, Any]:
    fields = {
        "seq": seq, "id": secrets.token_hex(16), "briefing": briefing,
        "site": getattr(event, "site", None), "connection": getattr(event, "connection", None),
        "type": type(event).__name__, "utc_ms": at.utc_ms, "mono_ms": at.mono_ms, "boot": at.boot,
        "actor": actor, "payload": to_payload(event),
    }  # fmt: skip
    composed: dict[str, Any] = chain.composed(fields)
    return composed


def _insert(connection: sqlite3.Connection, fields: dict[str, Any]) -> None:
    payload = chain.canonical(fields["payload"]).decode()
    values = [*(fields[name] for name in chain.FIELDS[:-1]), payload, fields["hash"]]
    connection.execute(f"INSERT INTO events ({_COLUMNS}) VALUES ({', '.join('?' * 12)})", values)
    if projection.concerns(fields["type"]):
        row = projection.read(connection, fields["briefing"])
        row = projection.step(row, fields["briefing"], fields["type"], fields["utc_ms"], fields["payload"])
        if row is not None:
            projection.write(connection, row)


def _fields(row: Sequence[Any]) -> dict[str, Any]:
    fields = dict(zip((*chain.FIELDS, "hash"), row, strict=True))
    try:
        fields["payload"] = json.loads(fields["payload"])
    except ValueError as problem:
        raise StorageError("unreadable_event", briefing=fields["briefing"], seq=fields["seq"]) from problem
    return fields


def _recorded(fields: dict[str, Any]) -> Recorded:
    try:
        event = from_payload(fields["type"], fields["site"], fields["connection"], fields["payload"])
    except (KeyError, TypeError, AttributeError) as problem:
        raise StorageError("unreadable_event", briefing=fields["briefing"], seq=fields["seq"]) from problem
    at = Moment(fields["utc_ms"], fields["mono_ms"], fields["boot"])
    return Recorded(
        fields["seq"], fields["id"], fields["briefing"], at, fields["actor"], event, fields["hash"]
    )
