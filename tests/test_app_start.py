"""How the server starts: what it prints, what it refuses, with TLS, on any port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
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
from tests.support.lines import token
from tests.support.server import ROOT, Server
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
