"""The relay as a process: how it starts, says that it is ready, and ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator

import pytest
from livekit.protocol import models, rtc

from coordinator.relay.options import announced_addresses, bind_address
from tests.relay.harness import KEY, SECRET, token
from tests.relay.peer import peer

ARGUMENTS = ["-m", "coordinator.relay.main", "--host", "127.0.0.1", "--port", "0", "--udp-port", "0"]


@contextlib.asynccontextmanager
async def process(*more: str, **environment: str) -> AsyncIterator[Process]:
    keys = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET} | environment
    started = await asyncio.create_subprocess_exec(
        sys.executable, *ARGUMENTS, *more, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=os.environ | keys
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def ready(started: Process) -> int:
    """Wait for the line that says so; return the TCP port."""
    assert started.stdout is not None
    line = (await asyncio.wait_for(started.stdout.readline(), 20)).decode()
    found = re.fullmatch(r"relay ready ws://127\.0\.0\.1:(\d+) udp (\d+)\n", line)
    assert found is not None and int(found.group(2)) > 0, line
    return int(found.group(1))


async def test_a_terminated_relay_sends_its_clients_to_the_next_and_exits_with_0() -> None:
    async with process() as started:
        port = await ready(started)
        async with peer(port, token("site")) as site:
            await site.hears("join")
            started.send_signal(signal.SIGTERM)
            leave = await site.hears("leave")
            assert leave.action == rtc.LeaveRequest.Action.RECONNECT
            assert leave.reason == models.DisconnectReason.SERVER_SHUTDOWN
            assert await asyncio.wait_for(started.wait(), 10) == 0


async def test_a_relay_that_watches_its_input_ends_with_it() -> None:
    async with process("--watch-stdin") as started:
        await ready(started)
        assert started.stdin is not None
        started.stdin.close()
        assert await asyncio.wait_for(started.wait(), 10) == 0


async def test_without_keys_it_says_what_to_set() -> None:
    async with process(LIVEKIT_API_KEY="") as started:
        _, told = await asyncio.wait_for(started.communicate(), 20)
        assert started.returncode == 2 and b"LIVEKIT_API_KEY" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--turn-url", "http://x"], b"turn:"),
        (["--turn-url", "turn:x"], b"COORDINATOR_TURN_SECRET"),
        (["--public-ip", "relay.example"], b"not an IP address"),
    ],
)
async def test_options_that_make_no_sense_are_told(options: list[str], told: bytes) -> None:
    async with process(*options) as started:
        _, said = await asyncio.wait_for(started.communicate(), 20)
        assert started.returncode == 2 and told in said


async def test_a_port_in_use_is_told() -> None:
    async with process() as first:
        port = await ready(first)
        async with process("--port", str(port)) as second:
            _, told = await asyncio.wait_for(second.communicate(), 20)
            assert second.returncode == 1 and b"could not run" in told


@pytest.mark.parametrize(
    ("host", "public", "announced", "bound"),
    [
        ("192.0.2.7", None, ["192.0.2.7"], "192.0.2.7"),
        ("2001:db8::7", None, ["2001:db8::7"], "2001:db8::7"),
        ("0.0.0.0", None, ["198.51.100.9", "2001:db8::8"], "0.0.0.0"),
        ("::", None, ["198.51.100.9", "2001:db8::8"], "0.0.0.0"),
        ("0.0.0.0", "203.0.113.5", ["203.0.113.5", "2001:db8::8"], "0.0.0.0"),
        ("0.0.0.0", "2001:db8::5", ["198.51.100.9", "2001:db8::5"], "0.0.0.0"),
        ("192.0.2.7", "203.0.113.5", ["203.0.113.5"], "192.0.2.7"),
        ("127.0.0.1", "203.0.113.5", ["203.0.113.5", "2001:db8::8", "127.0.0.1"], "0.0.0.0"),
        ("0.0.0.0", "127.0.0.1", ["127.0.0.1"], "0.0.0.0"),
    ],
)
def test_the_announced_addresses_follow_the_options(
    host: str, public: str | None, announced: list[str], bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "coordinator.relay.options._outside_addresses", lambda: ["2001:db8::8", "198.51.100.9"]
    )
    assert announced_addresses(host, public) == announced
    assert bind_address(host) == bound


def test_a_relay_on_loopback_announces_the_outside_addresses_and_loopback_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("coordinator.relay.options._outside_addresses", lambda: ["198.51.100.9"])
    assert announced_addresses("127.0.0.1", None) == ["198.51.100.9", "127.0.0.1"]
    assert announced_addresses("0.0.0.0", None) == ["198.51.100.9"]
    monkeypatch.setattr("coordinator.relay.options._outside_addresses", list)
    assert announced_addresses("0.0.0.0", None) == ["127.0.0.1"]
