"""A relay that is to stop: no new rooms, the running ones to their end, then it exits."""

from __future__ import annotations

import asyncio
import signal

import aiohttp
import pytest
from livekit.protocol import rtc

from tests.relay.harness import token
from tests.relay.peer import Peer, peer
from tests.relay.test_process import process, ready


async def test_a_drained_relay_finishes_its_rooms_takes_no_others_and_exits_with_0() -> None:
    async with process() as started:
        port = await ready(started)
        async with peer(port, token("hub", room="running")) as hub:
            await hub.hears("join")
            started.send_signal(signal.SIGUSR1)
            await _drains(port)

            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with peer(port, token("hub", room="new")):
                    pass
            assert refused.value.status == 503
            assert refused.value.headers is not None and refused.value.headers["Retry-After"]
            async with peer(port, token("late", room="running")) as late:
                await late.hears("join")  # a page that is loaded again in the middle of a briefing
            assert started.returncode is None
            async with aiohttp.ClientSession() as session:
                validate = f"http://127.0.0.1:{port}/rtc/v1/validate"
                async with session.get(validate, params={"access_token": token("hub")}) as told:
                    assert told.status in (200, 400)
            await _leaves(hub)
        assert await asyncio.wait_for(started.wait(), 40) == 0


async def test_an_empty_relay_that_is_drained_ends_at_once() -> None:
    async with process() as started:
        await ready(started)
        started.send_signal(signal.SIGUSR1)
        assert await asyncio.wait_for(started.wait(), 10) == 0


async def _drains(port: int) -> None:
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://127.0.0.1:{port}/healthz") as health:
                if (await health.json())["status"] == "draining":
                    return
            await asyncio.sleep(0.02)


async def _leaves(one: Peer) -> None:
    await one.send(leave=rtc.LeaveRequest())
