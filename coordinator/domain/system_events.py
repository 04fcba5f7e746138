"""What happens to the system rather than in one briefing: the system chain (ATTENDANCE.md rule 13).

Rule 1: as in events.py, which knows these too: a log is read through it.
"""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.domain.event_base import Event

SYSTEM_CHAIN = "system"  # the `briefing` of the system chain's events


@dataclass(frozen=True)
class LoggedIn(Event):
    """System chain. `outcome`: ok | refused."""

    account: str
    outcome: str


@dataclass(frozen=True)
class Downloaded(Event):
    """Someone took a report: `what` is the file's name, `about` the briefing's id or None."""

    what: str
    about: str | None = None


@dataclass(frozen=True)
class ServerStarted(Event):
    """System chain. `release`: the program's version."""

    release: str


@dataclass(frozen=True)
class ChainSealed(Event):
    """System chain: a briefing's chain was sealed with this head."""

    about: str
    head_hash: str


@dataclass(frozen=True)
class ChainPurged(Event):
    """System chain: a briefing was removed whole when its time of keeping was over.

    `title`, `head_hash` and `events` say what was there; `file`: the name its export was kept under.
    """

    about: str
    title: str
    head_hash: str
    events: int
    file: str | None = None


@dataclass(frozen=True)
class HistoryImported(Event):
    """System chain: figures of earlier years were taken in; `sha256` of their rows, see history_import.py."""

    file: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class LinkRotated(Event):
    """System chain."""

    site: str
    generation: int
