"""A briefing's day as it truly was, beside what the server wrote of it. Seeded; time is simulated.

The truth knows, to the millisecond, when each page lived. The server only gets the frames that come through.
`run` lets it happen: pages come, go silent, close, are taken over; lines hold frames back; the server is
killed at random points of its writes, freezes, its machine reboots; the wall clock is put wrong.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from coordinator.domain import commands as c
from coordinator.domain.commands import SYSTEM_ACTOR, Actor
from coordinator.domain.errors import Refusal
from coordinator.domain.events import Summoned
from coordinator.domain.lines import speaking_though_lost
from coordinator.domain.moments import Moment
from tests.ledger.office import POINTS, Killed, Office

SITES = ("alfa", "bravo", "charlie", "delta")
HOST = Actor("lan", "host")
NINE_MS = 1_795_000_000_000
HEARTBEAT_MS = 5_000


@dataclass
class Page:
    """One page's life, in true ms. `heard`: when frames came through; `died`: when its line did."""

    site: str
    connection: str
    joined: int
    heard: list[int] = field(default_factory=list)
    died: int | None = None
    how: str = "alive"  # alive | closed | silent | replaced | killed | sent away | ended
    numbers: int = 0
    held: list[int] = field(default_factory=list)  # numbers of frames that the line keeps back
    held_until: int | None = None
    longest_hold: int = 0

    @property
    def lives(self) -> bool:
        return self.died is None


@dataclass
class Truth:
    """What the checks compare with, in true ms."""

    pages: list[Page] = field(default_factory=list)
    started: int = 0
    ended: int = 0
    breaks: list[tuple[int, int]] = field(default_factory=list)
    down: list[tuple[int, int]] = field(default_factory=list)  # the server was dead or frozen
    kills: int = 0
    boots: dict[str, int] = field(default_factory=dict)  # boot id -> when its clock was at 0


