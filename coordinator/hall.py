"""One briefing as it runs: its turn, its media room and its screens, tied together.

Rule 1: after an event is applied the room follows, and when that round is over (1 s at most) screens show it.
Rule 2: a site has one page: whoever comes last stays, the others are told; the hub has as many as it likes.
Rule 3: before the opening and after the end a screen looks on: it is shown snapshots and is in no log.
Rule 4: before the end every open line is asked for a sign of life, beside the turn and for less than a
second: who is there is counted to the end, who is not ends at the last proof of life.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from coordinator import clock
from coordinator.domain import checking, snapshot
from coordinator.domain.briefing import Briefing
from coordinator.domain.commands import Actor, Join, Leave, Outage
from coordinator.domain.errors import CoordinatorError, Refusal
from coordinator.domain.events import (
    HUB,
    BriefingOpened,
    ConnectionClosed,
    ConnectionHealed,
    ConnectionOpened,
    Recorded,
)
from coordinator.domain.lines import speaking_though_lost
from coordinator.media import MediaServer
from coordinator.room_keeper import ACTIVE, RoomKeeper
from coordinator.running import EventLog, Running, ask
from coordinator.screens import Pump, Screen, Snapshot, timeless

SPREAD_S = 0.4  # of the news that the media server is back, over a briefing's screens
STOP_WITHIN_S = 5.0
ANSWER_WITHIN_S = 0.9  # an answer at once is still within lines.ENDED_SILENT_MS when this is over
FAILURES_OF_AN_OUTAGE = 2  # reconciles in a row without an answer
T = TypeVar("T")
_log = logging.getLogger(__name__)
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def new_id(length: int) -> str:
    """`length` lower-case base32 characters, 5 random bits each."""
    return "".join(secrets.choice(_BASE32) for _ in range(length))


@dataclass
class Context:
    """What all halls share. `browser_url(screen)` is the media address for that screen's browser."""

    log: EventLog
    media: MediaServer
    browser_url: Callable[[Screen], str]
    opened: Callable[[Hall], None] = lambda hall: None
    media_due: float = 0.0  # loop time: a relay that is not there before this is only starting
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs a coroutine beside the caller and keeps it from being collected."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


