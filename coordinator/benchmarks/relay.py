"""`coordinator bench relay`: what forwarding costs the relay, and what it does to packets.

Rule 1: relay and clients are processes of their own; what is charged is the CPU time of the relay's process
(all its threads), read from the kernel, divided by the packets it sent.
Rule 2: processor time can be compared on a busy machine, delays only within one run: they hold the time for
which the relay waited for a core.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from livekit.api import AccessToken, VideoGrants

from coordinator.benchmarks.load import Guest

KEY, SECRET = "bench", "a-secret-of-the-benchmark-only-0123456789"
CASES = ("1x25", "1x50", "1x100", "25x1", "conference")
SETTLE_S = 2.0
STEP_WITHIN_S = 120.0


@dataclass(frozen=True)
class Figures:
    """One case on one server. `packets` were sent by the server in `seconds`; delays in milliseconds."""

    seconds: float
    cpu_s: float
    packets: int
    lost: int
    recovered: int
    p50_ms: float
    p99_ms: float

    def row(self, case: str) -> str:
        """A line of the table."""
        share = 100 * self.lost / max(self.packets, 1)
        return (
            f"| {case} | {self.packets / self.seconds:.0f} | {1e6 * self.cpu_s / max(self.packets, 1):.1f} |"
            f" {self.cpu_s / self.seconds:.3f} | {self.p50_ms:.2f} | {self.p99_ms:.2f} |"
            f" {self.lost} ({share:.2f} %) | {self.recovered} |"
        )


HEAD = (
    "| case | packets out/s | CPU µs a packet | cores | delay p50 ms | p99 ms | lost | recovered |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def main(words: list[str]) -> int:
    """Runs the cases one after the other and prints a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="coordinator bench relay", description="What forwarding costs.")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured for each case (10)")
    parser.add_argument("--cases", default=",".join(CASES), help=f"of {','.join(CASES)}, or any 1xN, Nx1")
    args = parser.parse_args(words)
    try:
        cases = {name: guests_of(name) for name in args.cases.split(",")}
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(_about(args.seconds), HEAD, sep="\n\n", flush=True)
    try:
        for name, groups in cases.items():
            print(asyncio.run(measure(groups, args.seconds)).row(name), flush=True)
    except (OSError, RuntimeError, TimeoutError) as error:
        print(f"the benchmark failed: {error!r}", file=sys.stderr)
        return 1
    return 0


def _about(seconds: float) -> str:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return (
        f"{datetime.now(UTC).date()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; load {load:.1f}; {seconds:g} s a case"
    )


def guests_of(case: str) -> list[list[Guest]]:
    """The clients of a case, a list for each process. Raises ValueError for an unknown case.

    `1xN`: a hall's camera (720p30, 1.5 Mbit/s) and sound to N. `Nx1`: N cameras of 150 kbit/s to one.
    `conference`: the hall's camera, screen and sound to 25, and 25 such cameras to the hall.
    """
    if case == "conference":
        hall = _guest("hall", publishes=("camera", "microphone", "screen_share"), hears="site", tracks=25)
        return [[hall], [_site(number, hears="hall", tracks=3) for number in range(25)]]
    left, _, right = case.partition("x")
    if not (left.isdigit() and right.isdigit() and "1" in (left, right) and int(left) * int(right) > 0):
        raise ValueError(f"--cases: {case} is none of {', '.join(CASES)}")
    if left == "1":
        hall = _guest("hall", publishes=("camera", "microphone"))
        return [[hall], [_guest(f"site-{n}", hears="hall", tracks=2) for n in range(int(right))]]
    sites = [_site(number) for number in range(int(left))]
    return [sites, [_guest("hall", hears="site", tracks=int(left))]]


def _site(number: int, hears: str = "", tracks: int = 0) -> Guest:
    return _guest(f"site-{number}", publishes=("camera",), hears=hears, tracks=tracks, camera="low")


def _guest(identity: str, **fields: Any) -> Guest:
    return Guest(identity, token_of(identity), **fields)


def token_of(identity: str) -> str:
    """A token for the room of the benchmark."""
    grants = VideoGrants(room_join=True, room="bench")
    token = AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants)
    return token.with_ttl(timedelta(hours=1)).to_jwt()


async def measure(groups: list[list[Guest]], seconds: float) -> Figures:
    """Runs one case on a fresh relay. Raises TimeoutError, or RuntimeError when a process ended too soon."""
    async with contextlib.AsyncExitStack() as stack:
        relay, url = await stack.enter_async_context(started_relay())
        clients = [await stack.enter_async_context(_clients(url, group)) for group in groups]
        for client in clients:
            await _hear(client, "joined")
        await _all(clients, "flowing")
        await asyncio.sleep(SETTLE_S)
        loop = asyncio.get_running_loop()
        await _all(clients, "begin")
        began, cpu = loop.time(), cpu_seconds(relay.pid)
        await asyncio.sleep(seconds)
        used, took = cpu_seconds(relay.pid) - cpu, loop.time() - began
        return _figures(took, used, await _all(clients, "end"))


def _figures(seconds: float, cpu_s: float, parts: list[dict[str, Any]]) -> Figures:
    delays = sorted(delay for part in parts for delay in part["delays_us"]) or [0]
    received, lost, recovered = (
        sum(part[key] for part in parts) for key in ("received", "lost", "recovered")
    )
    p50, p99 = (delays[int(share * (len(delays) - 1))] / 1000 for share in (0.5, 0.99))
    return Figures(seconds, cpu_s, received + max(lost, 0), max(lost, 0), recovered, p50, p99)


def cpu_seconds(pid: int) -> float:
    """The processor time of a process so far, over all its living threads."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int(f.read_text().split()[0]) for f in tasks.glob("*/schedstat")) / 1e9


@contextlib.asynccontextmanager
async def started_relay() -> AsyncIterator[tuple[Process, str]]:
    """A relay in a process of its own, and its address."""
    keys = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
    words = (
        "coordinator.relay.main",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--udp-port",
        "0",
        "--watch-stdin",
    )
    async with _process(*words, environment=keys) as started:
        assert started.stdout is not None
        async with asyncio.timeout(STEP_WITHIN_S):
            line = (await started.stdout.readline()).decode().split()
        if line[:2] != ["relay", "ready"]:
            raise RuntimeError("the relay did not start")
        yield started, line[2]


@contextlib.asynccontextmanager
async def _clients(url: str, guests: list[Guest]) -> AsyncIterator[Process]:
    async with _process("coordinator.benchmarks.load", environment={}) as started:
        assert started.stdin is not None
        spec = {"url": url, "guests": [guest.as_dict() for guest in guests]}
        started.stdin.write(json.dumps(spec).encode() + b"\n")
        yield started


@contextlib.asynccontextmanager
async def _process(module: str, *words: str, environment: dict[str, str]) -> AsyncIterator[Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, stdin=PIPE, stdout=PIPE,
        env={**os.environ, **environment}, limit=2**26,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def _all(clients: list[Process], word: str) -> list[dict[str, Any]]:
    """Say a word to all client processes, and return their answers."""
    for client in clients:
        assert client.stdin is not None
        client.stdin.write(word.encode() + b"\n")
    return list(await asyncio.gather(*(_hear(client, word) for client in clients)))


async def _hear(client: Process, word: str) -> dict[str, Any]:
    assert client.stdout is not None
    async with asyncio.timeout(STEP_WITHIN_S):
        line = await client.stdout.readline()
    answer: dict[str, Any] = json.loads(line) if line else {}
    if answer.get("said") != word:
        raise RuntimeError("the clients stopped")
    return answer
