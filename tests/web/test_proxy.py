"""The relay behind the one port, its webhooks, and how the server says that it is well."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer
from livekit import api
from yarl import URL

from coordinator.web import openapi, proxy
from tests.web.rig import ALFA, KEYS, Rig, until
from tests.web.test_access import ROUTES


@asynccontextmanager
async def relay(rig: Rig) -> AsyncIterator[list[str]]:
    """A stand-in for the relay's process; yields what it was asked."""
    asked: list[str] = []

    async def signalling(request: web.Request) -> web.StreamResponse:
        asked.append(request.raw_path)
        if request.query.get("access_token") == "bad":
            raise web.HTTPUnauthorized(text="no permission")
        ws = web.WebSocketResponse(max_msg_size=0)
        await ws.prepare(request)
        async for frame in ws:
            if frame.type is WSMsgType.BINARY:
                await ws.send_bytes(frame.data[::-1])
            elif frame.data == "leave":
                await ws.close(code=4321)
            else:
                await ws.send_str(frame.data.upper())
        asked.append(f"closed {ws.close_code}")
        return ws

    async def plain(request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        asked.append(f"{request.method} {request.raw_path} {request.headers.get('Authorization')} {body}")
        return web.json_response({"code": "not_found"}, status=404)

    async def metrics(request: web.Request) -> web.Response:
        named = "Authorization" in request.headers and "X-Forwarded-For" not in request.headers
        return web.Response(text="relay_rooms 1\n" + ('relay_room_in_bps{room="b1"} 5\n' if named else ""))

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/rtc/v1", signalling)
    app.router.add_get("/rtc/v1/validate", plain)
    app.router.add_post("/twirp/{service}/{method}", plain)
    server = TestServer(app)
    await server.start_server()
    rig.relay.url = str(server.make_url("")).rstrip("/")
    try:
        yield asked
    finally:
        rig.relay.url = None
        await server.close()


async def _told(asked: list[str], start: str) -> None:
    """Waits until the relay has seen it."""

    async def look() -> bool:
        return any(line.startswith(start) for line in asked)

    await until(look, bool)


async def test_frames_go_both_ways_as_they_are(rig: Rig) -> None:
    async with relay(rig) as asked:
        browser = await rig.nobody()
        url = f"{rig.base}/rtc/v1?access_token=a.b.c&join_request=H4s%2FI%3D&auto_subscribe=0"
        async with browser.session.ws_connect(URL(url, encoded=True)) as ws:
            await ws.send_bytes(bytes(range(256)) * 1000)
            await ws.send_str("xin chào")
            got = [await ws.receive(), await ws.receive()]

    assert asked[0] == "/rtc/v1?access_token=a.b.c&join_request=H4s%2FI%3D&auto_subscribe=0"
    assert got[0].data == (bytes(range(256)) * 1000)[::-1]
    assert got[1].data == "XIN CHÀO"


async def test_the_close_code_is_carried_both_ways(rig: Rig) -> None:
    async with relay(rig) as asked:
        browser = await rig.nobody()
        async with browser.session.ws_connect(f"{rig.base}/rtc/v1") as ws:
            await ws.send_str("leave")
            await ws.receive()
            assert ws.close_code == 4321
        async with browser.session.ws_connect(f"{rig.base}/rtc/v1") as ws:
            await ws.close(code=4002)
        await _told(asked, "closed 4002")


async def test_a_cut_line_ends_the_relays_side_too(rig: Rig) -> None:
    async with relay(rig) as asked:
        browser = await rig.nobody()
        ws = await browser.session.ws_connect(f"{rig.base}/rtc/v1")
        await ws.send_str("a")
        await ws.receive()
        transport = ws._conn.transport
        assert transport is not None
        transport.abort()
        await _told(asked, "closed")


async def test_clients_are_told_when_the_server_stops(rig: Rig) -> None:
    async with relay(rig) as asked:
        browser = await rig.nobody()
        async with browser.session.ws_connect(f"{rig.base}/rtc/v1") as ws:
            await ws.send_str("a")
            await ws.receive()

            stopping = asyncio.create_task(rig.app.shutdown())
            frame = await ws.receive()
            await stopping
        await _told(asked, "closed")

    assert (frame.type, frame.data) == (WSMsgType.CLOSE, 1001)


async def test_frames_are_packed_where_the_client_can(rig: Rig) -> None:
    browser = await rig.nobody()
    async with relay(rig):
        for bits in (15, 0):
            socket = await browser.session.ws_connect(f"{browser.base}/rtc/v1", compress=bits)
            description = b"a=rtpmap:96 VP8/90000\r\n" * 400
            await socket.send_bytes(description)
            assert (await socket.receive()).data == description[::-1]
            assert bool(socket.compress) is bool(bits)
            await socket.close()

        socket = await browser.session.ws_connect(f"{browser.base}/rtc/v1", compress=15)
        await socket.send_bytes(bytes(2 * proxy.MOST_BYTES))  # small on the line
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING)


async def test_a_refused_join_is_refused_here(rig: Rig) -> None:
    async with relay(rig):
        browser = await rig.nobody()
        with pytest.raises(WSServerHandshakeError) as refusal:
            await browser.session.ws_connect(f"{rig.base}/rtc/v1?access_token=bad")

    assert refusal.value.status == 401


async def test_too_large_a_frame_ends_the_line(rig: Rig) -> None:
    async with relay(rig):
        browser = await rig.nobody()
        async with browser.session.ws_connect(f"{rig.base}/rtc/v1") as ws:
            await ws.send_bytes(b"x" * 1_200_000)
            frame = await ws.receive()

    assert frame.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)


