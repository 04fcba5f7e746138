"""The floor and the stage: hands, who speaks, what everybody sees.

Rule 1: one holder at a time, the hub or a site; giving it to another takes it back first (`given_on`).
Rule 2: it is given to a site that is on line, while the briefing is live.
Rule 3: what changes nothing is no event: pressing twice is pressing once.
"""

from __future__ import annotations

from coordinator.domain import commands as c
from coordinator.domain.errors import Refusal
from coordinator.domain.events import (
    HUB,
    SLIDES,
    Event,
    FloorGiven,
    FloorTaken,
    HandLowered,
    HandRaised,
    StageSet,
)
from coordinator.domain.moments import Moment
from coordinator.domain.state import Stage, State


def raise_hand(state: State, command: c.RaiseHand, at: Moment, actor: c.Actor) -> list[Event]:
    """A second time with another topic changes the topic and keeps the place in the queue."""
    _must_be_on_line(state, command.site, at)
    raised = command.site in state.hands and state.hands[command.site] == command.topic
    if raised or state.floor == command.site:
        return []
    return [HandRaised(command.site, command.topic)]


def lower_hand(state: State, command: c.LowerHand, at: Moment, actor: c.Actor) -> list[Event]:
    return [HandLowered(state.site(command.site).code)] if command.site in state.hands else []


def give(state: State, command: c.GiveFloor, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, site_not_online."""
    _must_be_on_line(state, command.site, at)
    if state.floor == command.site:
        return []
    happened: list[Event] = [] if state.floor == HUB else [FloorTaken(state.floor, "given_on")]
    return [*happened, FloorGiven(command.site)]


def take(state: State, command: c.TakeFloor, at: Moment, actor: c.Actor) -> list[Event]:
    return back(state, "host")


def hand_back(state: State, command: c.ReturnFloor, at: Moment, actor: c.Actor) -> list[Event]:
    """A site gives back what is its own; one that no longer has the floor changes nothing."""
    return back(state, "returned") if state.floor == state.site(command.site).code else []


def back(state: State, reason: str) -> list[Event]:
    """The floor goes back to the hub, where a site has it."""
    return [] if state.floor == HUB else [FloorTaken(state.floor, reason)]


def set_stage(state: State, command: c.SetStage, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, same_twice."""
    for place in (command.left, command.right):
        if place not in (HUB, SLIDES, None):
            state.site(str(place))
    if command.left == command.right:
        raise Refusal("same_twice", place=command.left)
    same = Stage(command.left, command.right) == state.programme
    return [] if same else [StageSet(command.left, command.right)]


def _must_be_on_line(state: State, site: str, at: Moment) -> None:
    state.site(site)
    if not state.on_line(site, at):
        raise Refusal("site_not_online", site=site)
