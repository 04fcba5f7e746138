"""What happens to a briefing's agenda.

Rule 1: as in events.py, which knows these too: a log is read through it.
"""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.domain.event_base import Event


@dataclass(frozen=True)
class AgendaItem:
    """One line of the agenda. `minutes`: planned length; `site`: whose turn it is to speak."""

    title: str
    minutes: int | None = None
    site: str | None = None


@dataclass(frozen=True)
class AgendaSet(Event):
    """The whole agenda, as the host wrote it."""

    items: tuple[AgendaItem, ...]


@dataclass(frozen=True)
class AgendaMoved(Event):
    """The briefing is now at this item, counted from 1; None: at none of them."""

    item: int | None
