"""What a briefing's log says, each fact with its place on the timeline: the raw material of attendance.py.

Rule 1: events are read in the order of their sequence numbers, each once, in whatever order they come in.
Rule 2: a close ends its own connection only, at its `last_alive` where it has one; a heal takes a loss back.
Rule 3: nothing is clipped or merged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from coordinator.domain import events as e
from coordinator.domain.attendance_types import (
    ExpectedRow,
    LineCheckRow,
    MadeUpRow,
    NoteRow,
    PhoneConfirmation,
    SignOffRow,
)
from coordinator.domain.intervals import Timeline
from coordinator.domain.moments import Moment
from coordinator.domain.roll_call import RollCalls
from coordinator.domain.state import LOST_MS


@dataclass(slots=True)
class Point:
    """A moment with its place in ms on the timeline."""

    place: int
    moment: Moment


@dataclass(slots=True)
class Line:
    """One raw connection. `end` None: open. `states`: (from which place on, following, sound alone?)."""

    event: e.ConnectionOpened
    start: Point
    proof: int  # the place of the last proof of life on record
    end: Point | None = None
    reason: str | None = None
    states: list[tuple[int, str, bool]] = field(default_factory=list)


@dataclass(slots=True)
class Stretch:
    """Something with a beginning and perhaps an end: a break, an outage (of part `what`), a site's speech."""

    what: str
    start: Point
    end: Point | None = None
    reason: str | None = None


@dataclass(slots=True)
class Log:
    """The facts of one briefing up to `until`. Made by `read`."""

    until: Point
    time: Timeline = field(default_factory=Timeline)
    id: str = ""
    head: tuple[int, str] = (0, "")
    created: e.BriefingCreated | None = None
    phase: str = "scheduled"
    rules_version: str = e.RULES_VERSION
    thresholds: e.Thresholds = field(default_factory=e.Thresholds)
    sites: dict[str, e.Summoned] = field(default_factory=dict)
    started: Point | None = None
    ended: Point | None = None
    breaks: list[Stretch] = field(default_factory=list)
    outages: list[Stretch] = field(default_factory=list)
    lines: dict[str, Line] = field(default_factory=dict)  # by connection
    speeches: list[Stretch] = field(default_factory=list)
    roll_calls: RollCalls = field(default_factory=RollCalls)
    declared_by: dict[tuple[str, int], str] = field(default_factory=dict)
    confirmed_by: dict[tuple[str, int], str] = field(default_factory=dict)
    phones: dict[str, PhoneConfirmation] = field(default_factory=dict)
    expected_changes: dict[str, list[ExpectedRow]] = field(default_factory=dict)
    line_checks: dict[str, list[LineCheckRow]] = field(default_factory=dict)
    made_up: dict[str, list[MadeUpRow]] = field(default_factory=dict)
    notes: dict[str | None, list[NoteRow]] = field(default_factory=dict)
    signed: dict[str, list[SignOffRow]] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.phase in ("ended", "cancelled")

    def end_of(self, line: Line) -> int:
        """Where a connection ends; an open one at the end, or now: at most 20 s after its last proof."""
        if line.end is not None:
            return line.end.place
        if self.ended is not None:
            return self.ended.place
        return min(self.until.place, line.proof + LOST_MS)


def read(recorded: Iterable[e.Recorded], until: Moment) -> Log:
    """Reads a log, whole or up to now; `until` is the moment of asking."""
    log = Log(Point(0, until))
    in_order = {one.seq: one for one in recorded}
    for seq in sorted(in_order):
        one = in_order[seq]
        log.id, log.head = one.briefing, (one.seq, one.hash)
        at = Point(log.time.note(one.at), one.at)
        take = _READERS.get(type(one.event))
        if take is not None:
            take(log, one.event, at, one.actor)
    log.until = Point(log.time.note(until), until)
    return log


def _created(log: Log, event: e.BriefingCreated, at: Point, actor: str) -> None:
    log.created = event
    log.sites = {site.code: site for site in event.sites}


def _opened(log: Log, event: e.Event, at: Point, actor: str) -> None:
    log.phase = "open"


def _started(log: Log, event: e.BriefingStarted, at: Point, actor: str) -> None:
    log.phase, log.started = "live", at
    log.rules_version, log.thresholds = event.rules_version, event.thresholds
    log.sites = {site.code: site for site in event.sites}


def _break(log: Log, event: e.Event, at: Point, actor: str) -> None:
    log.phase = "break"
    log.breaks.append(Stretch("break", at))


def _resumed(log: Log, event: e.Event, at: Point, actor: str) -> None:
    log.phase = "live"
    _finish(log.breaks, "break", at)


def _ended(log: Log, event: e.Event, at: Point, actor: str) -> None:
    log.phase, log.ended = "ended", at


def _cancelled(log: Log, event: e.Event, at: Point, actor: str) -> None:
    log.phase = "cancelled"


def _finish(stretches: list[Stretch], what: str, at: Point, reason: str | None = None) -> None:
    for stretch in stretches:
        if stretch.what == what and stretch.end is None:
            stretch.end, stretch.reason = at, reason


def _connected(log: Log, event: e.ConnectionOpened, at: Point, actor: str) -> None:
    log.lines[event.connection] = Line(event, at, at.place, states=[(at.place, "unknown", False)])


