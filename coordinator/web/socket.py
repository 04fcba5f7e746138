"""The control socket: one page's line to its briefing.

Rule 1: any frame is proof of life, the answers to our 5 s pings included: hidden tabs throttle their timers.
Rule 2: a socket that ends, in whatever way, has left at that moment; nothing else ends an attendance from
here.
Rule 3: an unreadable message closes this one socket; a wrong one is refused and harms nobody; too many are
dropped.
Rule 4: whose link, cookie or account is gone loses the socket within one ping.
Rule 5: every `alive` is answered in kind: a browser cannot see pings, and a page has to notice a dead line.
Rule 6: a site whose briefing is not open yet keeps its socket and is let in when it opens, without asking
again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from aiohttp import ClientError, WSMessage, WSMsgType, web

from coordinator.domain.errors import CoordinatorError, ProtocolViolation, Refusal
from coordinator.web import access, entrance, errors, messages
from coordinator.web.access import Identity
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES, Services
from coordinator.web.messages import Hello, Life, MediaWanted, SiteCommand
from coordinator.web.throttle import Bucket

PING_EVERY_S = 5.0
HELLO_WITHIN_S = 10.0
SILENT_FOR_S = 300.0  # a line that heals within five minutes goes on unbroken (ATTENDANCE.md rule 4)
SEND_WITHIN_S = 25.0  # then a page that takes nothing loses its socket
MOST_BYTES = 16 * 1024
MOST_WAITING_BYTES = 32 * 1024  # sent and not yet taken by the line: more would be old news
MESSAGES_A_SECOND, BURST, MOST_DROPPED = 10.0, 40.0, 200
HELLOS_A_SECOND, HELLO_BURST = 1.0, 30.0  # of one link or account: each may be two events in the log
DEFLATE_BITS = 12  # a 4 kB window, made for each message: no memory is held while a page is silent
CLOSE_CODES = {
    "closed": 1000,
    "server_stop": 1001,
    "bad_message": 1008,
    "too_fast": 1008,
    "replaced": 4001,
    "revoked": 4003,
    "moved": 4004,
    "lost": 4008,
    "ended": 4010,
    "cancelled": 4011,
    "login_needed": 4401,
    "wrong_link": 4401,
}
_QUIET = ("closed", "moved")  # goodbyes that the page itself brought about
_OVER = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)

_log = logging.getLogger(__name__)


class Line:
    """One open control socket; to the sessions it is a Screen."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse, who: list[Identity]) -> None:
        """`who`: what the browser holds, an account, a site's link, or both."""
        self.origin = access.origin(request)
        self.identity: Identity | None = who[0] if len(who) == 1 else None
        self.attached: tuple[str, str] | None = None  # (briefing, connection)
        self._request = request
        self._services: Services = request.app[SERVICES]
        self._words = errors.catalogue_of(request)
        self._ws = ws
        self._who = who
        self._hello: Hello | None = None
        self._offered: list[str] = []  # the briefings that its operator was asked to choose from
        self._joining = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._parting = asyncio.Lock()  # held while a goodbye is said
        self._bucket = Bucket(MESSAGES_A_SECOND, BURST)
        self._dropped = 0
        self._heard = asyncio.get_running_loop().time()

    @property
    def side(self) -> str:
        """hub | site | waiting (in no briefing)."""
        if self.attached is None or self.identity is None:
            return "waiting"
        return "site" if self.identity.site else "hub"

    # what the sessions call

    async def show(self, snapshot: dict[str, Any]) -> None:
        await self._send({"type": "snapshot", **snapshot})

    async def media(self, url: str, token: str) -> None:
        await self._send({"type": "media", "url": url, "token": token})

    async def measure(self) -> None:
        await self._send({"type": "measure"})

    async def ping(self) -> None:
        """Beside the round of every five seconds: the answer is proof of life now."""
        await self._ws.ping()

    async def close(self, code: str) -> None:
        """Tells the page why, unless it knows, and closes with the code of CLOSE_CODES."""
        async with self._parting:
            try:
                if code not in _QUIET:
                    await self._refuse(Refusal(code))
            finally:
                await (
                    self._stop_reading()
                )  # else aiohttp cuts the line instead of waiting for the page's answer
                await self._ws.close(code=CLOSE_CODES.get(code, 1000), message=code.encode())

    async def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    # the line's own life

    async def serve(self) -> None:
        """Reads until the socket ends; then the connection has left."""
        self._reading = asyncio.create_task(self._read())
        watch = asyncio.create_task(self._watch())
        try:
            await asyncio.wait([self._reading])
        finally:
            self._reading.cancel()
            async with self._parting:
                watch.cancel()
            self.abort_if_open()
            await self._detach("closed")
        if not self._reading.cancelled() and (problem := self._reading.exception()) is not None:
            if not isinstance(problem, ConnectionError | ClientError | TimeoutError):
                raise problem
            _log.debug("a control socket broke: %r", problem)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + HELLO_WITHIN_S
        while True:
            patience = None if self._hello else max(0.01, deadline - loop.time())
            try:
                frame = await self._ws.receive(timeout=patience)
            except TimeoutError:
                await self._violated(ProtocolViolation("bad_message", field="type", problem="no_hello"))
                return
            if frame.type in _OVER or not await self._take(frame):
                return

    async def _take(self, frame: WSMessage) -> bool:
        """Handles one frame; False where the socket has to end."""
        self._heard = asyncio.get_running_loop().time()
        if not self._bucket.take(self._heard):
            return await self._drop()
        if frame.type is WSMsgType.PING:
            await self._ws.pong(frame.data)
        if frame.type in (WSMsgType.PING, WSMsgType.PONG):
            self._note_life(Life())
            return True
        try:
            if frame.type is not WSMsgType.TEXT:
                raise ProtocolViolation("bad_message", field="type", problem="not_text")
            await self._handle(frame.data)
        except ProtocolViolation as problem:
            await self._violated(problem)
            return False
        return True

    async def _drop(self) -> bool:
        """A frame over the limit is a sign of life and not read; the first of a run is answered."""
        self._note_life(Life())
        self._dropped += 1
        if self._dropped > MOST_DROPPED:
            await self._violated(ProtocolViolation("too_fast"))
            return False
        if self._dropped == 1:
            await self._refuse(BadRequest("too_fast"))
        return True

    async def _handle(self, text: str) -> None:
        about: str | None = None
        self._dropped = 0
        try:
            message = messages.parse(text)
            about = messages.name_of(message)
            if isinstance(message, Life):
                self._note_life(message)
                await self._send({"type": "alive", "n": message.n})
                return
            self._note_life(Life())
            await self._do(message)
        except ProtocolViolation:
            raise
        except CoordinatorError as problem:
            await self._refuse(problem, about)

    async def _do(self, message: Hello | MediaWanted | SiteCommand) -> None:
        if isinstance(message, Hello):
            await self._greet(message)
            return
        if self.attached is None or self.identity is None:
            raise BadRequest("bad_message", field="type", problem="no_hello")
        briefing, connection = self.attached
        if isinstance(message, MediaWanted):
            await self._services.sessions.fresh_media(briefing, connection)
            return
        if self.identity.site is None:
            raise BadRequest("forbidden")
        await self._services.sessions.run(briefing, message.make(self.identity.site), self.identity.actor)

    # hello

    async def _greet(self, hello: Hello) -> None:
        if self.attached is not None:
            raise BadRequest("bad_message", field="type", problem="twice")
        self.identity = _choose(self._who, hello)
        hellos = self._request.app[HELLOS].setdefault(
            self.identity.name, Bucket(HELLOS_A_SECOND, HELLO_BURST)
        )
        if not hellos.take(asyncio.get_running_loop().time()):
            raise ProtocolViolation("too_fast")
        self._hello = hello
        await self._join()

    async def _join(self) -> None:
        """Attaches to the briefing that the hello means.

        Raises:
            Refusal: unknown_briefing, not_open, …; the socket stays open.
        """
        async with self._joining:
            if self.attached is not None or self._hello is None or self.identity is None:
                return
            await self._offer()
            sessions, hello, who = self._services.sessions, self._hello, self.identity
            if self._offered and hello.briefing not in self._offered:
                return  # its operator is asked first
            briefing = await entrance.briefing_of(sessions, hello, who.site)
            device = hello.device or access.device(self._request)
            side = who.site or "hub"
            connection = await sessions.attach(briefing, side, hello.page, device, self, who.actor)
            self.attached = (briefing, connection)

    async def _offer(self) -> None:
        """Tells the page which briefings there are to choose from, whenever that has changed."""
        sessions, site = self._services.sessions, self.identity.site if self.identity else None
        here = self.attached[0] if self.attached else None
        offered = await entrance.choice_of(sessions, self._hello, site, here)
        if offered != self._offered:
            self._offered = offered
            rows = await entrance.described(sessions, offered)
            await self._send({"type": "choice", "briefings": rows})

    def _note_life(self, life: Life) -> None:
        if self.attached is not None:
            self._services.sessions.alive(
                *self.attached, n=life.n, receiving=life.receiving, mode=life.mode, layer=life.layer,
                slide=life.slide,
            )  # fmt: skip

    # every five seconds

    async def _watch(self) -> None:
        """Pings, looks whether the page may still be here, and lets in a site that waits for its briefing."""
        while True:
            await asyncio.sleep(PING_EVERY_S)
            if asyncio.get_running_loop().time() - self._heard > SILENT_FOR_S:
                self.abort_if_open()
                return
            try:
                await self._look()
            except CoordinatorError as problem:
                _log.debug("a control socket waits: %s", problem)
            except TimeoutError:
                continue  # nothing gets out just now; Rule 4 waits for the next round
            except (ConnectionError, ClientError):
                return  # the reading half sees it too

    async def _look(self) -> None:
        async with asyncio.timeout(PING_EVERY_S):
            await self._ws.ping()
        if self.identity is None:
            return
        if not await access.still_holds(self._services, self.identity):
            await self._detach("revoked")
            await self.close("revoked")
        elif self.attached is None:
            await self._join()
        else:
            await self._offer()

    # sending and ending

    async def _send(self, message: dict[str, Any]) -> None:
        """Sends one message.

        Raises:
            TimeoutError: the page takes nothing any more; its socket is ended, and it comes back by itself.
        """
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        negotiated = int(self._ws.compress)
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._ws.send_str(text, compress=min(negotiated, DEFLATE_BITS) or None)
        except TimeoutError:
            self.abort_if_open()
            raise

    async def _refuse(self, problem: CoordinatorError, about: str | None = None) -> None:
        told = {"type": "refused", "code": problem.code, "message": errors.sentence(problem, self._words)}
        await self._send({**told, "about": about})

    async def _violated(self, problem: ProtocolViolation) -> None:
        await self._refuse(problem)
        await self._detach("closed")
        await self._ws.close(code=CLOSE_CODES[problem.code], message=problem.code.encode())

    async def _detach(self, reason: str) -> None:
        async with self._joining:
            attached, self.attached, self._hello, self._offered = self.attached, None, None, []
        if attached is not None:
            await self._services.sessions.detach(*attached, reason)

    def abort_if_open(self) -> None:
        """Ends the TCP connection at once where it is still there."""
        transport = self._request.transport
        if transport is not None and not self._ws.closed:
            transport.abort()

    async def stop(self) -> None:
        """The server stops: the connection leaves with that reason, and the page comes back by itself."""
        await self._detach("server_stop")
        await self.close("server_stop")


