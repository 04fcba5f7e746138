"""A briefing with its log, as the sessions keep it, and short names for what the tests of the domain need."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from coordinator.domain import attendance
from coordinator.domain import commands as c
from coordinator.domain.attendance_types import Attendance, SiteAttendance
from coordinator.domain.briefing import Briefing
from coordinator.domain.commands import SYSTEM_ACTOR, Actor, Command
from coordinator.domain.errors import Refusal
from coordinator.domain.events import Event, Recorded, Summoned, Thresholds
from coordinator.domain.moments import Moment

HOST = Actor("host", "host")
STAFF = Actor("binh", "staff")
SYSTEM = SYSTEM_ACTOR
BOOT = "boot-1"
NINE_MS = 1_795_000_000_000  # the wall clock at second 0


def operator(site: str) -> Actor:
    return Actor(f"site:{site}", "operator", site)


def at(seconds: float, boot: str = BOOT, *, stepped_ms: int = 0, mono_ms: int | None = None) -> Moment:
    """The moment `seconds` after nine; `stepped_ms`: how far the wall clock has been put wrong."""
    ms = round(seconds * 1000)
    return Moment(NINE_MS + ms + stepped_ms, ms + 77_000 if mono_ms is None else mono_ms, boot)


def utc(seconds: float) -> int:
    return at(seconds).utc_ms


def summoned(*codes: str, expected: int = 30, members: int | None = None) -> tuple[Summoned, ...]:
    return tuple(Summoned(code, f"Xã {code}", "commune", expected, members) for code in codes)


class Story:
    """Commands go in at seconds after nine; their events are applied and recorded."""

    def __init__(self, *codes: str, expected: int = 30, members: int | None = None) -> None:
        self.briefing = Briefing("b1")
        self.log: list[Recorded] = []
        sites = summoned(*codes, expected=expected, members=members)
        self.do(0, c.Create("Quán triệt Nghị quyết", "resolution", sites, "12-KH/HU"), HOST)

    def do(self, when: float | Moment, command: Command, actor: Actor = SYSTEM) -> list[Event]:
        moment = when if isinstance(when, Moment) else at(when)
        happened = self.briefing.handle(command, moment, actor)
        self.record(moment, happened, actor.name)
        return happened

    def record(self, moment: Moment, happened: Iterable[Event], actor: str = "system") -> None:
        for event in happened:
            seq = len(self.log) + 1
            self.log.append(Recorded(seq, f"e{seq}", "b1", moment, actor, event, f"h{seq}"))

    def join(self, when: float, *sites: str) -> None:
        """Each on the connection `<site>-<number>`, numbered by site from 1."""
        for site in sites:
            had = sum(line.site == site for line in self.briefing.connections.values())
            self.do(when, c.Join(site, f"{site}-{had + 1}", "Chrome, Windows", f"page-{site}"))

    def alive(self, when: float, site: str, connection: int = 1, **said: object) -> list[Event]:
        return self.do(when, c.Alive(site, f"{site}-{connection}", **said))  # type: ignore[arg-type]

    def pass_(self, begin: int, end: int, *sites: str, every: int = 5, receiving: bool | None = None) -> None:
        """Seconds begin..end: the sites' newest connections send heartbeats, the server ticks."""
        for second in range(begin, end + 1):
            for site in sites:
                line = self.briefing.line(site)
                if line is not None and (second - begin) % every == 0:
                    self.do(second, c.Alive(site, line.connection, n=second // every, receiving=receiving))
            self.do(second, c.Tick())

    def attendance(self, until: float | Moment = 100_000) -> Attendance:
        return attendance.fold(self.log, until if isinstance(until, Moment) else at(until))

    def site(self, code: str, until: float | Moment = 100_000) -> SiteAttendance:
        return next(site for site in self.attendance(until).sites if site.code == code)

    def restart(self) -> None:
        """The process is gone; another one reads the log."""
        self.briefing = Briefing.replay("b1", self.log)


def open_briefing(*codes: str, expected: int = 30, members: int | None = None) -> Story:
    """Made and opened at second 0."""
    story = Story(*codes, expected=expected, members=members)
    story.do(0, c.Open(), HOST)
    return story


def live_briefing(
    *codes: str,
    start: float = 0,
    expected: int = 30,
    members: int | None = None,
    thresholds: Thresholds | None = None,
) -> Story:
    """Made, opened, started; nobody is connected yet."""
    story = open_briefing(*codes, expected=expected, members=members)
    story.do(start, c.Start(thresholds or Thresholds()), HOST)
    return story


def refused(story: Story, when: float, command: c.Command, actor: c.Actor = HOST) -> Refusal:
    """The refusal that the command meets."""
    with pytest.raises(Refusal) as told:
        story.do(when, command, actor)
    return told.value


def end(story: Story, when: float) -> None:
    """The host ends it."""
    story.do(when, c.End(), HOST)


def visit(story: Story, site: str, joined: float, left: float) -> None:
    """The site is on line from then to then and closes its page."""
    story.join(joined, site)
    line = story.briefing.line(site)
    assert line is not None
    for when in (joined, left):
        story.do(when, c.Alive(site, line.connection))
    story.do(left, c.Leave(site, line.connection))


def visited(*times: tuple[float, float], ended: float = 1000) -> SiteAttendance:
    """What one site that was on line at these times comes to."""
    story = live_briefing("alfa")
    for joined, left in times:
        visit(story, "alfa", joined, left)
    end(story, ended)
    return story.site("alfa")
