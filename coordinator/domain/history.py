"""What each event changes: the one place where a briefing's lasting state moves.

Rule 1: `apply` never refuses; what is in the log has happened.
Rule 2: nothing here decides or reads memory; the same events make the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from coordinator.domain import events as e
from coordinator.domain.events import HUB
from coordinator.domain.moments import Moment
from coordinator.domain.state import (
    BREAK,
    CANCELLED,
    ENDED,
    LIVE,
    OPEN,
    Connection,
    Document,
    Message,
    Stage,
    State,
)

Change = Callable[[State, Any, Moment], None]


def apply(state: State, event: e.Event, at: Moment) -> None:
    """Brings the state up to date with one event that happened at `at`; unknown kinds only pass time."""
    change = _CHANGES.get(type(event))
    if change is not None:
        change(state, event, at)
    state.last_event = at


def _created(state: State, event: e.BriefingCreated, at: Moment) -> None:
    state.created = True
    state.title, state.kind = event.title, event.kind
    state.document_number, state.starts_at_ms = event.document_number, event.starts_at_ms
    state.sites = {site.code: site for site in event.sites}


def _opened(state: State, event: e.BriefingOpened, at: Moment) -> None:
    state.phase = OPEN


def _started(state: State, event: e.BriefingStarted, at: Moment) -> None:
    state.phase, state.started = LIVE, at
    state.thresholds = event.thresholds
    state.sites = {site.code: site for site in event.sites}


def _break(state: State, event: e.BreakStarted, at: Moment) -> None:
    state.phase, state.break_since = BREAK, at


def _resumed(state: State, event: e.BreakEnded, at: Moment) -> None:
    state.phase, state.break_since = LIVE, None


def _ended(state: State, event: e.BriefingEnded, at: Moment) -> None:
    state.phase, state.ended, state.break_since = ENDED, at, None
    state.hands.clear()


def _cancelled(state: State, event: e.BriefingCancelled, at: Moment) -> None:
    state.phase = CANCELLED
    state.hands.clear()


def _connected(state: State, event: e.ConnectionOpened, at: Moment) -> None:
    line = Connection(event.site, event.connection, event.device, event.page, at, at, event.follows)
    state.connections[event.connection] = line
    state.newest[event.site] = event.connection
    if line.is_hub:
        state.hub_gone = None


def _disconnected(state: State, event: e.ConnectionClosed, at: Moment) -> None:
    line = state.connections.get(event.connection)
    if line is None or not line.is_open:
        return
    line.reason, line.last_alive, line.late = event.reason, event.last_alive or at, ()
    if line.is_hub and not any(other.is_hub for other in state.open_lines()):
        state.hub_gone = line


def _healed(state: State, event: e.ConnectionHealed, at: Moment) -> None:
    line = state.connections[event.connection]
    line.reason, line.last_alive, line.late, line.again = None, at, (), None
    if line.is_hub:
        state.hub_gone = None


def _media_up(state: State, event: e.MediaUp, at: Moment) -> None:
    line = state.connections[event.connection]
    line.media_up, line.last_alive = True, at


def _following(state: State, event: e.FollowingChanged, at: Moment) -> None:
    line = state.connections[event.connection]
    line.following, line.sound_only, line.last_alive = event.following, event.sound_only, at


def _marked(state: State, event: e.AliveMarked, at: Moment) -> None:
    state.last_mark = at
    for mark in event.marks:
        line = state.connections.get(mark.connection)
        alive = at.before(mark.ago_ms)
        if line is not None and line.is_open and alive.ms_since(line.last_alive) > 0:
            line.last_alive = alive


def _outage(state: State, event: e.OutageBegan, at: Moment) -> None:
    state.outages.add(event.part)


def _works_again(state: State, event: e.OutageEnded, at: Moment) -> None:
    state.outages.discard(event.part)
    if event.part == "server":
        state.frozen_since = None


def _hand(state: State, event: e.HandRaised, at: Moment) -> None:
    state.hands[event.site] = event.topic


def _no_hand(state: State, event: e.HandLowered, at: Moment) -> None:
    state.hands.pop(event.site, None)


def _floor(state: State, event: e.FloorGiven, at: Moment) -> None:
    state.floor, state.floor_since = event.site, at
    state.hands.pop(event.site, None)  # being given the floor answers the hand


def _floor_back(state: State, event: e.FloorTaken, at: Moment) -> None:
    state.floor, state.floor_since = HUB, None


def _staged(state: State, event: e.StageSet, at: Moment) -> None:
    state.programme = Stage(event.left, event.right)


def _agenda(state: State, event: e.AgendaSet, at: Moment) -> None:
    state.agenda = event.items


def _at_item(state: State, event: e.AgendaMoved, at: Moment) -> None:
    state.agenda_item, state.agenda_since = event.item, at if event.item is not None else None


def _slide(state: State, event: e.SlideShown, at: Moment) -> None:
    state.slide, state.document, state.slide_since = event.slide, event.document, at


def _no_slides(state: State, event: e.SlidesHidden, at: Moment) -> None:
    state.slide, state.document = None, None


def _document(state: State, event: e.DocumentAdded, at: Moment) -> None:
    state.documents[event.document] = Document(
        event.document, event.name, event.sha256, event.pages, event.bytes
    )


def _no_document(state: State, event: e.DocumentWithdrawn, at: Moment) -> None:
    state.documents.pop(event.document, None)
    if state.document == event.document:
        state.slide, state.document = None, None


def _received(state: State, event: e.DocumentReceived, at: Moment) -> None:
    if event.document in state.documents:
        state.documents[event.document].received.setdefault(event.site, at)


def _checked(state: State, event: e.LineChecked, at: Moment) -> None:
    state.checks[event.site] = (event, at)


def _message(state: State, event: e.MessageSent, at: Moment) -> None:
    state.messages.append(Message(len(state.messages) + 1, at, event.site, event.text, event.to_hub))


def _roll_call(state: State, event: e.RollCallStarted, at: Moment) -> None:
    state.roll_calls.start(event, at)


def _called(state: State, event: e.SiteCalled, at: Moment) -> None:
    state.roll_calls.called = event.site


def _declared(state: State, event: e.HeadcountDeclared, at: Moment) -> None:
    state.roll_calls.declare(event, at)
    _unsettled(state, event.site)


def _confirmed(state: State, event: e.HeadcountConfirmed, at: Moment) -> None:
    state.roll_calls.confirm(event, at)
    _unsettled(state, event.site)


def _expected(state: State, event: e.ExpectedChanged, at: Moment) -> None:
    _unsettled(state, event.site)
    site = state.sites[event.site]
    state.sites[event.site] = replace(site, expected=event.expected, expected_members=event.expected_members)


def _phoned(state: State, event: e.ConfirmedByPhone, at: Moment) -> None:
    state.by_phone.add(event.site)
    _unsettled(state, event.site)


def _made_up(state: State, event: e.MadeUp, at: Moment) -> None:
    state.made_up.setdefault(event.site, {})[event.on] = event.persons
    _unsettled(state, event.site)


def _signed(state: State, event: e.SiteSigned, at: Moment) -> None:
    state.signed[event.site] = (event, True)


def _unsettled(state: State, site: str) -> None:
    """The site's figures changed after it signed."""
    if site in state.signed:
        state.signed[site] = (state.signed[site][0], False)