LINES: web.AppKey[set[Line]] = web.AppKey("lines", set[Line])
HELLOS: web.AppKey[dict[str, Bucket]] = web.AppKey("hellos by identity", dict[str, Bucket])


def _choose(who: list[Identity], hello: Hello) -> Identity:
    """The identity that a hello speaks for: what it says, else by whether it names a briefing."""
    side = hello.side or (None if len(who) == 1 else "hub" if hello.briefing else "site")
    for identity in who:
        is_site = identity.site is not None
        if side is None or is_site == (side == "site"):
            return identity
    raise BadRequest("forbidden")


async def control_socket(request: web.Request) -> web.StreamResponse:
    """GET /ws. Who holds nothing gets 401; who holds something stale is told so on the socket."""
    access.check_origin(request)
    who = await access.identities(request)
    stale = None if who else access.stale_code(request)
    if not who and stale is None:
        raise BadRequest("login_needed")
    ws = web.WebSocketResponse(autoping=False, max_msg_size=MOST_BYTES, timeout=2.0, writer_limit=MOST_BYTES)
    await ws.prepare(request)
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=MOST_WAITING_BYTES)
    line = Line(request, ws, who)
    if stale is not None:
        await line.close(stale)
        return ws
    lines = request.app[LINES]
    lines.add(line)
    try:
        await line.serve()
    finally:
        lines.discard(line)
    return ws


async def close_all(app: web.Application) -> None:
    """At shutdown: says goodbye to every page at once."""
    lines = app[LINES]
    await asyncio.gather(*(line.stop() for line in lines.copy()), return_exceptions=True)


def add_routes(app: web.Application) -> None:
    """Adds /ws."""
    lines: set[Line] = set()
    app[LINES] = lines
    app[HELLOS] = {}
    app.router.add_get("/ws", control_socket)
    app.on_shutdown.append(close_all)
