"""Removes whole briefings whose time of keeping is over, after their export.

Rule 1: only a briefing that has ended or was cancelled, and only whole: no event is taken out of a chain.
Rule 2: what stays is an event of the system chain, written in the same transaction: which briefing, the head
of its chain and the name of its export. `verify` then takes its absence for what it is.
"""

from __future__ import annotations

from coordinator.domain.errors import Refusal
from coordinator.domain.events import SYSTEM_CHAIN, ChainPurged
from coordinator.domain.moments import Moment
from coordinator.storage import schema
from coordinator.storage.log import Reader, Store
from coordinator.storage.projection import BriefingRow

_OVER = ("ended", "cancelled")
_TABLES = (
    ("events", "briefing"), ("heads", "briefing"), ("briefings", "id"),
    ("attendees", "briefing"), ("checkins", "briefing"),
)  # fmt: skip


def due(reader: Reader, before_ms: int) -> list[BriefingRow]:
    """The briefings that were over before that UTC time, the oldest first."""
    rows = [row for row in reader.briefings() if row.phase in _OVER and over_ms(row) < before_ms]
    return sorted(rows, key=over_ms)


def over_ms(row: BriefingRow) -> int:
    """When a briefing was over: its end, else (cancelled) the latest time that is known of it."""
    return row.ended_ms or max(row.started_ms or 0, row.starts_at_ms or 0, row.created_ms)


def purge(store: Store, briefing: str, at: Moment, actor: str, file: str | None = None) -> None:
    """Removes one briefing. `file`: the name its export is kept under.

    Raises:
        Refusal: unknown_briefing, not_over. StorageError: nothing was removed.
    """
    row = store.briefing(briefing)
    if row is None:
        raise Refusal("unknown_briefing", briefing=briefing)
    if row.phase not in _OVER:
        raise Refusal("not_over", briefing=briefing)
    with store.transaction() as connection:
        seq, digest = store.head_in_transaction(briefing)
        store.append(SYSTEM_CHAIN, [(ChainPurged(briefing, row.title, digest, seq, file), at, actor)])
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("DROP TRIGGER events_no_delete")
        for table, key in _TABLES:
            connection.execute(f"DELETE FROM {table} WHERE {key} = ?", (briefing,))
        connection.execute(schema.NO_DELETE)
