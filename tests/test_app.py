"""The whole server as a process: stopped, killed, its relay dead, its disk full: no attendance is lost."""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from coordinator.relay_process import RelayProcess, RelaySettings
from tests.support import server as support
from tests.support.lines import SITE, Page, events, live, of_type, page, token
from tests.support.server import Server, api, free_port
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        made.stop()


async def test_a_killed_server_goes_on_live_and_its_sites_come_back_into_the_same_attendance(
    server: Server,
) -> None:
    key = token(server)
    briefing = await live(server, key)
    async with page(server) as site:
        path = f"/api/briefings/{briefing}/sites/{SITE}/headcount"
        await api(server, key, "PUT", path, {"present": 30, "reason": "gọi điện"})
        await until("a mark", lambda: _marked(server, key, briefing))
        server.kill()
        await server.start()
        await site.comes_back()

        found = await api(server, key, "GET", f"/api/briefings/{briefing}")
        snapshot = found["snapshot"]
        assert snapshot["phase"] == "live"
        entry = next(one for one in snapshot["sites"] if one["code"] == SITE)
        assert entry["state"] in ("waiting", "online")
        assert entry["headcount"]["present"] == 30

    listed = await events(server, key, briefing)
    crashed = [
        event for event in of_type(listed, "ConnectionClosed") if event["payload"]["reason"] == "server_crash"
    ]
    marks = of_type(listed, "AliveMarked")
    assert [event["site"] for event in crashed] == [SITE]
    marked = next(mark for mark in reversed(marks) if mark["seq"] < crashed[0]["seq"])
    _, ago_ms, _ = marked["payload"]["marks"][0]
    last = crashed[0]["payload"]["last_alive"]
    assert (last["mono_ms"], last["boot"]) == (marked["mono_ms"] - ago_ms, marked["boot"])
    assert abs(last["utc_ms"] - (marked["utc_ms"] - ago_ms)) <= 1  # clocks are read one after the other
    assert len(of_type(listed, "ConnectionOpened")) == 2
    assert "server" in [event["payload"]["part"] for event in of_type(listed, "OutageBegan")]
    attendance = await api(server, key, "GET", f"/api/briefings/{briefing}/attendance")
    row = next(one for one in attendance["sites"] if one["code"] == SITE)
    assert row["interruptions"] == 0
    assert "OK" in server.run("verify").upper()


async def _marked(server: Server, key: str, briefing: str) -> bool:
    return any(
        event["payload"]["marks"] for event in of_type(await events(server, key, briefing), "AliveMarked")
    )


async def test_a_killed_server_leaves_no_relay_behind(server: Server) -> None:
    await until("the relay is up", lambda: _relay_is(server, "ok"))
    relay = server.relay_pid()
    server.kill()

    await until("the relay has gone", lambda: _gone(relay))


async def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def _relay_is(server: Server, state: str) -> bool:
    async with aiohttp.ClientSession() as client:
        answer = await client.get(f"{server.base}/healthz")
        return bool((await answer.json())["parts"]["relay"] == state)


async def test_a_killed_relay_is_an_outage_and_touches_no_attendance(server: Server) -> None:
    await until("the relay is up", lambda: _relay_is(server, "ok"))
    key = token(server)
    briefing = await live(server, key)
    async with page(server) as site:
        await site.until(lambda _got: len(site.medias()) == 1)
        os.kill(server.relay_pid(), signal.SIGKILL)
        await site.until(lambda _got: len(site.medias()) == 2)

        assert {got["url"] for got in site.medias()} == {server.base.replace("http", "ws")}
        await until("the outage is over", lambda: _outage_over(server, key, briefing))
        listed = await events(server, key, briefing)
        assert [event["payload"]["part"] for event in of_type(listed, "OutageBegan")] == ["relay"]
        assert of_type(listed, "ConnectionClosed") == []


async def _outage_over(server: Server, key: str, briefing: str) -> bool:
    return bool(of_type(await events(server, key, briefing), "OutageEnded"))


