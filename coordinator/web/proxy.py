"""The built-in relay behind the one public port: LiveKit's paths go to the child process as they came.

Rule 1: what is forwarded is neither read nor changed: query, body, text and binary frames, close codes.
Rule 2: the relay being down is a 503 with Retry-After, and every answer has CORS headers: without them a
LiveKit client can only say "Failed to fetch".
Rule 3: each direction waits for the other side to take its frame, so that a slow client fills no memory here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    WSMsgType,
    WSServerHandshakeError,
    web,
)
from yarl import URL

from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES

MOST_BYTES = 1024 * 1024  # an offer with many sections is some 100 kB
RETRY_AFTER_S = 2
ASK_WITHIN_S = 1.0
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Max-Age": "600",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_SENT_ON = ("Authorization", "Content-Type", "Accept", "User-Agent")
_CLIENT: web.AppKey[ClientSession] = web.AppKey("relay client", ClientSession)
OPEN: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("forwarded sockets", set[web.WebSocketResponse])
_CLOSABLE = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}


async def forward(request: web.Request) -> web.StreamResponse:
    """Any of LiveKit's paths: a WebSocket where the client asks for one, else plain HTTP."""
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=CORS)
    try:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await _socket(request)
        return await _plain(request)
    except (ClientConnectionError, TimeoutError):
        return _down()


def _target(request: web.Request) -> URL | None:
    base = request.app[SERVICES].relay_url
    return URL(base + request.raw_path, encoded=True) if base else None


def _down() -> web.Response:
    headers = CORS | {"Retry-After": str(RETRY_AFTER_S)}
    body = {"code": "relay_down", "message": "The media relay is starting; try again."}
    return web.json_response(body, status=503, headers=headers)


async def _plain(request: web.Request) -> web.StreamResponse:
    target = _target(request)
    if target is None:
        return _down()
    body = await request.read()
    if len(body) > MOST_BYTES:
        raise BadRequest("too_large", limit=MOST_BYTES)
    headers = {name: request.headers[name] for name in _SENT_ON if name in request.headers}
    client = request.app[_CLIENT]
    async with client.request(
        request.method, target, data=body or None, headers=headers, allow_redirects=False
    ) as answer:
        got = await answer.read()
        kept = {"Content-Type": answer.headers.get("Content-Type", "application/octet-stream")}
        return web.Response(body=got, status=answer.status, headers=CORS | kept)


async def ask(app: web.Application, path: str, headers: dict[str, str]) -> str | None:
    """What the relay answers to a GET of ours, within a second; None where it is down or says no."""
    base = app[SERVICES].relay_url
    if not base:
        return None
    try:
        timeout = ClientTimeout(total=ASK_WITHIN_S)
        async with app[_CLIENT].get(base + path, headers=headers, timeout=timeout) as answer:
            return await answer.text() if answer.status == 200 else None
    except (ClientError, TimeoutError, ValueError):
        return None


async def _socket(request: web.Request) -> web.StreamResponse:
    target = _target(request)
    if target is None:
        return _down()
    headers = {name: request.headers[name] for name in _SENT_ON if name in request.headers}
    try:
        upstream = await request.app[_CLIENT].ws_connect(
            target, headers=headers, max_msg_size=MOST_BYTES, compress=0, autoclose=False
        )
    except WSServerHandshakeError as problem:
        return web.Response(status=problem.status, headers=CORS, text=problem.message)
    async with upstream:
        # packed where the client can: session descriptions are long, alike, and keep a thin line for seconds
        downstream = web.WebSocketResponse(
            max_msg_size=MOST_BYTES, compress=True, autoclose=False, timeout=2.0, writer_limit=64 * 1024
        )
        await downstream.prepare(request)
        request.app[OPEN].add(downstream)
        try:
            await _splice(downstream, upstream)
        finally:
            request.app[OPEN].discard(downstream)
    return downstream


async def _splice(downstream: web.WebSocketResponse, upstream: ClientWebSocketResponse) -> None:
    """Carries frames both ways until either side ends, then ends the other with the same code."""
    up = asyncio.create_task(_carry(downstream, upstream))
    down = asyncio.create_task(_carry(upstream, downstream))
    try:
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        first, other = (up, upstream) if up.done() else (down, downstream)
        code = first.result() if not first.cancelled() and first.exception() is None else 1011
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
    await other.close(code=code)
    source = downstream if other is upstream else upstream
    await source.close(code=code)


async def _carry(
    source: web.WebSocketResponse | ClientWebSocketResponse,
    target: web.WebSocketResponse | ClientWebSocketResponse,
) -> int:
    """Carries one direction; returns the close code to pass on."""
    while True:
        frame = await source.receive()
        if frame.type is WSMsgType.BINARY:
            await target.send_bytes(frame.data)
        elif frame.type is WSMsgType.TEXT:
            await target.send_str(frame.data)
        else:
            code = frame.data if frame.type is WSMsgType.CLOSE else source.close_code
            return code if code in _CLOSABLE or (isinstance(code, int) and 3000 <= code < 5000) else 1011


async def _client(app: web.Application) -> AsyncIterator[None]:
    timeout = ClientTimeout(total=None, sock_connect=2.0, sock_read=30.0)
    async with ClientSession(timeout=timeout, auto_decompress=True) as app[_CLIENT]:
        yield


async def _close_all(app: web.Application) -> None:
    """At shutdown: clients are told at once, and come back by themselves."""
    sockets = app[OPEN].copy()
    await asyncio.gather(*(one.close(code=1001) for one in sockets), return_exceptions=True)


def add_routes(app: web.Application) -> None:
    """Adds LiveKit's paths."""
    sockets: set[web.WebSocketResponse] = set()
    app[OPEN] = sockets
    app.cleanup_ctx.append(_client)
    app.on_shutdown.append(_close_all)
    for path in ("/rtc", "/rtc/validate", "/rtc/v1", "/rtc/v1/validate"):
        app.router.add_route("GET", path, forward)
        app.router.add_route("OPTIONS", path, forward)
    for method in ("POST", "OPTIONS"):
        app.router.add_route(method, "/twirp/{service}/{method}", forward)
