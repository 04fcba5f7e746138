"""A small server that keeps to the contract of the control socket, for simulated sites to come to."""

import asyncio
import itertools
from collections import defaultdict
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

SECRET = "the-secret"


class Hall:
    """Answers links, sockets and hellos; keeps what every site said.

    `media(code, connection)` gives (url, token), where there is a room.
    """

    def __init__(self) -> None:
        self.said: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.endings: list[tuple[str, int | None]] = []
        self.media: Any = None
        self.snapshot: dict[str, Any] = {"phase": "open", "floor": None, "roll_call": None, "slide": None}
        self._numbers = itertools.count(1)
        app = web.Application()
        app.router.add_get("/join/{code}", self._join)
        app.router.add_get("/site", self._page)
        app.router.add_get("/ws", self._socket)
        self.server = TestServer(app)

    @property
    def base(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    def link(self, code: str, secret: str = SECRET) -> str:
        return f"{self.base}/join/{code}?k={secret}"

    def heard(self, code: str, kind: str) -> list[dict[str, Any]]:
        return [said for said in self.said[code] if said["type"] == kind]

    async def until(self, true: Any, timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not true():  # noqa: ASYNC110 (several sites change it)
                await asyncio.sleep(0.01)

    async def show(self, **changes: Any) -> None:
        """Change the briefing and send every site its snapshot."""
        self.snapshot |= changes
        for code, ws in list(self.sockets.items()):
            await self._send_snapshot(code, ws)

    async def refuse(self, code: str, reason: str) -> None:
        """Tell a site why, and close."""
        await self.sockets[code].send_json({"type": "refused", "code": reason, "message": reason})
        await self.sockets[code].close()

    async def _join(self, request: web.Request) -> web.Response:
        if request.query.get("k") != SECRET:
            raise web.HTTPForbidden
        answer = web.HTTPFound("/site")
        answer.set_cookie("site", request.match_info["code"])
        raise answer

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text="page")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        code = request.cookies["site"]
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        try:
            async for frame in ws:
                if frame.type is WSMsgType.TEXT:
                    await self._hear(code, ws, frame.json())
        finally:
            self.sockets.pop(code, None)
            self.endings.append((code, ws.close_code))
        return ws

    async def _hear(self, code: str, ws: web.WebSocketResponse, said: dict[str, Any]) -> None:
        self.said[code].append(said)
        if said["type"] == "hello":
            self.sockets[code] = ws
            await self._send_snapshot(code, ws)
        if said["type"] in ("hello", "media") and self.media is not None:
            url, token = self.media(code, next(self._numbers))
            await ws.send_json({"type": "media", "url": url, "token": token})

    async def _send_snapshot(self, code: str, ws: web.WebSocketResponse) -> None:
        entry = {"code": code, "expected": 10, "state": "waiting"}
        await ws.send_json({"type": "snapshot", "seq": 1, **self.snapshot, "sites": [entry]})
