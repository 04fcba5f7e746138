"""`coordinator bench floods`: what strangers cost a relay, and what a running briefing notices of them.

Rule 1: relay, clients and the flood are processes of their own; one relay and one briefing (a hall with sound
and camera, and 25 sites) live through all floods, one after the other, with a quiet time before and after.
Rule 2: the processor time is the relay's; what the briefing notices are its lost packets, its delays and the
time that a new participant takes to come in meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from coordinator.benchmarks import flooder, relay
from coordinator.benchmarks.load import media
from coordinator.simulate.client import LightClient
from coordinator.simulate.conversation import ClientError

SITES = 25
HEAD = (
    "| flood | a second | cores | resident MB | sockets | delay p50 ms | p99 ms | lost | a join took ms |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True)
class Setting:
    """The relay, its address and UDP port, and the processes of its clients."""

    process: Process
    url: str
    udp_port: int
    clients: list[Process]


def main(words: list[str]) -> int:
    """Pours one flood after the other and prints a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="coordinator bench floods", description="What strangers cost.")
    parser.add_argument("--seconds", type=float, default=8.0, help="measured for each flood (8)")
    parser.add_argument("--datagrams", type=float, default=5000, help="a second (5000)")
    parser.add_argument("--connects", type=float, default=100, help="a second (100)")
    args = parser.parse_args(words)
    try:
        asyncio.run(_run(args.seconds, args.datagrams, args.connects))
    except (OSError, RuntimeError, TimeoutError, ClientError) as error:
        print(f"the benchmark failed: {error!r}", file=sys.stderr)
        return 1
    return 0


async def _run(seconds: float, datagrams: float, connects: float) -> None:
    load = os.getloadavg()[0]
    print(
        f"{datetime.now(UTC).date()}, {platform.machine()}, {os.cpu_count()} cores, Python"
        f" {platform.python_version()}; load {load:.1f}; {seconds:g} s each\n\n{HEAD}",
        flush=True,
    )
    async with _setting() as setting:
        await _measure(setting, "none", 0, seconds)
        for kind in flooder.KINDS:
            rate = datagrams if kind in flooder.DATAGRAMS else connects
            async with _flood(setting, kind, rate):
                await _measure(setting, kind, rate, seconds)
        await _measure(setting, "none, after all", 0, seconds)


@contextlib.asynccontextmanager
async def _setting() -> AsyncIterator[Setting]:
    server = relay.servers_of(None)[0]
    async with contextlib.AsyncExitStack() as stack:
        process, url = await stack.enter_async_context(server.start())
        groups = relay.guests_of(f"1x{SITES}")
        clients = [await stack.enter_async_context(relay._clients(server, url, group)) for group in groups]
        for client in clients:
            await relay._hear(client, "joined")
        await relay._all(clients, "flowing")
        await asyncio.sleep(relay.SETTLE_S)
        yield Setting(process, url, int((await _health(url))["udp_port"]), clients)


async def _health(url: str) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url.replace('ws:', 'http:')}/healthz") as answer,
    ):
        health: dict[str, Any] = await answer.json()
        return health


@contextlib.asynccontextmanager
async def _flood(setting: Setting, kind: str, rate: float) -> AsyncIterator[None]:
    at = urlsplit(setting.url)
    pouring = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coordinator.benchmarks.flooder", kind, str(at.hostname), str(at.port),
        str(setting.udp_port), str(rate), stdin=PIPE,
    )  # fmt: skip
    try:
        await asyncio.sleep(1)  # until it pours
        if pouring.returncode is not None:
            raise RuntimeError("the flood ended by itself")
        yield
    finally:
        if pouring.returncode is None:
            pouring.kill()
        await pouring.wait()


async def _measure(setting: Setting, name: str, rate: float, seconds: float) -> None:
    loop, pid = asyncio.get_running_loop(), setting.process.pid
    await relay._all(setting.clients, "begin")
    began, cpu = loop.time(), relay.cpu_seconds(pid)
    joined_ms = await _join(setting.url)
    await asyncio.sleep(max(0.0, seconds - (loop.time() - began)))
    cores = (relay.cpu_seconds(pid) - cpu) / (loop.time() - began)
    found = relay._figures(1.0, cores, await relay._all(setting.clients, "end"))
    resident_mb, descriptors = _kept_by(pid)
    print(
        f"| {name} | {rate:.0f} | {cores:.3f} | {resident_mb:.1f} | {descriptors} | {found.p50_ms:.2f} |"
        f" {found.p99_ms:.2f} | {found.lost} of {found.packets} | {joined_ms:.0f} |",
        flush=True,
    )


async def _join(url: str) -> float:
    """How long somebody takes to come in, to an open path, in ms."""
    began = time.monotonic()
    client = LightClient(url, relay.token_of(f"visitor-{began}"), media("low"), auto_subscribe=False)
    await client.connect()
    took_ms = 1000 * (time.monotonic() - began)
    await client.close()
    return took_ms


def _kept_by(pid: int) -> tuple[float, int]:
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(resident.split()[1]) / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))