async def test_http_is_handed_on_with_its_query_body_and_token(rig: Rig) -> None:
    async with relay(rig) as asked:
        browser = await rig.nobody()
        validated = await browser.get("/rtc/v1/validate?access_token=x%2By")
        called = await browser.ask(
            "POST", "/twirp/livekit.RoomService/ListRooms", data=b"{}",
            headers={"Authorization": "Bearer t", "Content-Type": "application/json", "Cookie": "a=b"},
        )  # fmt: skip

    assert (validated.status, called.status) == (404, 404)
    assert validated.headers["Access-Control-Allow-Origin"] == "*"
    assert asked == [
        "GET /rtc/v1/validate?access_token=x%2By None ",
        "POST /twirp/livekit.RoomService/ListRooms Bearer t {}",
    ]


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:1"])
async def test_a_relay_that_is_down_is_told_in_a_way_that_browsers_can_read(
    rig: Rig, url: str | None
) -> None:
    rig.relay.url = url
    browser = await rig.nobody()

    answer = await browser.get("/rtc/v1/validate")
    with pytest.raises(WSServerHandshakeError) as refusal:
        await browser.session.ws_connect(f"{rig.base}/rtc/v1")

    assert await browser.code(answer) == (503, "relay_down")
    assert (answer.headers["Retry-After"], answer.headers["Access-Control-Allow-Origin"]) == ("2", "*")
    assert refusal.value.status == 503


async def test_a_browser_may_ask_first(rig: Rig) -> None:
    answer = await (await rig.nobody()).ask("OPTIONS", "/twirp/livekit.RoomService/ListRooms")

    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


# webhooks


def _signed(body: str, key: str = KEYS[0], secret: str = KEYS[1]) -> str:
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    return api.AccessToken(key, secret).with_sha256(digest).to_jwt()


BODY = json.dumps({"event": "participant_joined", "room": {"name": "babc"}, "id": "1"})


async def test_a_signed_webhook_is_a_hint_to_look_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(rig.services.sessions, "media_event", lambda *event: heard.append(event))

    answer = await (await rig.nobody()).ask(
        "POST", "/webhooks/livekit", data=BODY, headers={"Authorization": _signed(BODY)}
    )

    assert answer.status == 200
    assert heard == [("babc", "participant_joined")]


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (BODY, ""),
        (BODY, "nonsense"),
        (BODY, _signed("something else")),
        (BODY, _signed(BODY, secret="another secret of at least thirty-two bytes")),
        (BODY, _signed(BODY, key="other")),
        ("no json", _signed("no json")),
    ],
)
async def test_an_unsigned_webhook_is_not_believed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, body: str, token: str
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(rig.services.sessions, "media_event", lambda *event: heard.append(event))
    browser = await rig.nobody()

    answer = await browser.ask("POST", "/webhooks/livekit", data=body, headers={"Authorization": token})

    assert await browser.code(answer) == (401, "bad_signature")
    assert heard == []


async def test_a_huge_webhook_is_not_read(rig: Rig) -> None:
    browser = await rig.nobody()

    answer = await browser.ask("POST", "/webhooks/livekit", data=b"x" * 300_000)

    assert await browser.code(answer) == (413, "too_large")


# health and description


async def test_health_names_the_parts(rig: Rig) -> None:
    browser = await rig.nobody()

    down = await (await browser.get("/healthz")).json()
    rig.relay.url = "http://127.0.0.1:1"
    well = await browser.get("/healthz")

    assert (down["status"], down["parts"]["relay"], down["parts"]["storage"]) == (
        "degraded",
        "starting",
        "ok",
    )
    assert (well.status, (await well.json())["status"]) == (200, "ok")


async def test_metrics_count_and_name_nobody(rig: Rig) -> None:
    await rig.on_line(ALFA, await rig.briefing("open", "start", title="Bí mật"))

    answer = await (await rig.nobody()).get("/metrics")
    lines = (await answer.text()).splitlines()

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'coordinator_briefings{phase="live"} 1' in lines
    assert 'coordinator_control_sockets{side="site"} 1' in lines
    assert "coordinator_relay_up 0" in lines
    assert not any(ALFA in line or "mật" in line for line in lines)


async def test_one_scrape_has_the_relay_too_and_its_names_only_for_who_reads_briefings(rig: Rig) -> None:
    async with relay(rig):
        open_to_all = await (await (await rig.nobody()).get("/metrics")).text()
        for_staff = await (await (await rig.program("staff")).get("/metrics")).text()

    for told in (open_to_all, for_staff):
        assert "coordinator_relay_up 1" in told.splitlines()
        assert "relay_rooms 1" in told.splitlines()
    assert "b1" not in open_to_all
    assert 'relay_room_in_bps{room="b1"} 5' in for_staff.splitlines()


async def test_the_description_names_every_call_and_no_other(rig: Rig) -> None:
    document = await (await (await rig.nobody()).get("/api/openapi.json")).json()

    described = {(method.upper(), path) for path, calls in document["paths"].items() for method in calls}
    described = {(method, path) for method, path in described if method != "PARAMETERS"}
    assert described == {(route.method, route.path) for route in ROUTES if route.path.startswith("/api/")}


async def test_every_shape_that_the_description_names_is_there() -> None:
    text = json.dumps(openapi.document("1"))
    named = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert named - {"Error"} | {"Error"} == set(openapi.SCHEMAS)
