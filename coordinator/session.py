"""Running briefings: commands come in one at a time; effects go out in one order that never varies.

Rule 1: decide, then the event is written and synced, then applied, then media follows, then screens show it.
Rule 2: where writing fails nothing is applied, no media call is made and no screen changes: StorageError.
Rule 3: media runs outside the command queue, within 1 s, and never undoes an event (snapshot: `media`).
Rule 4: a slow screen or a hanging relay stalls nobody else: screens and media are coalesced, never queued up.
Rule 5: briefings that are open, live or in a break are always in memory; others are loaded when asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any, Protocol

from coordinator import clock
from coordinator.domain.briefing import Briefing
from coordinator.domain.commands import (
    SYSTEM_ACTOR,
    Actor,
    Alive,
    Cancel,
    Command,
    Create,
    End,
    Recover,
    StepClock,
    Tick,
)
from coordinator.domain.errors import CoordinatorError, Refusal
from coordinator.domain.events import HUB, SYSTEM, SYSTEM_CHAIN, ClockStepped, Recorded, Sealed
from coordinator.hall import Context, Hall, new_id
from coordinator.media import MediaServer, browser_url
from coordinator.room_keeper import ACTIVE
from coordinator.running import EventLog, EventStore, ask
from coordinator.screens import Screen, Snapshot

__all__ = ["Screen", "Sessions", "Snapshot"]

TICK_S = 1.0
LATE_MS = 3_000  # such a tick was held up (or the machine slept): frames that wait are read first
STEP_MS = 2_000
MEDIA_WITHIN_S = 5.0  # the relay starts beside us: no outage before that
SEALED_BEFORE_MS = 2 * 86_400_000  # what ended longer ago was sealed then, or has been looked at since
IDLE_S = 120.0  # a briefing that is not active is forgotten after this long without use

Rows = list[dict[str, Any]]
Ids = list[str]

_log = logging.getLogger(__name__)


class BriefingStore(EventStore, Protocol):
    """What is used of `storage.Store`. Every call blocks."""

    def briefings(self) -> list[Any]: ...


class Sessions:
    """All briefings, loaded when needed. Every method is to be called on the event loop."""

    def __init__(
        self,
        store: BriefingStore,
        writer: Executor,
        media: MediaServer,
        *,
        outside_url: str | None = None,
        public_url: str | None = None,
    ) -> None:
        """`writer`: the one thread that writes; `outside_url`: LIVEKIT_URL, None with the built-in relay."""
        self._store = store
        self._media = media
        self._log = EventLog(store, writer)
        self._addresses = (outside_url, public_url)
        self._context = Context(self._log, media, self._browser_url, self._call_over)
        self._halls: dict[str, Hall] = {}
        self._loading: dict[str, asyncio.Task[Hall]] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def storage_state(self) -> str:
        """ok, or failed while the last write failed."""
        return self._log.state

    async def start(self) -> None:
        """Loads what is open, live or in a break, closes at their last marks the intervals that a crash
        left open, and begins to tick.

        Raises:
            StorageError: the log cannot be read or written.
        """
        self._context.media_due = asyncio.get_running_loop().time() + MEDIA_WITHIN_S
        for row in await asyncio.to_thread(self._store.briefings):
            if row.phase in ACTIVE:
                hall = await self._hall(row.id)
                await hall.running.run(Recover(), SYSTEM_ACTOR)
                _log.info("%s is %s again after the restart", row.id, row.phase)
            elif row.phase == "ended" and (row.ended_ms or 0) > clock.now().utc_ms - SEALED_BEFORE_MS:
                await self._seal_again(row.id)
        self._ticker = asyncio.create_task(self._tick_for_ever(), name="ticker")

    async def close(self) -> None:
        """Ends every open interval now (server_stop), tells the screens, and stops for good."""
        self._closing = True
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        halls = list(self._halls.values())
        await asyncio.gather(*(hall.stop() for hall in halls))
        await asyncio.gather(*(hall.close() for hall in halls))
        self._halls.clear()

    # -- commands and questions ----------------------------------------------------------

    async def create(self, command: Create, actor: Actor) -> str:
        """Makes a briefing and returns its id.

        Raises:
            Refusal: the command is not allowed. StorageError: nothing was written.
        """
        hall = Hall(Briefing(f"b{new_id(12)}"), self._context)
        try:
            await hall.running.run(command, actor)
        except BaseException:
            await hall.close()
            raise
        self._halls[hall.id] = hall
        return hall.id

    async def run(self, briefing_id: str, command: Command, actor: Actor) -> list[Recorded]:
        """Runs one command in the briefing's turn; returns when it is written and applied (maybe: no event).

        End and Cancel first ask every open line for a sign of life, for less than a second.

        Raises:
            Refusal: `unknown_briefing`, `too_busy`, or the domain's own; nothing changed.
            StorageError: it could not be written; nothing changed.
        """
        at = clock.now()
        hall = await self._hall(briefing_id)
        if hall.active and isinstance(command, End | Cancel):
            return await asyncio.shield(self._context.spawn(self._over(hall, command, actor)))
        return await hall.running.run(command, actor, at)

    async def _over(self, hall: Hall, command: Command, actor: Actor) -> list[Recorded]:
        await hall.ask_for_life()
        if self._closing:
            raise Refusal("server_stop")
        return await hall.running.run(command, actor)

    async def snapshot(self, briefing_id: str) -> Snapshot:
        """The full snapshot with `seq`. Raises Refusal("unknown_briefing")."""
        return (await self._hall(briefing_id)).full()

    async def state(self, briefing_id: str) -> Briefing:
        """The briefing as it is now, to be read only. Raises Refusal("unknown_briefing")."""
        return (await self._hall(briefing_id)).running.briefing

    async def live_for(self, site: str) -> Ids:
        """Where the site's link leads: the live briefings (break counts as live) that summon it, else the
        open ones, else the next scheduled one. One id: enter it; several: offer the choice; none: wait."""
        summoned = [hall for hall in self._halls.values() if hall.active and hall.summons(site)]
        live = [hall.id for hall in summoned if hall.running.briefing.phase != "open"]
        if live or summoned:
            return live or [hall.id for hall in summoned]
        rows = await asyncio.to_thread(self._store.briefings)
        scheduled = [row for row in rows if row.phase == "scheduled"]
        for row in sorted(scheduled, key=_planned):
            if (await self._hall(row.id)).summons(site):
                return [row.id]
        return []

    # -- control sockets -----------------------------------------------------------------

    async def attach(
        self,
        briefing_id: str,
        site: str,
        page: str,
        device: str,
        screen: Screen,
        actor: Actor | None = None,
    ) -> str:
        """Joins a control socket (hello) and returns its connection id; snapshot and media follow on it.

        `site` is a code or "hub"; `page` the page's uuid; `actor` is needed for the hub (default: the site).
        An older page of the same site gets `close("replaced")`, an older socket of the same page
        `close("closed")`. In a scheduled briefing a screen only looks on, and joins by itself at the opening
        (or gets `close("moved")` when another one that summons its site opens first). In an ended or
        cancelled one the hub looks on and a site is refused; who was there at the end stays and looks on.

        Raises:
            Refusal: unknown_briefing, not_open, …; StorageError. The screen is not attached then.
        """
        hall = await self._hall(briefing_id)
        return await hall.attach(site, page, device, screen, actor or Actor(f"site:{site}", "operator", site))

    async def detach(self, briefing_id: str, connection: str, reason: str = "closed") -> None:
        """The socket ended. Reason closed | revoked. Never raises; unknown ones are ignored."""
        hall = self._halls.get(briefing_id)
        if hall is not None:
            await hall.detach(connection, reason)

    def alive(
        self,
        briefing_id: str,
        connection: str,
        *,
        n: int | None = None,
        receiving: bool | None = None,
        mode: str | None = None,
        layer: str | None = None,
        slide: int | None = None,
    ) -> None:
        """Any frame, or the answer to a ping, came in: stamped now, handled in turn. Never raises."""
        hall = self._halls.get(briefing_id)
        pump = hall.pumps.get(connection) if hall is not None else None
        if hall is not None and pump is not None and pump.joined:
            pump.heard()
            command = Alive(
                pump.site, connection, n=n, receiving=receiving, mode=mode, layer=layer, slide=slide
            )
            ask(hall.running, command)

    async def fresh_media(self, briefing_id: str, connection: str) -> None:
        """Sends that screen a new media message (its page lost the room for good and asks again)."""
        hall = self._halls.get(briefing_id)
        pump = hall.pumps.get(connection) if hall is not None else None
        if pump is not None:
            pump.send_media()

    async def ask_to_measure(self, briefing_id: str, site: str | None = None) -> Ids:
        """Asks every site's (or one's) open page to measure its line; returns whose; checks follow as any do.

        Raises:
            Refusal: unknown_briefing, wrong_phase (while it is live the line belongs to the stage).
        """
        return (await self._hall(briefing_id)).ask_to_measure(site)

    async def revoke(self, site: str) -> None:
        """A link was rotated: closes every screen and participant of that site with reason `revoked`."""
        for hall in list(self._halls.values()):
            hall.revoke(site)

    # -- the media server ----------------------------------------------------------------

    def media_event(self, room: str, kind: str) -> None:
        """A validated webhook of the media server (`kind`: LiveKit's event name): reconciles that room."""
        hall, joined = self._halls.get(room), kind == "participant_joined"
        if hall is not None and kind.startswith(("participant_", "track_", "room_")):
            hall.keeper.reconcile_soon(joined)
        elif hall is None and joined:
            self._context.spawn(self._send_out_latecomer(room))

    async def _send_out_latecomer(self, room: str) -> None:
        """Somebody came into the room of a briefing that is not on, with a token of before its end."""
        with contextlib.suppress(CoordinatorError):  # no room of ours
            (await self._hall(room)).keeper.reconcile_soon(joined=True)

    def media_moved(self) -> None:
        """The media server has a new address, or none: rooms and grants again, fresh media for screens."""
        self._context.media_due = 0.0  # it has been there: from now on its absence is an outage at once
        for hall in list(self._halls.values()):
            hall.media_moved()

    # -- inside ------------------------------------------------------------

    async def _hall(self, briefing_id: str) -> Hall:
        if self._closing:
            raise Refusal("server_stop")
        hall = self._halls.get(briefing_id)
        if hall is None:
            task = self._loading.get(briefing_id)
            if task is None:
                task = self._loading[briefing_id] = asyncio.create_task(self._load(briefing_id))
                task.add_done_callback(lambda _task: self._loading.pop(briefing_id, None))
            hall = await asyncio.shield(task)
        hall.last_used = asyncio.get_running_loop().time()
        return hall

    async def _load(self, briefing_id: str) -> Hall:
        briefing = await self._replay(briefing_id, marks=False)
        if briefing.phase in ACTIVE:
            briefing = await self._replay(briefing_id, marks=True)
        hall = Hall(briefing, self._context)
        self._halls[briefing_id] = hall
        return hall

    async def _replay(self, briefing_id: str, marks: bool) -> Briefing:
        recorded = await self._log.events(briefing_id, marks) if briefing_id != SYSTEM_CHAIN else []
        if not recorded:
            raise Refusal("unknown_briefing", briefing=briefing_id)
        return await asyncio.to_thread(Briefing.replay, briefing_id, recorded)

    async def _seal_again(self, briefing_id: str) -> None:
        """A crash came between the end and its seal: the seal follows now."""
        if not any(isinstance(one.event, Sealed) for one in await self._log.events(briefing_id, marks=False)):
            hall = await self._hall(briefing_id)
            await hall.running.seal(clock.now())

    def _browser_url(self, screen: Screen) -> str:
        return browser_url(*self._addresses, screen.origin)

    def _call_over(self, opened: Hall) -> None:
        """A briefing opened: sites that look on in one that is not on, or not any more, are called over."""
        for hall in self._halls.values():
            if not hall.active:
                for pump in list(hall.pumps.values()):
                    if pump.site != HUB and opened.summons(pump.site):
                        pump.goodbye("moved")

    async def _tick_for_ever(self) -> None:
        before = clock.now()
        while True:
            await asyncio.sleep(TICK_S)
            now = clock.now()
            passed_ms = now.mono_ms - before.mono_ms
            step_ms = (now.utc_ms - before.utc_ms) - passed_ms
            before = now
            try:
                if abs(step_ms) > STEP_MS:
                    await self._clock_stepped(step_ms)
                if passed_ms < LATE_MS:
                    self._tick()
                await self._forget_idle()
            except Exception:
                _log.exception("a tick failed")

    def _tick(self) -> None:
        for hall in self._halls.values():
            if hall.active:
                ask(hall.running, Tick())
            hall.tick()

    async def _clock_stepped(self, step_ms: int) -> None:
        _log.warning("the clock stepped by %d ms", step_ms)
        for hall in self._halls.values():
            if hall.active:
                ask(hall.running, StepClock(step_ms))
        try:
            await self._log.append(SYSTEM_CHAIN, [(ClockStepped(step_ms), clock.now(), SYSTEM)])
        except CoordinatorError as problem:
            _log.error("the clock step was not written: %s", problem)

    async def _forget_idle(self) -> None:
        since = asyncio.get_running_loop().time() - IDLE_S
        for hall in list(self._halls.values()):
            if not hall.active and not hall.pumps and hall.running.idle() and hall.last_used < since:
                del self._halls[hall.id]
                await hall.close()

    async def list(self) -> Rows:
        """All briefings, newest first: {id, title, kind, phase, document_number, starts_at, started_at,
        ended_at}; times RFC 3339 in UTC or None."""
        return [
            {
                "id": row.id, "title": row.title, "kind": row.kind, "phase": row.phase,
                "document_number": row.document_number, "starts_at": _rfc3339(row.starts_at_ms),
                "started_at": _rfc3339(row.started_ms), "ended_at": _rfc3339(row.ended_ms),
            }
            for row in await asyncio.to_thread(self._store.briefings)
        ]  # fmt: skip


def _planned(row: Any) -> tuple[bool, int]:
    return row.starts_at_ms is None, row.starts_at_ms or row.created_ms


def _rfc3339(utc_ms: int | None) -> str | None:
    if utc_ms is None:
        return None
    told = datetime.fromtimestamp(utc_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")
