"""Keeps one briefing's LiveKit room as its events say: media is a projection of the events.

Rule 1: everything here happens outside the command queue; a round of calls ends after 1 s, done or not.
Rule 2: grants are computed from the state and applied again after events, joins, relay starts, reconciles.
Rule 3: a participant without a connection that is open (or only silent: lost) is sent out; where no briefing
is on there is no room.
Rule 4: what the media server tells of who is there and sends becomes commands (SiteMedia, HubMedia), once
per change.
Rule 5: an identity is `<code>:<connection>`, `hub:<connection>` at the hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from coordinator.domain.commands import SYSTEM_ACTOR, Actor, Command, HubMedia, SiteMedia
from coordinator.domain.errors import CoordinatorError, MediaError
from coordinator.domain.events import HUB
from coordinator.domain.grants import Grants, grants_for
from coordinator.media import MediaServer, Participant
from coordinator.running import Running

ROUND_WITHIN_S = 1.0
RECONCILE_EVERY_S = 5.0
SOONEST_S = 0.2  # between two reconciles: a burst of webhooks asks once
ACTIVE = frozenset({"open", "live", "break"})

_log = logging.getLogger(__name__)


def identity_of(site: str, connection: str) -> str:
    """The LiveKit identity of one connection."""
    return f"{site}:{connection}"


class RoomKeeper:
    """The room of one running briefing. `close()` ends its tasks."""

    def __init__(
        self,
        running: Running,
        media: MediaServer,
        connections: Mapping[str, str],
        actors: Mapping[str, Actor],
        settled: Callable[[], None],
    ) -> None:
        """`connections`: connection id → site, those that may be in the room; `actors`: connection id → who.
        The owner keeps both.

        `settled()` is called after every round, when the screens may show what was applied.
        """
        self.status = "applied"  # applied | pending | failed
        self.failures = 0  # reconciles in a row that got no answer
        self._running = running
        self._media = media
        self._connections = connections
        self._actors = actors
        self._settled = settled
        self._present: dict[str, Participant] = {}
        self._room_made = self._room_closed = False
        self._told_hub = HubMedia(audio=False, video=False, screen=False)
        self._told_sites: dict[str, SiteMedia] = {}
        self._changed = asyncio.Event()
        self._news = asyncio.Event()
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._reconcile_for_ever())]

    def follow(self) -> None:
        """The state changed: a round of calls is due, then `settled`."""
        if self.status == "applied" and self._due_grants():
            self.status = "pending"
        self._changed.set()

    def reconcile_soon(self, joined: bool = False) -> None:
        """The media server has news of the room; `joined`: that somebody came in."""
        if joined and self._running.briefing.phase not in ACTIVE:
            self._room_made, self._room_closed = True, False  # a token outlived the end by some minutes
        self._news.set()

    def start_again(self) -> None:
        """The media server is down or another one now: nobody is in a room there, no room is made."""
        self._present.clear()
        self._room_made = False
        self.failures = 0
        self._changed.set()
        self._news.set()

    def token(self, site: str, connection: str, name: str) -> str:
        """A media token for one connection: its grants of now, never the floor's microphone."""
        grants = self._grants(site, connection)
        if site != HUB:
            grants = replace(grants, sources=grants.sources - {"microphone"})
        return self._media.token(self._running.id, identity_of(site, connection), grants, name)

    async def close(self) -> None:
        """Ends the tasks; the room stays."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- following the events ------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._round()
            self._settled()

    async def _round(self) -> None:
        briefing = self._running.briefing
        if self._media.url is None:
            self.status = "failed" if briefing.phase in ACTIVE else self.status
            return
        calls: list[Awaitable[None]] = []
        if briefing.phase in ACTIVE:
            calls = [self._ensure()] if not self._room_made else []
            calls += [self._apply(identity, grants) for identity, grants in self._due_grants().items()]
        elif self._room_made and not self._room_closed:
            calls = [self._close_room()]
        if calls:
            self.status = "pending"
        results = await asyncio.gather(*(self._within(call) for call in calls))
        self.status = "applied" if all(results) else "failed"

    async def _within(self, call: Awaitable[None]) -> bool:
        try:
            async with asyncio.timeout(ROUND_WITHIN_S):
                await call
        except (MediaError, TimeoutError) as problem:
            _log.warning("%s: media: %s", self._running.id, problem or "no answer within 1 s")
            return False
        except Exception:
            _log.exception("%s: a media call failed", self._running.id)
            return False
        return True

    def _due_grants(self) -> dict[str, Grants]:
        """identity → grants, for those in the room who may publish something else than they should."""
        due = {}
        for connection, site in self._connections.items():
            identity = identity_of(site, connection)
            wanted = self._grants(site, connection)
            there = self._present.get(identity)
            if there is not None and (there.granted, there.subscribe) != (wanted.sources, wanted.subscribe):
                due[identity] = wanted
        return due

    def _grants(self, site: str, connection: str) -> Grants:
        role = self._actors.get(connection, SYSTEM_ACTOR).role  # one on its way out is nobody's any more
        return grants_for(self._running.briefing, site, role)

    async def _apply(self, identity: str, grants: Grants) -> None:
        try:
            await self._media.apply(self._running.id, identity, grants)
        except MediaError as problem:
            if problem.code != "not_in_room":
                raise
            self._present.pop(identity, None)
            self._news.set()
            return
        there = self._present.get(identity)
        if there is not None:
            self._present[identity] = replace(there, granted=grants.sources, subscribe=grants.subscribe)

    async def _ensure(self) -> None:
        await self._media.ensure_room(self._running.id)
        self._room_made = True

    async def _close_room(self) -> None:
        await self._media.close_room(self._running.id)
        self._room_closed = True
        self._present.clear()

    # -- what the media server tells -----------------------------------------------------------

    async def _reconcile_for_ever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECONCILE_EVERY_S):
                    await self._news.wait()
            self._news.clear()
            try:
                await self.reconcile()
            except Exception:
                _log.exception("%s: reconciling the room failed", self._running.id)
            await asyncio.sleep(SOONEST_S)

    async def reconcile(self) -> None:
        """Lists the room, sends out who has no connection, applies grants again, tells what changed."""
        if self._running.briefing.phase not in ACTIVE:
            if self._room_made and not self._room_closed:
                self._changed.set()
            return
        if self._media.url is not None:
            try:
                async with asyncio.timeout(ROUND_WITHIN_S):
                    there = await self._media.participants(self._running.id)
            except (MediaError, TimeoutError) as problem:
                _log.warning("%s: the room could not be listed: %s", self._running.id, problem or "no answer")
                self.failures += 1
                return
            self._present = {participant.identity: participant for participant in there}
        self.failures = 0
        await self._send_out_strangers()
        await self._tell()
        if not self._room_made or self.status == "failed" or self._due_grants():
            self._changed.set()

    async def _send_out_strangers(self) -> None:
        known = {identity_of(site, connection) for connection, site in self._connections.items()}
        for identity in set(self._present) - known:
            _log.info("%s: %s has no open connection and is sent out", self._running.id, identity)
            if await self._within(self._media.remove(self._running.id, identity)):
                self._present.pop(identity, None)

    async def _tell(self) -> None:
        hub = [one for identity, one in self._present.items() if identity.startswith(f"{HUB}:")]
        news = HubMedia(
            audio=any(one.audio for one in hub), video=any(one.video for one in hub),
            screen=any(one.screen for one in hub),
        )  # fmt: skip
        if news != self._told_hub and await self._report(news):
            self._told_hub = news
        for gone in self._told_sites.keys() - self._connections.keys():
            del self._told_sites[gone]
        for connection, site in list(self._connections.items()):
            if site == HUB:
                continue
            there = self._present.get(identity_of(site, connection))
            told = self._told_sites.get(connection, SiteMedia(site, connection, joined=False))
            if there is None:
                now = SiteMedia(site, connection, joined=False)
            else:
                now = SiteMedia(site, connection, joined=True, audio=there.audio, video=there.video)
            if now != told and await self._report(now):
                self._told_sites[connection] = now

    async def _report(self, command: Command) -> bool:
        try:
            await self._running.run(command, SYSTEM_ACTOR)
        except CoordinatorError as problem:
            _log.warning("%s: media news was not taken: %s", self._running.id, problem)
            return False
        return True