_CHANGES: dict[type[e.Event], Change] = {
    e.BriefingCreated: _created,
    e.BriefingOpened: _opened,
    e.BriefingStarted: _started,
    e.BreakStarted: _break,
    e.BreakEnded: _resumed,
    e.BriefingEnded: _ended,
    e.BriefingCancelled: _cancelled,
    e.ConnectionOpened: _connected,
    e.ConnectionClosed: _disconnected,
    e.ConnectionHealed: _healed,
    e.MediaUp: _media_up,
    e.FollowingChanged: _following,
    e.AliveMarked: _marked,
    e.OutageBegan: _outage,
    e.OutageEnded: _works_again,
    e.HandRaised: _hand,
    e.HandLowered: _no_hand,
    e.FloorGiven: _floor,
    e.FloorTaken: _floor_back,
    e.StageSet: _staged,
    e.AgendaSet: _agenda,
    e.AgendaMoved: _at_item,
    e.SlideShown: _slide,
    e.SlidesHidden: _no_slides,
    e.DocumentAdded: _document,
    e.DocumentWithdrawn: _no_document,
    e.DocumentReceived: _received,
    e.MessageSent: _message,
    e.LineChecked: _checked,
    e.RollCallStarted: _roll_call,
    e.SiteCalled: _called,
    e.HeadcountDeclared: _declared,
    e.HeadcountConfirmed: _confirmed,
    e.ExpectedChanged: _expected,
    e.ConfirmedByPhone: _phoned,
    e.MadeUp: _made_up,
    e.SiteSigned: _signed,
}
