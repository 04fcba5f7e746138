"""What happens to a briefing's figures: roll calls, headcounts, corrections, notes and sign-offs.

Rule 1: as in events.py, which knows these too: a log is read through it.
Rule 2: nothing is overwritten; what corrects an earlier event comes after it and says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.domain.event_base import Event


@dataclass(frozen=True)
class RollCallStarted(Event):
    """`mode`: all (everybody answers at once) | in_turn (the host calls one by one).

    `label`: start | middle | end, None where it is none of them.
    """

    roll_call: int  # 1, 2, 3 …; a briefing starts with number 1
    mode: str = "all"
    label: str | None = None


@dataclass(frozen=True)
class SiteCalled(Event):
    """In a roll call in turn the host called this site by its name."""

    site: str
    roll_call: int


@dataclass(frozen=True)
class HeadcountDeclared(Event):
    """None = not declared, which is never zero."""

    site: str
    roll_call: int
    present: int
    members: int | None = None
    excused: int | None = None
    unexcused: int | None = None
    extra: int | None = None
    note: str | None = None
    reason: str | None = None  # why host or staff declared or corrected it


@dataclass(frozen=True)
class HeadcountConfirmed(Event):
    """Host or staff confirmed the site's declaration `declaration` (1, 2, … in log order of that site)."""

    site: str
    roll_call: int
    declaration: int


@dataclass(frozen=True)
class ExpectedChanged(Event):
    site: str
    expected: int
    expected_members: int | None
    reason: str


@dataclass(frozen=True)
class ConfirmedByPhone(Event):
    site: str
    name: str
    reason: str


@dataclass(frozen=True)
class MadeUp(Event):
    """After the end: so many absent persons took it in later, from a recording, on that day (YYYY-MM-DD).

    Counted in a column of its own (ATTENDANCE.md rule 12). A later one of the same day corrects the earlier.
    """

    site: str
    persons: int
    on: str
    reason: str


@dataclass(frozen=True)
class NoteAdded(Event):
    """Host or staff wrote something down about a site, or with None about the whole briefing."""

    site: str | None
    text: str
    reason: str | None = None


@dataclass(frozen=True)
class SiteSigned(Event):
    """After the end the operator answered for the own line: right | wrong, and then `remark` says what."""

    site: str
    answer: str
    remark: str | None = None
