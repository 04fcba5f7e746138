"""The whole server as a process: it starts, it stops, it is killed, and no attendance is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from coordinator import app
from coordinator.domain.errors import ConfigError, CoordinatorError
from coordinator.options import Listening, ServeOptions
from coordinator.relay_process import RelayProcess, RelaySettings
from tests.support import server as support
from tests.support.server import ROOT, Server, api, free_port
from tests.support.waiting import until

pytestmark = pytest.mark.slow
SITE = "xa-ban-thi"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        made.stop()


class Page:
    """A site's page without a browser: link, cookie, control socket."""

    def __init__(self, client: aiohttp.ClientSession, server: Server) -> None:
        self._client = client
        self._server = server
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._uuid = str(uuid.uuid4())
        self.got: list[dict[str, Any]] = []

    async def follow_link(self) -> None:
        answer = await self._client.get(self._server.links()[SITE], allow_redirects=False)
        assert answer.status in (302, 303), await answer.text()

    async def connect(self) -> None:
        """Says hello and waits for the first snapshot that has it on line."""
        self._ws = await self._client.ws_connect(f"{self._server.base}/ws", origin=self._server.base)
        await self._ws.send_json({"type": "hello", "page": self._uuid})
        await self.until(lambda got: got["type"] == "snapshot" and got["sites"][0]["connection"])

    async def until(self, true: Any) -> dict[str, Any]:
        assert self._ws is not None
        async with asyncio.timeout(10):
            while True:
                message = await self._ws.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, (message, self.got[-3:])
                self.got.append(json.loads(message.data))
                if true(self.got[-1]):
                    return self.got[-1]

    def medias(self) -> list[dict[str, Any]]:
        return [got for got in self.got if got["type"] == "media"]

    async def comes_back(self) -> None:
        """As the page does: tries until the server is there again."""

        async def tried() -> bool:
            try:
                await self.connect()
            except aiohttp.ClientError:
                return False
            return True

        await until("the site is back", tried)


@asynccontextmanager
async def page(server: Server) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        opened = Page(client, server)
        await opened.follow_link()
        await opened.connect()
        yield opened


def token(server: Server) -> str:
    return server.run("token", "may", "--role", "host").strip()


async def live(server: Server, key: str) -> str:
    made = await api(server, key, "POST", "/api/briefings", {"title": "Quán triệt", "kind": "resolution"})
    for step in ("open", "start"):
        await api(server, key, "POST", f"/api/briefings/{made['id']}/{step}")
    return str(made["id"])


async def events(server: Server, key: str, briefing: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        answer = await client.get(f"{server.base}/api/briefings/{briefing}/events.jsonl")
        assert answer.status == 200, await answer.text()
        return [json.loads(line) for line in (await answer.text()).splitlines()]


def of_type(listed: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in listed if event["type"] == kind]


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
    assert crashed[0]["payload"]["last_alive"] == marked["payload"]["marks"][0]["last_alive"]
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
    relay = await until("a relay", lambda: _relay(server))
    server.kill()

    await until("the relay has gone", lambda: _gone(relay))


async def _relay(server: Server) -> int | None:
    return next((pid for pid, line in server.children().items() if " relay" in line), None)


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
    settings = RelaySettings(*keys.values(), free_port(socket.SOCK_DGRAM), "http://127.0.0.1:9/none")
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


async def test_the_first_start_prints_the_hosts_login_once_and_the_way_to_the_links(server: Server) -> None:
    name, password = server.printed_login()
    assert (name, len(password) >= 8) == ("host", True)
    assert "coordinator links" in server.told()
    server.stop()
    await server.start()

    assert server.told().count("password") == 1


async def test_the_second_start_takes_little_work(server: Server) -> None:
    """Under 3 s on a machine that has nothing else to do; measured in CPU time, which others do not share."""
    server.stop()
    await server.start()

    assert _cpu_s(server.data) < 2.5


def _cpu_s(data: Path) -> float:
    """CPU seconds used so far by the server that holds this folder."""
    pid = (data / "lock").read_text().strip()
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def serve(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "coordinator", "serve", *options], cwd=ROOT, capture_output=True, text=True,
        timeout=30, check=False, env=os.environ | {"COORDINATOR_LANG": "en"},
    )  # fmt: skip


def test_a_port_in_use_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = serve("--data", str(tmp_path / "var"), "--port", port)

    assert done.returncode == 1
    assert port in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "var").exists()


def test_a_bad_configuration_stops_before_anything_opens(tmp_path: Path) -> None:
    bad = tmp_path / "sites.yaml"
    bad.write_text("hub: {name: Hội trường, level: huyện}\nsites: []\ncolour: red\n", "utf-8")
    done = serve("--data", str(tmp_path / "var"), "--config", str(bad), "--port", "0")

    assert done.returncode == 2
    assert "sites.yaml" in done.stderr and "colour" in done.stderr
    assert not (tmp_path / "var").exists()


async def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    done = await asyncio.to_thread(serve, "--data", str(server.data), "--port", "0")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def _listening(**changes: Any) -> Listening:
    values: dict[str, Any] = {
        "host": "127.0.0.1", "port": 0, "udp_port": 0, "public_ip": None, "tls_cert": None, "tls_key": None,
        "public_url": "http://127.0.0.1:8080",
    }  # fmt: skip
    return Listening(**(values | changes))


def test_tls_needs_both_files_and_ones_that_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tls_incomplete"):
        app.tls_context(_listening(tls_cert=tmp_path / "cert.pem"))
    with pytest.raises(ConfigError, match="tls_unusable"):
        app.tls_context(_listening(tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem"))
    assert app.tls_context(_listening()) is None


class TlsServer(Server):
    """The server with a certificate of its own making."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.base = self.base.replace("http", "https")
        self._write_config()
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hop.example.vn")])
        today = datetime.now(UTC)
        made = x509.CertificateBuilder(
            name, name, key.public_key(), 1, today - timedelta(days=1), today + timedelta(days=1)
        ).sign(key, hashes.SHA256())  # fmt: skip
        self.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def _command(self, name: str, *options: str) -> list[str]:
        tls = ("--tls-cert", str(self.cert), "--tls-key", str(self.key)) if name == "serve" else ()
        return super()._command(name, *options, *tls)

    def client(self, **settings: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False), **settings)

    async def _healthy(self) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with self.client() as client:
                return (await client.get(f"{self.base}/healthz")).status == 200
        return False


async def test_with_tls_pages_are_https_and_the_relays_news_still_arrive(tmp_path: Path) -> None:
    server = TlsServer(tmp_path)
    try:
        await server.start()
        key = token(server)
        headers = {"Authorization": f"Bearer {key}"}
        async with server.client(headers=headers) as client:
            made = await client.post(
                f"{server.base}/api/briefings", json={"title": "Quán triệt", "kind": "meeting"}
            )
            opened = await client.post(f"{server.base}/api/briefings/{(await made.json())['id']}/open")
            assert (made.status, opened.status) == (201, 200)

        async def heard() -> bool:
            return '"POST /webhooks/livekit" 200' in server.told()

        await until("a webhook", heard)
    finally:
        server.stop()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CoordinatorError, match="port_refused"):
        app.listen("203.0.113.1", 0)


def test_with_port_0_links_carry_the_real_port(tmp_path: Path) -> None:
    options = ServeOptions(config=ROOT / "config" / "sites.yaml", data=tmp_path, port=0)
    start = app.prepare(options)
    try:
        assert start.port > 0
        assert str(start.port) in start.listening.public_url
    finally:
        start.listener.close()