class Hall:
    """A loaded briefing. `close()` ends its tasks."""

    def __init__(self, briefing: Briefing, context: Context) -> None:
        self.id = briefing.id
        self.pumps: dict[str, Pump] = {}
        self.connections: dict[str, str] = {}
        self.actors: dict[str, Actor] = {}
        self.last_used = asyncio.get_running_loop().time()
        self._context = context
        self._relay_out = "relay" in briefing.outages
        self._seq = clock.now().utc_ms // 100  # grows over restarts too: never over 10 a second
        self._shown: Snapshot | None = None
        self.running = Running(briefing, context.log, self._committed)
        self.keeper = RoomKeeper(self.running, context.media, self.connections, self.actors, self.changed)

    @property
    def active(self) -> bool:
        """Open, live or in a break: attendance is taken."""
        return self.running.briefing.phase in ACTIVE

    def summons(self, site: str) -> bool:
        """Is this site (or the hub) called to it?"""
        return site == HUB or site in self.running.briefing.sites

    # -- screens -------------------------------------------------------------------------------

    async def attach(self, site: str, page: str, device: str, screen: Screen, actor: Actor) -> str:
        """See `Sessions.attach`."""
        connection = new_id(10)
        if not self.active and self.running.briefing.phase != "scheduled" and site != HUB:
            raise Refusal("not_open", phase=self.running.briefing.phase)
        pump = Pump(
            connection, site, page, screen, render=self._render, make_media=self._media_for, gone=self._gone
        )  # fmt: skip
        pump.device = device
        self.actors[connection] = actor
        self.pumps[connection] = pump
        if self.active:
            try:
                await self.running.run(Join(site, connection, device, page), actor)
            except BaseException:
                self._drop(connection)
                self._leave(site, connection, "closed")
                raise
        pump.start()
        pump.show()
        return connection

    async def detach(self, connection: str, reason: str) -> None:
        """The screen is gone: its interval ends now."""
        pump = self._drop(connection)
        if pump is not None and pump.joined:
            try:
                await self.running.run(Leave(pump.site, connection, reason), _actor_of(pump.site))
            except CoordinatorError as problem:  # it stays open in the log, and time closes it: lost
                _log.warning("%s: leaving was not written: %s", self.id, problem)
        self.connections.pop(connection, None)

    def revoke(self, site: str) -> None:
        """Sends away every screen and participant of a site."""
        for pump in [pump for pump in self.pumps.values() if pump.site == site]:
            self._leave(site, pump.connection, "revoked")
            self.connections.pop(pump.connection, None)
            pump.goodbye("revoked")
        self.keeper.reconcile_soon()

    def _drop(self, connection: str) -> Pump | None:
        self.actors.pop(connection, None)
        pump = self.pumps.pop(connection, None)
        if pump is not None:
            pump.stop()
        return pump

    def _leave(self, site: str, connection: str, reason: str) -> None:
        ask(self.running, Leave(site, connection, reason))

    def _gone(self, pump: Pump) -> None:
        self._context.spawn(self.detach(pump.connection, "closed"))

    def _render(self, pump: Pump) -> Snapshot:
        if pump.site == HUB:
            return self.full()
        shown = snapshot.for_site(self.running.briefing, pump.site, clock.now(), self.keeper.status)
        return {**shown, "seq": self._seq}

    def _media_for(self, pump: Pump) -> tuple[str, str] | None:
        if not pump.joined or not self.active or self._context.media.url is None:
            return None
        site = self.running.briefing.sites.get(pump.site)
        name = site.name if site is not None else pump.site
        return self._context.browser_url(pump.screen), self.keeper.token(pump.site, pump.connection, name)

    async def ask_for_life(self) -> None:
        """Asks every open line for a sign of life; returns when all gave one, in ANSWER_WITHIN_S at most.

        Never raises: a line that cannot be asked is not waited for.
        """
        known = [self.pumps.get(line.connection) for line in self.running.briefing.open_lines()]
        asked = [pump.sign_of_life() for pump in known if pump is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await asyncio.gather(*asked, return_exceptions=True)

    def ask_to_measure(self, site: str | None = None) -> list[str]:
        """See `Sessions.ask_to_measure`."""
        phase = self.running.briefing.phase
        if phase not in checking.BEFORE:
            raise Refusal(
                "wrong_phase", phase=phase, command="ReportLineCheck", allowed=list(checking.BEFORE)
            )
        asked = [pump for pump in self.pumps.values() if pump.site != HUB and site in (None, pump.site)]
        for pump in asked:
            pump.measure()
        return sorted({pump.site for pump in asked})

    # -- effects -------------------------------------------------------------------------------

    def _committed(self, _running: Running, recorded: list[Recorded]) -> None:
        for one in recorded:
            if isinstance(one.event, ConnectionOpened):
                self._opened(one.event)
            elif isinstance(one.event, ConnectionClosed) and one.event.reason != "lost":
                self.connections.pop(one.event.connection, None)
            elif isinstance(one.event, ConnectionHealed):
                self.connections[one.event.connection] = one.event.site
            elif isinstance(one.event, BriefingOpened):
                self._let_in()
                self._context.opened(self)
        self.keeper.follow()

    def _opened(self, event: ConnectionOpened) -> None:
        if event.site != HUB:
            for connection in [known for known, site in self.connections.items() if site == event.site]:
                del self.connections[connection]
        self.connections[event.connection] = event.site
        if event.connection in self.pumps:
            self.pumps[event.connection].joined = True
            self.pumps[event.connection].send_media()
        for pump in list(self.pumps.values()):
            same_page = pump.page == event.page
            if pump.connection == event.connection or pump.site != event.site:
                continue
            if same_page or event.site != HUB:
                pump.goodbye("closed" if same_page else "replaced")

    def _let_in(self) -> None:
        """The briefing opens: who looked on joins."""
        for pump in self.pumps.values():
            actor = self.actors.get(pump.connection, _actor_of(pump.site))
            ask(self.running, Join(pump.site, pump.connection, pump.device, pump.page), actor)

    def changed(self) -> None:
        """Something to show: every screen gets it in its own time."""
        self._seq += 1
        for pump in self.pumps.values():
            pump.show()

    def full(self) -> Snapshot:
        """The full snapshot of now, with `seq`."""
        shown = snapshot.full(self.running.briefing, clock.now(), self.keeper.status)
        return {**shown, "seq": self._seq}

    # -- time and the media server -------------------------------------------------------------

    def tick(self) -> None:
        """A second has passed: what only time changes (unstable, lost, weak) is shown too."""
        self.check_outage()
        for line in speaking_though_lost(self.running.briefing, clock.now()):
            if line.connection in self.pumps:
                self.pumps[line.connection].goodbye("lost")  # its page comes back at once
        if self.pumps:
            shown = timeless(snapshot.full(self.running.briefing, clock.now(), self.keeper.status))
            if shown != self._shown:
                self._shown = shown
                self.changed()

    def check_outage(self) -> None:
        """Tells the log when media fails and when it works again."""
        down = self._context.media.url is None and asyncio.get_running_loop().time() > self._context.media_due
        out = down or self.keeper.failures >= FAILURES_OF_AN_OUTAGE
        if self.active and out != self._relay_out:
            self._relay_out = out
            ask(self.running, Outage("relay", began=out))

    def media_moved(self) -> None:
        """The media server is down (no address) or a new one: rooms, grants and tokens start again."""
        self.check_outage()
        self.keeper.start_again()
        if self._context.media.url is not None:
            loop = asyncio.get_running_loop()
            for pump in self.pumps.values():  # not all in one instant: they come in at once
                loop.call_later(random.uniform(0, SPREAD_S), pump.send_media)

    async def stop(self) -> None:
        """The server stops: every open interval ends now, and the screens are told."""
        for pump in list(self.pumps.values()):
            if pump.joined:
                self._leave(pump.site, pump.connection, "server_stop")
        with contextlib.suppress(TimeoutError):  # a disk that hangs: the marks tell when they were last here
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.running.drained()
        for pump in list(self.pumps.values()):
            pump.goodbye("server_stop")
        await asyncio.gather(*(pump.ended() for pump in list(self.pumps.values())))

    async def close(self) -> None:
        """Ends the tasks; nothing is written."""
        await self.keeper.close()
        await self.running.close()
        for pump in self.pumps.values():
            pump.stop()


def _actor_of(site: str) -> Actor:
    return Actor("system", "system") if site == HUB else Actor(f"site:{site}", "operator", site)
