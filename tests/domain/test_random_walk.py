"""A random walk over a briefing, with the truth kept beside it: what must hold whatever happens.

The truth knows when each socket really lived; the briefing only what frames it got.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coordinator.domain import attendance, snapshot
from coordinator.domain import commands as c
from coordinator.domain.briefing import Briefing
from coordinator.domain.errors import Refusal
from coordinator.domain.events import Recorded
from coordinator.domain.moments import Moment
from tests.domain.scenes import HOST, NINE_MS, Story, at, open_briefing, operator, utc

SITES = ("alfa", "bravo", "charlie")
SITE = st.sampled_from(SITES)
HEARTBEAT, MARK, END_SLACK = 5, 11, 1
MEMORY = ("number", "report", "late", "again", "sends", "left_room", "last_alive")


@dataclass
class Page:
    """A site's page on one connection: `died` when its line did, `heard` when a frame last got through."""

    site: str
    connection: str
    joined: int
    heard: int
    died: int | None = None
    numbers: int = 0
    numbered: bool = False  # has a number been heard that proves life at its moment?
    stalled_until: int | None = None
    longest_stall: int = 0
    held_back: list[int] = field(default_factory=list)
    receiving: bool | None = True

    @property
    def lives(self) -> bool:
        return self.died is None


class Walk(RuleBasedStateMachine):
    story: Story
    now: int

    @initialize(early=st.sets(SITE, min_size=1), waits=st.integers(0, 20))
    def begin(self, early: set[str], waits: int) -> None:
        self.story = open_briefing(*SITES)
        self.now, self.count, self.boots = 0, 0, 1
        self.boot, self.boot_began = "boot-1", -77
        self.pages: list[Page] = []
        self.newest: dict[str, Page] = {}
        for site in sorted(early):
            self.join(site)
        self.time_passes(waits)
        assert self.ask(c.Start(), HOST)

    # -- the world -----------------------------------------------------------------------------

    def moment(self) -> Moment:
        return Moment(NINE_MS + self.now * 1000, (self.now - self.boot_began) * 1000, self.boot)

    def ask(self, command: c.Command, actor: c.Actor = c.SYSTEM_ACTOR) -> bool:
        """Like the sessions: decide, record, apply; a refusal must change nothing."""
        before = None if actor is c.SYSTEM_ACTOR else lasting(self.story.briefing)
        try:
            self.story.do(self.moment(), command, actor)
        except Refusal:
            assert before is None or lasting(self.story.briefing) == before
            return False
        return True

    @property
    def over(self) -> bool:
        return self.story.briefing.phase == "ended"

    @rule(seconds=st.sampled_from([1, 2, 4, 7, 11, 23, 23, 40, 70]))
    def time_passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            for page in self.pages:
                self.beat(page)
            self.ask(c.Tick())

    def beat(self, page: Page) -> None:
        if not page.lives:
            return
        if (self.now - page.joined) % HEARTBEAT == 0:
            page.numbers += 1
            page.held_back.append(page.numbers)
        if page.stalled_until is not None and self.now < page.stalled_until:
            return
        page.stalled_until = None
        for number in page.held_back:
            page.heard, page.numbered = self.now, True
            self.ask(c.Alive(page.site, page.connection, n=number, receiving=page.receiving))
        page.held_back.clear()

    # -- what happens --------------------------------------------------------------------------

    @rule(site=SITE)
    def join(self, site: str) -> None:
        self.count += 1
        connection = f"{site}-{self.count}"
        if not self.ask(c.Join(site, connection, "Chrome", f"page-{self.count}")):
            return
        if site in self.newest and self.newest[site].lives:
            self.newest[site].died = self.now
        self.newest[site] = Page(site, connection, self.now, self.now)
        self.pages.append(self.newest[site])

    @rule(site=SITE)
    def close(self, site: str) -> None:
        page = self.newest.get(site)
        if page is not None and page.lives and page.stalled_until is None:
            page.heard = self.now
            self.ask(c.Alive(site, page.connection))
            self.ask(c.Leave(site, page.connection))
            page.died = self.now

    @rule(site=SITE)
    def drop_silently(self, site: str) -> None:
        page = self.newest.get(site)
        if page is not None and page.lives:
            page.died = self.now

    @rule(site=SITE, seconds=st.integers(3, 45))
    def stall(self, site: str, seconds: int) -> None:
        """The line holds frames back and gives them all at once, later: nothing is lost."""
        page = self.newest.get(site)
        if page is None or not page.lives or not page.numbered or page.stalled_until is not None:
            return
        page.stalled_until = self.now + seconds
        page.longest_stall = max(seconds, page.longest_stall)
        self.time_passes(seconds)
        line = self.story.briefing.connections[page.connection]
        if not page.lives or self.over:
            return
        if page.stalled_until is None and page.heard == self.now:
            assert line.is_open, (page, line)

    @rule(site=SITE, receiving=st.sampled_from([True, False, None]))
    def media_changes(self, site: str, receiving: bool | None) -> None:
        if site in self.newest:
            self.newest[site].receiving = receiving

    @rule(site=SITE, joined=st.booleans())
    def media_room(self, site: str, joined: bool) -> None:
        if site in self.newest:
            self.ask(c.SiteMedia(site, self.newest[site].connection, joined, audio=joined))

    @rule(sends=st.booleans())
    def hub_sends(self, sends: bool) -> None:
        self.ask(c.HubMedia(sends, sends, False))

    @rule(part=st.sampled_from(["hub", "relay"]), began=st.booleans())
    def outage(self, part: str, began: bool) -> None:
        self.ask(c.Outage(part, began))

    @rule(site=SITE, how=st.sampled_from(["give", "give", "take", "hand", "return"]))
    def floor(self, site: str, how: str) -> None:
        if how == "hand":
            self.ask(c.RaiseHand(site), operator(site))
        elif how == "return":
            self.ask(c.ReturnFloor(site), operator(site))
        else:
            self.ask(c.GiveFloor(site) if how == "give" else c.TakeFloor(), HOST)

    @rule(site=SITE, passing=st.integers(10, 30))
    def a_speaker_is_lost(self, site: str, passing: int) -> None:
        if self.ask(c.GiveFloor(site), HOST):
            self.drop_silently(site)
            self.time_passes(passing)

    @rule(resume=st.sampled_from([True, True, True, False]))
    def breaks(self, resume: bool) -> None:
        self.ask(c.Resume() if resume else c.Break(), HOST)

    @rule(site=SITE, present=st.integers(0, 33), by=st.sampled_from(["site", "host", "confirm", "new"]))
    def roll_call(self, site: str, present: int, by: str) -> None:
        declared = c.DeclareHeadcount(site, present, reason="counted again")
        asked: dict[str, tuple[c.Command, c.Actor]] = {
            "site": (declared, operator(site)),
            "host": (declared, HOST),
            "confirm": (c.ConfirmHeadcount(site), HOST),
            "new": (c.StartRollCall(), HOST),
        }
        self.ask(*asked[by])

    @rule(site=SITE, seconds=st.integers(4, 60), how=st.sampled_from(["goes on", "closes", "dies"]))
    def the_server_freezes(self, site: str, seconds: int, how: str) -> None:
        """No tick, nothing is read; then all that waits is, and after it comes the tick."""
        self.ask(c.Tick())
        page, gone = self.newest.get(site), self.now + seconds // 2
        for other in self.pages:  # a mark after it may know of nothing since the heartbeat before it
            other.longest_stall += seconds + HEARTBEAT if other.lives else 0
        waiting: list[tuple[Page, int]] = []
        for _ in range(seconds):
            self.now += 1
            for other in self.pages:
                if other.lives and (self.now - other.joined) % HEARTBEAT == 0:
                    other.numbers += 1
                    waiting.append((other, other.numbers))
            if page is not None and page.lives and how != "goes on" and self.now == gone:
                page.died = gone
        for other, number in waiting:
            if other.stalled_until is None:
                self.ask(c.Alive(other.site, other.connection, n=number, receiving=other.receiving))
            else:
                other.held_back.append(number)
        if page is not None and how == "closes" and page.died == gone and page.stalled_until is None:
            self.ask(c.Leave(site, page.connection))
        self.ask(c.Tick())

    @rule(away=st.integers(1, 90), reboots=st.booleans())
    def crash(self, away: int, reboots: bool) -> None:
        for page in self.pages:
            if page.lives:
                page.died = self.now
        self.now += away
        if reboots:
            self.boots += 1
            self.boot, self.boot_began = f"boot-{self.boots}", self.now - 3
        self.story.restart()
        self.ask(c.Recover())

    @precondition(lambda self: self.story.briefing.phase in ("live", "break"))
    @rule(sure=st.integers(0, 9))
    def end(self, sure: int) -> None:
        if sure == 0:
            self.finish()

    def finish(self) -> None:
        """The server asks for a sign of life first; who is there answers."""
        for page in self.pages:
            if page.lives and page.stalled_until is None:
                page.heard = self.now
                self.ask(c.Alive(page.site, page.connection))
        assert self.ask(c.End(), HOST)
        for page in self.pages:
            if page.lives:
                page.died = self.now

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def the_floor_holder_is_the_hub_or_present(self) -> None:
        briefing = self.story.briefing
        if briefing.floor == "hub":
            return
        line = briefing.line(briefing.floor)
        assert line is not None
        in_room = [own for own in briefing.connections.values() if own.site == briefing.floor and own.sends]
        left = [own.left_room for own in briefing.connections.values() if own.site == briefing.floor]
        assert (
            self.story.briefing.unheard_ms(line, self.moment()) <= 20_000
            or in_room
            or any(moment and self.moment().ms_since(moment) <= 20_000 for moment in left)
        )

    @invariant()
    def the_log_alone_makes_the_same_state_and_snapshot(self) -> None:
        again = Briefing.replay("b1", self.story.log)
        assert lasting(again) == lasting(self.story.briefing)
        assert drawn(again, self.moment()) == drawn(self.story.briefing, self.moment())

    @invariant()
    def one_line_a_site(self) -> None:
        open_sites = [line.site for line in self.story.briefing.open_lines()]
        assert len(open_sites) == len(set(open_sites))

    def teardown(self) -> None:
        if self.story.briefing.phase in ("live", "break"):
            self.finish()
        if self.over:
            told = attendance.fold(self.story.log, self.moment())
            self.rows_never_later_than_the_truth(told)
            times_lie_inside_the_window(told)
            the_order_and_number_of_arrivals_do_not_matter(self.story.log, told, self.moment())
            if self.boots == 1:
                a_step_of_the_wall_clock_moves_nothing(self.story.log, told, self.now)

    def rows_never_later_than_the_truth(self, told: Any) -> None:
        rows = {row.connection: row for site in told.sites for row in site.connections}
        assert rows.keys() == {page.connection for page in self.pages}
        for page in self.pages:
            row = rows[page.connection]
            joined, left = (row.joined_ms - NINE_MS) / 1000, (row.left_ms - NINE_MS) / 1000
            assert page.died is not None and joined == page.joined
            late = END_SLACK if row.reason == "ended" else 0
            early = MARK + page.longest_stall if row.reason == "server_crash" else 0
            assert left <= page.died + late, (page, row)
            assert left >= min(page.heard, page.died) - early, (page, row)