def _disconnected(log: Log, event: e.ConnectionClosed, at: Point, actor: str) -> None:
    line = log.lines.get(event.connection)
    if line is None or line.end is not None:
        return
    last = event.last_alive
    line.end = at if last is None else Point(max(line.start.place, log.time.place(last)), last)
    line.reason = event.reason


def _healed(log: Log, event: e.ConnectionHealed, at: Point, actor: str) -> None:
    line = log.lines.get(event.connection)
    if line is None or line.end is None:
        return
    _, following, sound_only = line.states[-1]
    line.states += [(line.end.place, event.following, False), (at.place, following, sound_only)]
    line.end, line.reason, line.proof = None, None, at.place


def _media_up(log: Log, event: e.MediaUp, at: Point, actor: str) -> None:
    if event.connection in log.lines:
        log.lines[event.connection].proof = at.place


def _following(log: Log, event: e.FollowingChanged, at: Point, actor: str) -> None:
    line = log.lines.get(event.connection)
    if line is not None:
        line.proof = at.place
        line.states.append((at.place, event.following, event.sound_only))


def _marked(log: Log, event: e.AliveMarked, at: Point, actor: str) -> None:
    for mark in event.marks:
        line = log.lines.get(mark.connection)
        if line is not None:
            line.proof = max(line.proof, at.place - mark.ago_ms)


def _outage(log: Log, event: e.OutageBegan, at: Point, actor: str) -> None:
    since = event.since
    start = at if since is None else Point(min(at.place, log.time.place(since)), since)
    log.outages.append(Stretch(event.part, start))


def _works_again(log: Log, event: e.OutageEnded, at: Point, actor: str) -> None:
    _finish(log.outages, event.part, at)


def _floor(log: Log, event: e.FloorGiven, at: Point, actor: str) -> None:
    log.speeches.append(Stretch(event.site, at))


def _floor_back(log: Log, event: e.FloorTaken, at: Point, actor: str) -> None:
    _finish(log.speeches, event.site, at, event.reason)


def _roll_call(log: Log, event: e.RollCallStarted, at: Point, actor: str) -> None:
    log.roll_calls.start(event, at.moment)


def _declared(log: Log, event: e.HeadcountDeclared, at: Point, actor: str) -> None:
    log.roll_calls.declare(event, at.moment)
    _unsettled(log, event.site)
    declared = log.roll_calls.declared[event.site]
    log.declared_by[event.site, len(declared)] = actor
    if declared[-1].confirmed is not None:  # a correction of what was confirmed
        log.confirmed_by[event.site, len(declared)] = actor


def _confirmed(log: Log, event: e.HeadcountConfirmed, at: Point, actor: str) -> None:
    log.roll_calls.confirm(event, at.moment)
    _unsettled(log, event.site)
    log.confirmed_by.setdefault((event.site, event.declaration), actor)


def _phoned(log: Log, event: e.ConfirmedByPhone, at: Point, actor: str) -> None:
    _unsettled(log, event.site)
    log.phones[event.site] = PhoneConfirmation(event.name, event.reason, actor, at.moment.utc_ms)


def _expected(log: Log, event: e.ExpectedChanged, at: Point, actor: str) -> None:
    _unsettled(log, event.site)
    log.sites[event.site] = replace(
        log.sites[event.site], expected=event.expected, expected_members=event.expected_members
    )
    row = ExpectedRow(at.moment.utc_ms, actor, event.expected, event.expected_members, event.reason)
    log.expected_changes.setdefault(event.site, []).append(row)


def _line_checked(log: Log, event: e.LineChecked, at: Point, actor: str) -> None:
    row = LineCheckRow(
        at.moment.utc_ms, event.sound, event.picture, event.rtt_ms, event.loss, event.rate_bps, event.up_bps,
        event.speakers, event.camera, event.microphone, event.device, event.verdict, event.operator,
        event.echo, event.route,
    )  # fmt: skip
    log.line_checks.setdefault(event.site, []).append(row)


def _made_up(log: Log, event: e.MadeUp, at: Point, actor: str) -> None:
    _unsettled(log, event.site)
    rows = log.made_up.setdefault(event.site, [])
    rows[:] = [replace(row, corrected=row.corrected or row.on == event.on) for row in rows]
    rows.append(MadeUpRow(at.moment.utc_ms, actor, event.persons, event.on, event.reason))


def _noted(log: Log, event: e.NoteAdded, at: Point, actor: str) -> None:
    log.notes.setdefault(event.site, []).append(NoteRow(at.moment.utc_ms, actor, event.text, event.reason))


def _signed(log: Log, event: e.SiteSigned, at: Point, actor: str) -> None:
    row = SignOffRow(at.moment.utc_ms, actor, event.answer, event.remark)
    log.signed.setdefault(event.site, []).append(row)


def _unsettled(log: Log, site: str) -> None:
    """The site's figures change: what it signed before was about others."""
    log.signed[site] = [replace(row, changed_since=True) for row in log.signed.get(site, ())]


_READERS: dict[type[e.Event], Callable[[Log, Any, Point, str], None]] = {
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
    e.FloorGiven: _floor,
    e.FloorTaken: _floor_back,
    e.RollCallStarted: _roll_call,
    e.HeadcountDeclared: _declared,
    e.HeadcountConfirmed: _confirmed,
    e.ConfirmedByPhone: _phoned,
    e.ExpectedChanged: _expected,
    e.LineChecked: _line_checked,
    e.MadeUp: _made_up,
    e.NoteAdded: _noted,
    e.SiteSigned: _signed,
}