class World:
    """One simulated briefing. `run()` plays it to its end; `truth` and `office` say the rest."""

    def __init__(self, seed: int, folder: Path, *, troubled: bool = True) -> None:
        """`troubled` False: nothing happens to the server but what the caller does to it."""
        self.dice = random.Random(seed)
        self.truth = Truth(boots={"boot-1": -77_000})
        self.office = Office(folder)
        self.troubled = troubled
        self.now = 0
        self.boot = "boot-1"
        self.wrong_ms = 0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = self._connections = 0
        self._newest: dict[str, Page] = {}
        self._server_up = True
        self._frozen = False
        self._inbox: list[Callable[[], object]] = []
        self._over = False
        self._break_since: int | None = None

    # -- time and the server -------------------------------------------------------------------

    def moment(self) -> Moment:
        return Moment(NINE_MS + self.now + self.wrong_ms, self.now - self.truth.boots[self.boot], self.boot)

    def later(self, ms: int, what: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (self.now + ms, self._order, what))

    def run(self) -> None:
        self._ask_for_sure(c.Create("Hội nghị", "meeting", tuple(Summoned(s, s, "xa", 30) for s in SITES)))
        self._ask_for_sure(c.Open())
        for site in SITES:
            self.later(self.dice.randint(0, 60_000), lambda site=site: self._join(site))  # type: ignore[misc]
        self.later(1_000, self._tick)
        self.later(self.dice.randint(5_000, 30_000), self._start)
        while not self._over:
            self.now, _, what = heapq.heappop(self._queue)
            what()
        for page in self.truth.pages:
            if page.lives:
                page.died, page.how = self.now, "ended"

    def ask(self, command: c.Command, actor: Actor = SYSTEM_ACTOR) -> bool:
        """Did the server take it? A frozen one reads it later."""
        if not self._server_up:
            return False
        if self._frozen:
            self._inbox.append(lambda: self._do(command, actor))
            return True
        return self._do(command, actor)

    def _do(self, command: c.Command, actor: Actor) -> bool:
        if not self._server_up:
            return False
        try:
            self.office.handle(command, self.moment(), actor)
        except Refusal:
            return False
        except Killed:
            self._crashed()
            return False
        return True

    def _ask_for_sure(self, command: c.Command) -> None:
        """The host presses until it is done."""
        if not self._frozen and self._server_up:
            try:
                self.office.handle(command, self.moment(), HOST)
                return
            except Refusal:
                return  # it was done: the answer alone was lost
            except Killed:
                self._crashed()
        self.later(1_000, lambda: self._ask_for_sure(command))

    def _crashed(self) -> None:
        self._server_up = False
        self.truth.kills += 1
        for page in self.truth.pages:
            if page.lives:
                page.died, page.how = self.now, "killed"
        began, self._inbox = self.now, []
        self.later(self.dice.choice([500, 3_000, 9_000, 40_000]), lambda: self._up_again(began))

    def _up_again(self, began: int) -> None:
        if self.dice.random() < 0.5:
            self.boot = f"boot-{len(self.truth.boots) + 1}"
            self.truth.boots[self.boot] = self.now - 4_000
        self.truth.down.append((began, self.now))
        self._server_up = True
        try:
            self.office.restart(self.moment())
        except Killed:
            self._crashed()
            return
        for site in SITES:
            self.later(self.dice.randint(100, 15_000), lambda site=site: self._join(site))  # type: ignore[misc]

    def _tick(self) -> None:
        if not self._frozen and self._server_up:
            self._do(c.Tick(), SYSTEM_ACTOR)
            self._send_away()
        self.later(1_000, self._tick)

    def _send_away(self) -> None:
        """The server closes the sockets of pages that speak though they were called lost."""
        if self._server_up:
            lost = {line.connection for line in speaking_though_lost(self.office.briefing, self.moment())}
            for page in self.truth.pages:
                if page.lives and page.connection in lost:
                    page.died, page.how = self.now, "sent away"
                    self.later(1_000, lambda site=page.site: self._join(site))  # type: ignore[misc]

    # -- the host ------------------------------------------------------------------------------

    def _start(self) -> None:
        self._until_done(c.Start(), "live", self._started)

    def _until_done(self, command: c.Command, phase: str, then: Callable[[], None]) -> None:
        """The host presses until the phase is reached; `then` at the moment the server wrote it."""
        if self._server_up and not self._frozen:
            if self.office.briefing.phase != phase:
                if isinstance(command, c.End):
                    self._ask_for_life()
                self._do(command, HOST)
            if self._server_up and self.office.briefing.phase == phase:
                then()
                return
        self.later(700, lambda: self._until_done(command, phase, then))

    def _started(self) -> None:
        self.truth.started = self.now
        length = self.dice.randint(120_000, 600_000)
        for _ in range(self.dice.randint(2, 9)):
            self.later(self.dice.randint(1_000, length), self._trouble)
        for _ in range(self.dice.randint(0, 4) if self.troubled else 0):
            self.later(self.dice.randint(1_000, length), self._server_trouble)
        if self.dice.random() < 0.3:
            self.later(length // 2, lambda: self._until_done(c.Break(), "break", self._break))
        self.later(length, self._end)

    def _break(self) -> None:
        began = self.now
        self._break_since = began
        self.later(
            self.dice.randint(5_000, 60_000), lambda: self._until_done(c.Resume(), "live", self._go_on)
        )

    def _go_on(self) -> None:
        if self._break_since is not None:
            self.truth.breaks.append((self._break_since, self.now))
            self._break_since = None

    def _end(self) -> None:
        self._until_done(c.End(), "ended", self._finish)

    def _ask_for_life(self) -> None:
        """Before the end the server pings every page: who is there answers at once, unless the line holds."""
        for page in self.truth.pages:
            if page.lives and (page.held_until is None or page.held_until <= self.now):
                self._release(page)  # what waited in the line comes before the answer
                page.heard.append(self.now)
                self.ask(c.Alive(page.site, page.connection))

    def _finish(self) -> None:
        self._go_on()
        self.truth.ended, self._over = self.now, True

    # -- the sites -----------------------------------------------------------------------------

    def _join(self, site: str) -> None:
        old = self._newest.get(site)
        if old is not None and old.lives:
            return
        self._connect(site)

    def _connect(self, site: str) -> None:
        if not self._server_up or self._frozen:
            self.later(2_000, lambda: self._join(site))
            return
        old, self._connections = self._newest.get(site), self._connections + 1
        page = Page(site, f"c{self._connections:05d}", self.now)
        if not self._do(c.Join(site, page.connection, "Chrome", page.connection), SYSTEM_ACTOR):
            self.later(2_000, lambda: self._join(site))
            return
        if old is not None and old.lives:
            old.died, old.how = self.now, "replaced"
        self._newest[site] = page
        self.truth.pages.append(page)
        self.later(self.dice.randint(0, HEARTBEAT_MS - 1), lambda: self._beat(page))

    def _beat(self, page: Page) -> None:
        if not page.lives:
            return
        page.numbers += 1
        page.held.append(page.numbers)
        self.later(HEARTBEAT_MS, lambda: self._beat(page))
        if page.held_until is None or page.held_until <= self.now:
            self._release(page)

    def _release(self, page: Page) -> None:
        page.held_until = None
        for number in page.held:
            if self._server_up and not self._frozen and page.lives:
                page.heard.append(self.now)
            self.ask(c.Alive(page.site, page.connection, n=number, receiving=True))
        page.held = []

    def _trouble(self) -> None:
        page = self._newest.get(self.dice.choice(SITES))
        if page is None or not page.lives:
            return
        kind = self.dice.choice(["silent", "silent", "close", "takeover", "hold"])
        if kind == "takeover":
            self._connect(page.site)
        elif kind == "hold":
            ms = self.dice.randint(3_000, 40_000)
            page.held_until, page.longest_hold = self.now + ms, max(ms, page.longest_hold)
        else:
            page.died, page.how = self.now, "silent"
            if kind == "close" and page.held_until is None:
                page.how = "closed"
                self.ask(c.Leave(page.site, page.connection))
            self.later(self.dice.randint(500, 150_000), lambda: self._join(page.site))

    # -- the server's troubles -----------------------------------------------------------------

    def _server_trouble(self) -> None:
        kind = self.dice.choice(["kill", "kill", "kill", "freeze", "clock"])
        if kind == "clock":
            step = self.dice.choice([-3_600_000, -2_500, 2_500, 60_000, 7 * 3_600_000])
            self.wrong_ms += step
            self.ask(c.StepClock(step))
        elif kind == "kill":
            self.office.kill_at = (self.office.writes + self.dice.randint(1, 4), self.dice.choice(POINTS))
        elif self._server_up and not self._frozen:
            self._frozen = True
            began = self.now
            self.later(self.dice.randint(4_000, 70_000), lambda: self._thaw(began))

    def _thaw(self, began: int) -> None:
        """All that waits is read, in order, before the next tick."""
        self._frozen = False
        self.truth.down.append((began, self.now))
        waiting, self._inbox = self._inbox, []
        for read in waiting:
            read()