@asynccontextmanager
async def outside_livekit() -> AsyncIterator[tuple[RelayProcess, dict[str, str]]]:
    """A LiveKit server that is not ours: a relay run alone, without webhooks to us."""
    keys = {"LIVEKIT_API_KEY": "APIoutside", "LIVEKIT_API_SECRET": "a-secret-of-more-than-thirty-two-bytes"}
    key, secret = keys.values()
    settings = RelaySettings(key, secret, free_port(socket.SOCK_DGRAM), "http://127.0.0.1:9/none")
    relay = RelayProcess(settings, lambda url: None)
    relay.start()
    try:
        assert await relay.settled(30)
        assert relay.url is not None
        yield relay, keys | {"LIVEKIT_URL": relay.url.replace("http", "ws")}
    finally:
        await relay.stop()


async def test_an_outside_livekit_takes_the_place_of_the_relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with outside_livekit() as (outside, variables):
        ours = support._environment()
        monkeypatch.setattr(support, "_environment", lambda: ours | variables)
        server = Server(tmp_path)
        try:
            await server.start()
            assert await _relay_is(server, "outside")
            assert server.children() == {}
            key = token(server)
            briefing = await live(server, key)
            async with page(server) as site:
                await site.until(lambda _got: site.medias() != [])
                assert site.medias()[0]["url"] == variables["LIVEKIT_URL"]
                await outside.stop()
                await until("an outage", lambda: _outage_began(server, key, briefing), within_s=30)
                assert of_type(await events(server, key, briefing), "ConnectionClosed") == []
        finally:
            server.stop()


async def _outage_began(server: Server, key: str, briefing: str) -> bool:
    return bool(of_type(await events(server, key, briefing), "OutageBegan"))


async def test_a_stop_ends_open_intervals_in_the_log_and_tells_the_pages(server: Server) -> None:
    key = token(server)
    briefing = await live(server, key)
    async with page(server) as site:
        server.stop()
        assert any(got.get("code") == "server_stop" for got in site.got) or await _told_to_stop(site)
    await server.start()
    listed = await events(server, key, briefing)
    closed = of_type(listed, "ConnectionClosed")

    assert [event["payload"]["reason"] for event in closed] == ["server_stop"]
    assert closed[0]["payload"]["last_alive"] is None  # it ended at that very moment
    assert "Traceback" not in server.told()


async def _told_to_stop(site: Page) -> bool:
    await site.until(lambda got: got.get("code") == "server_stop")
    return True


async def test_a_full_disk_refuses_the_command_and_leaves_everything_as_it_was(server: Server) -> None:
    key = token(server)
    briefing = await live(server, key)
    before = await events(server, key, briefing)
    pid = int((server.data / "lock").read_text())
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))  # no file may grow any more
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as client:
        refused = await client.post(f"{server.base}/api/briefings/{briefing}/break")
        health = await client.get(f"{server.base}/healthz")
        assert refused.status >= 500 and (await refused.json())["code"]
        assert health.status == 503
    found = await api(server, key, "GET", f"/api/briefings/{briefing}")
    assert found["snapshot"]["phase"] == "live"
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await api(server, key, "POST", f"/api/briefings/{briefing}/break")

    after = await events(server, key, briefing)
    assert after[: len(before)] == before
    assert [event["type"] for event in of_type(after, "BreakStarted")] == ["BreakStarted"]
    assert "OK" in server.run("verify").upper()


async def test_a_rotated_link_closes_the_sites_page(server: Server) -> None:
    key = token(server)
    briefing = await live(server, key)
    async with page(server) as site:
        server.run("links", "--rotate", SITE)
        await site.until(lambda got: got.get("code") == "revoked")

    async def revoked() -> bool:
        closed = of_type(await events(server, key, briefing), "ConnectionClosed")
        return [event["payload"]["reason"] for event in closed] == ["revoked"]

    await until("the log says revoked", revoked)
