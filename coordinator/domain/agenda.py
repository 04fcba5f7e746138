"""The agenda: what is to come in which order, and where the briefing is. It steers nothing by itself.

Rule 1: an agenda is written whole; the place in it is kept by its number, so a change before it moves it.
Rule 2: giving the floor to a site of the agenda is a command of its own (floor.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.domain import commands as c
from coordinator.domain.errors import Refusal
from coordinator.domain.events import AgendaMoved, AgendaSet, Event
from coordinator.domain.moments import Moment
from coordinator.domain.state import State

MOST_ITEMS = 40
LONGEST_ITEM = 200
MOST_MINUTES = 1_440


def set_agenda(state: State, command: c.SetAgenda, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: too_many_items, unknown_site."""
    if len(command.items) > MOST_ITEMS:
        raise Refusal("too_many_items", most=MOST_ITEMS)
    for item in command.items:
        if item.site is not None:
            state.site(item.site)
    happened: list[Event] = [] if command.items == state.agenda else [AgendaSet(command.items)]
    if happened and state.agenda_item is not None and state.agenda_item > len(command.items):
        happened.append(AgendaMoved(None))
    return happened


def move(state: State, command: c.MoveAgenda, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: bad_number."""
    if command.item is not None and not 1 <= command.item <= len(state.agenda):
        raise Refusal("bad_number", field="item", value=command.item)
    return [] if command.item == state.agenda_item else [AgendaMoved(command.item)]


DECIDERS: dict[type[c.Command], Callable[[State, Any, Moment, c.Actor], list[Event]]] = {
    c.SetAgenda: set_agenda,
    c.MoveAgenda: move,
}


def for_hub(state: State) -> list[dict[str, Any]]:
    """The hub's part of a full snapshot."""
    return [{"title": item.title, "minutes": item.minutes, "site": item.site} for item in state.agenda]
