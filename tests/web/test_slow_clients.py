"""Clients that never finish what they say are let go: each holds a descriptor and costs its owner nothing."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from coordinator.app import runner_of
from coordinator.web import login
from tests.web.rig import Rig

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: y"
LOGIN = (
    b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 100\r\n\r\nname="
)


async def _said(port: int, words: bytes) -> bytes:
    """All that the server answers until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


@pytest.mark.parametrize("words", [b"", HEAD])
async def test_a_head_that_never_ends_loses_its_connection(rig: Rig, words: bytes) -> None:
    runner = runner_of(rig.services, idle_s=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]

        assert await _said(port, words) == b""
    finally:
        await runner.cleanup()


async def test_a_login_form_that_never_ends_is_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "READ_WITHIN_S", 0.2)
    port = urlsplit(rig.base).port
    assert port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(LOGIN)
    try:
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
    finally:
        writer.close()