def lasting(briefing: Briefing) -> dict[str, Any]:
    """The state but for what is memory: news that is heard again within seconds."""
    state = asdict(briefing)
    for name in ("hub_sends", "last_tick", "resumed", "frozen_since"):
        state.pop(name)
    for line in [*state["connections"].values(), state["hub_gone"] or {}]:
        for name in MEMORY:
            if name != "last_alive" or line.get("reason") is None:
                line.pop(name, None)
    return state


def drawn(briefing: Briefing, moment: Moment) -> dict[str, Any]:
    """The snapshot but for what depends on the last frames."""
    shown = snapshot.full(briefing, moment, "applied")
    shown["totals"].pop("connected")
    for name in ("audio", "video", "screen"):
        shown["hub"].pop(name)
    for entry in shown["sites"]:
        for name in ("state", "silent_s", "mode", "layer"):
            entry.pop(name)
    return shown


def times_lie_inside_the_window(told: Any) -> None:
    """Second by second, as sets: another way to count than the fold's."""
    window = set(range(told.window.started_ms // 1000, told.window.ended_ms // 1000))
    for start, end in [*told.window.breaks, *((gone.start_ms, gone.end_ms) for gone in told.window.outages)]:
        window -= set(range(start // 1000, end // 1000))
    assert told.window.seconds == len(window)
    for site in told.sites:
        here: set[int] = set()
        for row in site.connections:
            assert row.joined_ms <= row.left_ms
            assert 0 <= row.following_seconds <= row.connected_seconds
            here |= set(range(row.joined_ms // 1000, row.left_ms // 1000))
        assert site.connected_seconds == len(here & window)
        judged = site.attended_seconds + site.signal_only_seconds + site.unknown_seconds
        assert judged == site.connected_seconds <= told.window.seconds
        assert site.attended_seconds == sum(row.following_seconds for row in site.connections)
        assert site.present is None or 0 <= site.present <= site.expected


def the_order_and_number_of_arrivals_do_not_matter(log: list[Recorded], told: Any, moment: Moment) -> None:
    mixed = [*log, *log]
    random.Random(len(log)).shuffle(mixed)
    assert attendance.fold(mixed, moment) == told


def a_step_of_the_wall_clock_moves_nothing(log: list[Recorded], told: Any, now: int) -> None:
    half = len(log) // 2
    stepped = [
        replace(one, at=replace(one.at, utc_ms=one.at.utc_ms - 3_600_000)) if one.seq > half else one
        for one in log
    ]
    again = attendance.fold(stepped, at(now, stepped_ms=-3_600_000))
    for before, after in zip(told.sites, again.sites, strict=True):
        for name in (
            "connected_seconds",
            "attended_seconds",
            "interruptions",
            "interrupted_seconds",
            "status",
        ):
            assert getattr(before, name) == getattr(after, name)
    assert again.window.seconds == told.window.seconds and utc(0) == NINE_MS


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
