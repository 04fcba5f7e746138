"""What the list of briefings shows, kept beside the log and made of it alone.

Rule 1: a projection is written in the transaction that appends the event.
Rule 2: it can be thrown away: `rebuild` makes it again from the events, and `verify` compares the two.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import Any

from coordinator.domain.events import SYSTEM_CHAIN


@dataclass(frozen=True, slots=True)
class BriefingRow:
    """One line of the list of briefings. Times in UTC ms; `phase` as in `Briefing.phase`."""

    id: str
    title: str
    kind: str
    document_number: str | None
    phase: str
    created_ms: int
    starts_at_ms: int | None
    started_ms: int | None = None
    ended_ms: int | None = None


COLUMNS = "id, title, kind, document_number, phase, created_ms, starts_at_ms, started_ms, ended_ms"
_PHASES = {
    "BriefingOpened": "open", "BriefingStarted": "live", "BreakStarted": "break", "BreakEnded": "live",
    "BriefingEnded": "ended", "BriefingCancelled": "cancelled",
}  # fmt: skip


def step(
    row: BriefingRow | None, briefing: str, kind: str, utc_ms: int, payload: dict[str, Any]
) -> BriefingRow | None:
    """The line after one more event; None as long as nothing has created the briefing."""
    if kind == "BriefingCreated":
        return BriefingRow(
            briefing, payload["title"], payload["kind"], payload.get("document_number"), "scheduled", utc_ms,
            payload.get("starts_at_ms"),
        )  # fmt: skip
    if row is None or kind not in _PHASES:
        return row
    row = replace(row, phase=_PHASES[kind])
    if kind == "BriefingStarted":
        row = replace(row, started_ms=utc_ms)
    return replace(row, ended_ms=utc_ms) if kind == "BriefingEnded" else row


def concerns(kind: str) -> bool:
    """Whether an event of this type changes the line."""
    return kind == "BriefingCreated" or kind in _PHASES


def read(connection: sqlite3.Connection, briefing: str) -> BriefingRow | None:
    """The line as written."""
    found = connection.execute(f"SELECT {COLUMNS} FROM briefings WHERE id = ?", (briefing,)).fetchone()
    return BriefingRow(*found) if found else None


def write(connection: sqlite3.Connection, row: BriefingRow) -> None:
    """Replaces the line."""
    marks = ", ".join("?" * len(astuple(row)))
    connection.execute(f"INSERT OR REPLACE INTO briefings ({COLUMNS}) VALUES ({marks})", astuple(row))


def write_head(connection: sqlite3.Connection, briefing: str, seq: int, digest: str) -> None:
    """Notes where the chain now ends."""
    connection.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", (briefing, seq, digest))


def fold(briefing: str, events: Iterable[tuple[str, int, str]]) -> BriefingRow | None:
    """The line made of a whole chain's (type, utc_ms, payload as JSON)."""
    row: BriefingRow | None = None
    for kind, utc_ms, payload in events:
        if briefing != SYSTEM_CHAIN and concerns(kind):
            row = step(row, briefing, kind, utc_ms, json.loads(payload))
    return row


def rebuild(connection: sqlite3.Connection) -> None:
    """Makes all projections again from the events, inside the caller's transaction."""
    connection.execute("DELETE FROM briefings")
    connection.execute("DELETE FROM heads")
    connection.execute(
        "INSERT INTO heads SELECT e.briefing, e.seq, e.hash FROM events e JOIN"
        " (SELECT briefing, max(seq) AS seq FROM events GROUP BY briefing) last"
        " ON e.briefing = last.briefing AND e.seq = last.seq"
    )
    for (briefing,) in connection.execute("SELECT briefing FROM heads").fetchall():
        events = connection.execute(
            "SELECT type, utc_ms, payload FROM events WHERE briefing = ? ORDER BY seq", (briefing,)
        )
        row = fold(briefing, events)
        if row is not None:
            write(connection, row)
