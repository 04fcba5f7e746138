"""`coordinator bench relay`: what forwarding costs the relay, and what it does to packets.

Rule 1: relay and clients are processes of their own; what is charged is the CPU time of the relay's process
(all its threads), read from the kernel, divided by the packets it sent.
Rule 2: processor time can be compared on a busy machine, delays only within one run: they hold the time for
which the relay waited for a core.
Rule 3: servers that are compared take turns, case by case, under the same clients and media.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from livekit.api import AccessToken, VideoGrants

from coordinator.benchmarks import janus
from coordinator.benchmarks.load import Guest
from coordinator.relay.forwarding import engine

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

    @property
    def packet_us(self) -> float:
        """Processor time for each packet sent, in µs."""
        return 1e6 * self.cpu_s / max(self.packets, 1)

    def row(self, case: str) -> str:
        """A line of the table."""
        share = 100 * self.lost / max(self.packets, 1)
        return (
            f"| {case} | {self.packets / self.seconds:.0f} | {self.packet_us:.1f} |"
            f" {self.cpu_s / self.seconds:.3f} | {self.p50_ms:.2f} | {self.p99_ms:.2f} |"
            f" {self.lost} ({share:.2f} %) | {self.recovered} |"
        )


HEAD = (
    "| case | packets out/s | CPU µs a packet | cores | delay p50 ms | p99 ms | lost | recovered |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True)
class Server:
    """What is measured: how it is started (its process and address), and the module of its load clients."""

    name: str
    start: Callable[[], contextlib.AbstractAsyncContextManager[tuple[Process, str]]]
    clients: str


def servers_of(against: str | None, planes: list[str] | None = None) -> list[Server]:
    """The relay, once for each media plane, and what it is compared with.

    Raises RuntimeError when one of them is not there.
    """
    planes = planes or [engine.NAME]
    if "compiled" in planes and engine.compiled is None:
        raise RuntimeError("the compiled media plane was not built: see docs/operations.md")
    servers = [
        Server(f"relay, {plane}", partial(started_relay, plane), "coordinator.benchmarks.load")
        for plane in planes
    ]
    if against:
        janus.program()
        cores = os.cpu_count() or 1
        clients = "coordinator.benchmarks.load_janus"
        servers.append(Server("Janus", janus.started_janus, clients))
        servers.append(Server(f"Janus, event_loops = {cores}", lambda: janus.started_janus(cores), clients))
    return servers


def main(words: list[str]) -> int:
    """Runs the cases one after the other and prints a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="coordinator bench relay", description="What forwarding costs.")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured for each case (10)")
    parser.add_argument("--cases", default=",".join(CASES), help=f"of {','.join(CASES)}, or any 1xN, Nx1")
    parser.add_argument("--against", choices=("janus",), help="measure this server too, in turns")
    parser.add_argument("--planes", default=engine.NAME, help="of pure,compiled (the one in use)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each case is measured (1)")
    args = parser.parse_args(words)
    try:
        cases = {name: guests_of(name) for name in args.cases.split(",")}
        planes = args.planes.split(",")
        if not set(planes) <= {"pure", "compiled"}:
            raise ValueError("--planes: of pure,compiled")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        servers = servers_of(args.against, planes)
        print(_about(args.seconds), HEAD, sep="\n\n", flush=True)
        found = {name: _turns(name, groups, servers, args) for name, groups in cases.items()}
        if len(servers) > 1:
            print("", *_ratios(found), sep="\n")
    except (OSError, RuntimeError, TimeoutError) as error:
        print(f"the benchmark failed: {error!r}", file=sys.stderr)
        return 1
    return 0


def _turns(
    case: str, groups: list[list[Guest]], servers: list[Server], args: argparse.Namespace
) -> dict[str, list[Figures]]:
    """Measure a case on all servers in turns, and print each; by server."""
    found: dict[str, list[Figures]] = {server.name: [] for server in servers}
    for _ in range(args.rounds):
        for server in servers:
            figures = asyncio.run(measure(groups, args.seconds, server))
            print(figures.row(case if len(servers) == 1 else f"{case}, {server.name}"), flush=True)
            found[server.name].append(figures)
    return found


def _ratios(found: dict[str, dict[str, list[Figures]]]) -> list[str]:
    """The relay's figures divided by those of each other server, medians over the rounds."""
    lines = [
        "| case | ours | against | CPU a packet | delay p50 | p99 | lost, ours | lost, other |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for case, by_server in found.items():
        ours = {name: figures for name, figures in by_server.items() if name.startswith("relay")}
        for (mine, own), name in product(ours.items(), by_server):
            if name in ours:
                continue
            theirs = by_server[name]
            cpu, p50, p99 = (
                _median(own, key) / max(_median(theirs, key), 1e-6)
                for key in ("packet_us", "p50_ms", "p99_ms")
            )
            lost = sum(f.lost for f in own), sum(f.lost for f in theirs)
            lines.append(
                f"| {case} | {mine} | {name} | {cpu:.2f} | {p50:.2f} | {p99:.2f} | {lost[0]} | {lost[1]} |"
            )
    return lines


def _median(figures: list[Figures], key: str) -> float:
    return statistics.median(float(getattr(one, key)) for one in figures)


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


async def measure(groups: list[list[Guest]], seconds: float, server: Server | None = None) -> Figures:
    """Runs one case on a fresh server, the relay if not said.

    Raises TimeoutError, or RuntimeError when a process ended too soon.
    """
    async with contextlib.AsyncExitStack() as stack:
        server = server or servers_of(None)[0]
        process, url = await stack.enter_async_context(server.start())
        clients = [await stack.enter_async_context(_clients(server, url, group)) for group in groups]
        for client in clients:
            await _hear(client, "joined")
        await _all(clients, "flowing")
        await asyncio.sleep(SETTLE_S)
        loop = asyncio.get_running_loop()
        await _all(clients, "begin")
        began, cpu = loop.time(), cpu_seconds(process.pid)
        await asyncio.sleep(seconds)
        used, took = cpu_seconds(process.pid) - cpu, loop.time() - began
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
async def started_relay(plane: str = engine.NAME) -> AsyncIterator[tuple[Process, str]]:
    """A relay in a process of its own, and its address; `plane` as in `forwarding.engine`."""
    keys = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "COORDINATOR_PLANE": plane}
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
async def _clients(server: Server, url: str, guests: list[Guest]) -> AsyncIterator[Process]:
    async with _process(server.clients, environment={}) as started:
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
