"""What must hold of every simulated briefing: the bounds of ATTENDANCE.md rules 4 and 7, in true ms.

Early: where the socket closed, 1 s; where it did not, one heartbeat, and after a crash one mark, on top of
what the line or a frozen server held back. Late: never, but for 1 s at the end; who is there then is there to
the end.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from coordinator.domain import attendance
from coordinator.domain import events as e
from coordinator.domain.attendance_types import Attendance
from coordinator.domain.intervals import Spans, total, union, within, without
from coordinator.domain.lines import HEALS_WITHIN_MS
from coordinator.domain.moments import Moment
from coordinator.domain.state import LOST_MS, STALL_MS
from tests.ledger.world import HEARTBEAT_MS, SITES, Page, World

SOCKET_MS = 1_000
MARK_MS = 11_000  # one every 10 s, written by a tick of every second
END_MS = 1_000


@dataclass
class Interval:
    """One connection as the log has it, in true ms."""

    start: int
    end: int
    reason: str


def intervals(world: World) -> dict[str, Interval]:
    """Read from the events alone, without the fold."""
    found: dict[str, Interval] = {}
    for one in world.office.events():
        event = one.event
        if isinstance(event, e.ConnectionOpened):
            found[event.connection] = Interval(true_ms(world, one.at), -1, "open")
        elif isinstance(event, e.ConnectionClosed):
            line = found[event.connection]
            line.end, line.reason = true_ms(world, event.last_alive or one.at), event.reason
        elif isinstance(event, e.ConnectionHealed):
            found[event.connection].reason = "open"
    return found


def true_ms(world: World, moment: Moment) -> int:
    return moment.mono_ms + world.truth.boots[moment.boot]


def check(world: World) -> Attendance:
    """Raises AssertionError, naming the rule; returns the attendance."""
    assert world.office.lost_or_altered() == []
    assert world.office.faults() == []
    written = intervals(world)
    for page in world.truth.pages:
        check_page(world, page, written[page.connection])
    assert written.keys() == {page.connection for page in world.truth.pages} | unanswered(world, written)
    log = world.office.events()
    told = attendance.fold(log, world.moment())
    mixed = [*log, *log]
    random.Random(len(log)).shuffle(mixed)
    assert attendance.fold(mixed, world.moment()) == told
    check_sums(world, told, written)
    return told


def unanswered(world: World, written: dict[str, Interval]) -> set[str]:
    """Joins that were written when the kill came and no page was told of: they end where they began."""
    pages = {page.connection for page in world.truth.pages}
    for connection in written.keys() - pages:
        assert written[connection].reason == "server_crash", connection
        assert written[connection].end == written[connection].start, connection
    return set(written) - pages


def check_page(world: World, page: Page, line: Interval) -> None:
    assert page.died is not None and line.reason != "open", page
    assert line.start == page.joined, (page, line)
    late = END_MS if line.reason == "ended" else 0
    assert line.end <= page.died + late, ("later than the truth", page, line)
    proof = max([page.joined, *page.heard])
    early = SOCKET_MS if page.how == "closed" else 0
    if line.reason == "server_crash" or page.how == "killed":
        early = MARK_MS
    if page.how == "sent away":
        early = HEALS_WITHIN_MS + LOST_MS
    early += page.longest_hold + standstills(world, page)
    assert line.end >= min(proof, page.died) - early, ("proof of life was lost", page, line)
    if page.how in ("silent", "killed", "ended") and not early:
        assert page.died - line.end <= HEARTBEAT_MS, ("more than a heartbeat early", page, line)
    if page.how == "ended" and not early:
        assert line.end == page.died, ("there, and not counted to the end", page, line)


def standstills(world: World, page: Page) -> int:
    """How long the server stood still in the page's life: frames of then prove nothing of when."""
    assert page.died is not None
    life = [(page.joined, page.died + 1)]
    return sum(
        end - start + STALL_MS + HEARTBEAT_MS + 1_000
        for start, end in world.truth.down
        if total(within([(start, end)], life))
    )


def check_sums(world: World, told: Attendance, written: dict[str, Interval]) -> None:
    """The fold's totals against the intervals, clipped to the true window, its holes taken out."""
    start, end, breaks = hosts_times(world)
    longest = without([(start, end)], [*breaks, *long_outages(world)])
    assert told.window.seconds * 1000 <= total(without([(start, end)], breaks)) + 1_000
    for site in told.sites:
        mine = [written[row.connection] for row in site.connections]
        spans: Spans = union((line.start, line.end) for line in mine)
        assert site.connected_seconds <= told.window.seconds
        judged = site.attended_seconds + site.signal_only_seconds + site.unknown_seconds
        assert abs(judged - site.connected_seconds) <= 2  # each is rounded by itself
        assert site.interrupted_seconds >= 0 <= site.interruptions
        if not world.truth.down:
            assert abs(site.connected_seconds * 1000 - total(within(spans, longest))) <= 1_000, site
        if total(within(spans, longest)) > 1_000:
            assert "not_connected" not in site.status, (site, "absent in spite of proof of life")
    assert {site.code for site in told.sites} == set(SITES)


def hosts_times(world: World) -> tuple[int, int, Spans]:
    """Start, end and breaks in true ms, at the moments when they were written."""
    at = [(type(one.event), true_ms(world, one.at)) for one in world.office.events()]
    moments = dict(at)
    begun = [ms for kind, ms in at if kind is e.BreakStarted]
    over = [ms for kind, ms in at if kind is e.BreakEnded] + [moments[e.BriefingEnded]]
    return moments[e.BriefingStarted], moments[e.BriefingEnded], list(zip(begun, over, strict=False))


def long_outages(world: World) -> Spans:
    """The server's true downtimes, and 11 s before them, which a lost mark may take."""
    return [(start - MARK_MS, end + 2_000) for start, end in world.truth.down]
