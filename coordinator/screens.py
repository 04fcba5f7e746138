"""The screens of one briefing: each has a task of its own, which sends what is newest, and never more.

Rule 1: at most two snapshots a second a screen; what changed in between is in the next one (coalesced).
Rule 2: nothing queues up for a screen: one snapshot, one media message, one request to measure, one goodbye
can be due, the newest.
Rule 3: a screen that fails, or takes longer than SEND_WITHIN_S over one message, is let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Protocol

MIN_GAP_S = 0.5
SEND_WITHIN_S = 30.0  # a 64 kbit/s line in an outage of seconds gets its snapshot late, not a broken socket
CLOSE_WITHIN_S = 5.0

Snapshot = dict[str, Any]

_log = logging.getLogger(__name__)


class Screen(Protocol):
    """One open control socket, as the sessions see it (`web/socket.py` implements it).

    Methods may wait as long as the line needs; each screen is served by a task of its own, and sees calls one
    at a time, `ping` apart. An exception out of any other ends the connection (reason "closed").
    """

    @property
    def origin(self) -> str:
        """Scheme and host of the request, e.g. "https://hop.example.vn", no slash at the end.

        From it the built-in relay's address is made, as this browser must call it.
        """
        ...

    async def show(self, snapshot: Snapshot) -> None:
        """Sends one snapshot: the full one at the hub, a site its own entry. `seq` grows."""
        ...

    async def media(self, url: str, token: str) -> None:
        """Sends the media address (ws:// or wss://) and a LiveKit token of 10 minutes. May come again."""
        ...

    async def measure(self) -> None:
        """Asks the page to measure its line and to report it (`{"type": "measure"}`)."""
        ...

    async def ping(self) -> None:
        """Asks the page for a sign of life now; the answer comes as any other does (`Sessions.alive`).

        May be called beside another method, and cancelled; what it raises is of no consequence.
        """
        ...

    async def close(self, code: str) -> None:
        """Says goodbye and closes: replaced | revoked | moved | closed | server_stop."""
        ...


def timeless(snapshot: Snapshot) -> Snapshot:
    """What of a snapshot is worth sending again when it changes: not what only counts the seconds."""
    kept = {name: value for name, value in snapshot.items() if name not in ("seq", "now")}
    kept["sites"] = [{**site, "silent_s": None} for site in snapshot.get("sites", ())]
    return kept


class Pump:
    """One attached screen. `render` gives its newest snapshot, `make_media` (url, token) or None."""

    def __init__(
        self,
        connection: str,
        site: str,
        page: str,
        screen: Screen,
        *,
        render: Callable[[Pump], Snapshot],
        make_media: Callable[[Pump], tuple[str, str] | None],
        gone: Callable[[Pump], None],
    ) -> None:
        """`gone(self)` is called once if the screen fails by itself, never after `goodbye`."""
        self.connection = connection
        self.site = site
        self.page = page
        self.screen = screen
        self.device = ""
        self.joined = False  # False: it looks on only (before the opening, after the end)
        self._render = render
        self._make_media = make_media
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._due = asyncio.Event()
        self._next_show = 0.0
        self._limit: asyncio.Timeout | None = None
        self._last: Snapshot | None = None
        self._show_due = self._media_due = self._measure_due = False
        self._goodbye: str | None = None
        self._heard = asyncio.Event()  # since it was last asked, or it is not asked any more
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on it sends; what was asked for before is sent first."""
        self._task = asyncio.create_task(self._work(), name=f"screen {self.connection}")

    def show(self) -> None:
        """Something changed: the newest snapshot is due."""
        self._show_due = True
        self._due.set()

    def send_media(self) -> None:
        """A fresh media message is due."""
        self._media_due = True
        self._due.set()

    def measure(self) -> None:
        """The hall asks this page to measure its line."""
        self._measure_due = True
        self._due.set()

    def goodbye(self, code: str) -> None:
        """Says goodbye after what is being sent now; nothing else is sent any more."""
        self._heard.set()
        if self._goodbye is None:
            self._goodbye = code
            self._due.set()
            self._loop.call_later(CLOSE_WITHIN_S, self._hurry)

    def heard(self) -> None:
        """A frame came in."""
        self._heard.set()

    async def sign_of_life(self) -> None:
        """Asks the page for a sign of life and returns when one has come, or when the screen is let go."""
        if self._goodbye is None:
            self._heard.clear()
            await self.screen.ping()
            await self._heard.wait()

    async def ended(self) -> None:
        """Waits until the goodbye has been said (10 s at most)."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=2 * CLOSE_WITHIN_S)

    def stop(self) -> None:
        """The socket is gone: sends nothing any more. A goodbye that is being said is let finish."""
        self._heard.set()
        if self._task is not None and self._goodbye is None:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            while self._goodbye is None:
                await self._wait()
                await self._send_due()
        except Exception as problem:
            _log.info("screen %s of %s is gone: %r", self.connection, self.site, problem)
        if self._goodbye is None:
            self._goodbye = "closed"
            self._gone(self)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.screen.close(self._goodbye)

    async def _wait(self) -> None:
        """Returns when something may be sent: a snapshot only MIN_GAP_S after the one before."""
        while self._goodbye is None and not (self._media_due or self._measure_due):
            if self._show_due and self._loop.time() >= self._next_show:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_show if self._show_due else None):
                    await self._due.wait()
            self._due.clear()

    async def _send_due(self) -> None:
        if self._goodbye is not None:
            return
        async with asyncio.timeout(SEND_WITHIN_S) as self._limit:
            first_is_due = self._show_due and self._last is None
            if self._media_due and not first_is_due:
                self._media_due = False
                message = self._make_media(self)
                if message is not None:
                    await self.screen.media(*message)
            elif self._measure_due and not first_is_due:
                self._measure_due = False
                await self.screen.measure()
            else:
                self._show_due = False
                await self._show_newest()

    async def _show_newest(self) -> None:
        """Shows the newest snapshot, unless nothing of what this screen sees has changed."""
        snapshot = self._render(self)
        seen = timeless(snapshot)
        if seen != self._last:
            self._next_show = self._loop.time() + MIN_GAP_S
            await self.screen.show(snapshot)
            self._last = seen

    def _hurry(self) -> None:
        """What is being sent hangs, and the goodbye must not wait for it."""
        if self._limit is not None and self._task is not None and not self._task.done():
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._limit.reschedule(self._loop.time())
