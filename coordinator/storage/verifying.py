"""Checks every chain and names the first event that does not fit (ATTENDANCE.md rule 13).

Rule 1: it reads the columns as they are and trusts nothing: a spoilt row is a finding, never an exception.
Rule 2: one fault a chain: after the first, everything that follows is in doubt anyway.
What it compares: sequence numbers, canonical payloads, hashes, seals inside the chain, the noted head, the
list of briefings, and the seals that the system chain keeps of the others; a chain that was sealed and is
gone has to have been purged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from coordinator.domain.errors import StorageError
from coordinator.domain.events import SYSTEM_CHAIN
from coordinator.storage import chain, projection
from coordinator.storage.log import Reader

_COLUMNS = (*chain.FIELDS, "hash")


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing wrong with one chain. `seq`: the event that does not fit; 0 = the whole file.

    `what`: missing | payload | hash | seal | head | projection | unreadable; of a restore also document.
    """

    briefing: str
    seq: int
    what: str


def verify(reader: Reader, briefing: str | None = None) -> list[Fault]:
    """Checks one chain, or with None all of them; an empty list means that everything fits.

    Raises:
        StorageError: no_data, unknown_briefing.
    """
    try:
        with reader.connected() as connection, _one_view(connection):
            names = _chains(connection)
            if briefing is not None and briefing not in names:
                raise StorageError("unknown_briefing", briefing=briefing)
            chosen = names if briefing is None else [briefing]
            return [fault for name in chosen if (fault := _check(connection, name)) is not None]
    except StorageError as problem:
        if problem.code in ("no_data", "unknown_briefing"):
            raise
        return [Fault(briefing or "*", 0, "unreadable")]


@contextmanager
def _one_view(connection: sqlite3.Connection) -> Iterator[None]:
    """All questions inside see the database at one moment, whatever the writer does meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _chains(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute(
        "SELECT briefing FROM events UNION SELECT briefing FROM heads UNION SELECT id FROM briefings"
    ).fetchall()
    missing = _noted(connection, "ChainSealed") - _noted(connection, "ChainPurged")
    return sorted({str(name) for (name,) in found} | missing)


def _noted(connection: sqlite3.Connection, kind: str) -> set[str]:
    """The briefings that the system chain has an event of this type about."""
    found = connection.execute(
        "SELECT DISTINCT json_extract(payload, '$.about') FROM events WHERE briefing = ? AND type = ?"
        " AND json_valid(payload)",
        (SYSTEM_CHAIN, kind),
    ).fetchall()
    return {str(name) for (name,) in found}


def _check(connection: sqlite3.Connection, briefing: str) -> Fault | None:
    """Walks one chain to the first event that does not fit."""
    digest, line = chain.genesis(briefing), None
    hashes = [digest]
    query = f"SELECT {', '.join(_COLUMNS)} FROM events WHERE briefing = ? ORDER BY seq"
    try:
        for seq, row in enumerate(connection.execute(query, (briefing,)), 1):
            fields = dict(zip(_COLUMNS, row, strict=True))
            what, payload = _misfit(fields, seq, digest)
            if what is not None:
                return Fault(briefing, seq, what)
            digest = str(fields["hash"])
            hashes.append(digest)
            if briefing != SYSTEM_CHAIN:
                line = projection.step(line, briefing, fields["type"], fields["utc_ms"], payload)
    except (sqlite3.Error, KeyError, UnicodeError):
        return Fault(briefing, len(hashes), "unreadable")
    return _check_outside(connection, briefing, hashes, line)


def _misfit(fields: dict[str, Any], seq: int, previous: str) -> tuple[str | None, dict[str, Any]]:
    """What is wrong with one row, if anything, and its payload."""
    if fields["seq"] != seq:
        return "missing", {}
    try:
        payload = json.loads(fields["payload"])
        if chain.canonical(payload) != fields["payload"].encode() or not isinstance(payload, dict):
            return "payload", {}
        columns = {name: fields[name] for name in chain.FIELDS}
        expected = chain.link(previous, columns | {"payload": payload})
    except (StorageError, ValueError, TypeError, AttributeError, RecursionError):
        return "payload", {}
    if fields["hash"] != expected:
        return "hash", {}
    sealed = payload.get("head_hash"), payload.get("events")
    if fields["type"] == "Sealed" and sealed != (previous, seq - 1):
        return "seal", {}
    return None, payload


def _check_outside(
    connection: sqlite3.Connection, briefing: str, hashes: list[str], line: projection.BriefingRow | None
) -> Fault | None:
    """Compares a chain that fits in itself with what was noted of it elsewhere."""
    last = len(hashes) - 1
    noted = connection.execute("SELECT seq, hash FROM heads WHERE briefing = ?", (briefing,)).fetchone()
    if noted is None and last == 0:
        return Fault(briefing, 1, "missing")  # sealed once, now gone without a word
    if noted is None or tuple(noted) != (last, hashes[last]):
        short = noted is not None and noted[0] > last
        return Fault(briefing, last + 1 if short else last, "missing" if short else "head")
    if briefing == SYSTEM_CHAIN:
        return None
    seals = connection.execute(
        "SELECT json_extract(payload, '$.head_hash') FROM events WHERE briefing = ? AND type = 'ChainSealed'"
        " AND json_valid(payload) AND json_extract(payload, '$.about') = ?",
        (SYSTEM_CHAIN, briefing),
    ).fetchall()
    if any(seal not in hashes for (seal,) in seals):
        return Fault(briefing, last, "seal")
    return None if projection.read(connection, briefing) == line else Fault(briefing, last, "projection")
