"""`coordinator bench joins`: what stays in a relay after thousands have come and gone.

Rule 1: the relay is a process of its own; what it holds is read from the kernel and from its /metrics.
Rule 2: everybody joins with media (ICE, DTLS) and hears the others; every third leaves without a word.
Rule 3: a relay that holds a socket more at the end than after the first round, or whose memory has grown by
more than `BYTES_A_JOIN` for each join after it, leaks: exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

import aiohttp

from coordinator.benchmarks import relay
from coordinator.benchmarks.load import media
from coordinator.simulate.client import LightClient
from coordinator.simulate.conversation import ClientError

AT_ONCE = 10
FIRST = 200
"""Joins before memory is first looked at: caches and the allocator's pools have filled by then."""
BYTES_A_JOIN = 2048
EMPTY_WITHIN_S = 60.0


def main(words: list[str]) -> int:
    """Lets people come and go, prints what the relay holds now and then; returns the exit code."""
    parser = argparse.ArgumentParser(prog="coordinator bench joins", description="Whether the relay leaks.")
    parser.add_argument("--joins", type=int, default=2000, help="in all (2000)")
    args = parser.parse_args(words)
    if args.joins <= FIRST:
        parser.error(f"--joins: more than {FIRST}")
    try:
        return asyncio.run(_run(args.joins))
    except (OSError, RuntimeError, TimeoutError, ClientError) as error:
        print(f"the benchmark failed: {error!r}", file=sys.stderr)
        return 1


async def _run(joins: int) -> int:
    async with relay.started_relay() as (process, url):
        print("| joins | s | resident kB | descriptors |\n| --- | --- | --- | --- |", flush=True)
        began = time.monotonic()
        await _come_and_go(url, FIRST)
        first = await _held(process.pid, url)
        _tell(FIRST, began, first)
        done = FIRST
        while done < joins:
            count = min(FIRST, joins - done)
            await _come_and_go(url, count)
            done += count
            last = await _held(process.pid, url)
            _tell(done, began, last)
        grown = 1024 * (last[0] - first[0]) / (joins - FIRST)
        print(f"\n{grown:.0f} bytes and {last[1] - first[1]} descriptors more, after the first {FIRST}")
        return 1 if grown > BYTES_A_JOIN or last[1] > first[1] else 0


def _tell(done: int, began: float, held: tuple[int, int]) -> None:
    print(f"| {done} | {time.monotonic() - began:.0f} | {held[0]} | {held[1]} |", flush=True)


async def _come_and_go(url: str, count: int) -> None:
    doors = asyncio.Semaphore(AT_ONCE)

    async def visit(number: int) -> None:
        async with doors:
            token = relay.token_of(f"visitor-{number}")
            client = LightClient(url, token, media("low"))
            await client.connect()
            await client.publish_microphone()
            if number % 3:
                await client.close()
            else:
                client.kill()

    await asyncio.gather(*map(visit, range(count)))


async def _held(pid: int, url: str) -> tuple[int, int]:
    """(Resident memory in kB, open descriptors), once the relay has noticed that everybody is gone."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(EMPTY_WITHIN_S):
        while True:
            async with session.get(f"{url.replace('ws:', 'http:')}/healthz") as health:
                if (await health.json())["participants"] == 0:
                    break
            await asyncio.sleep(0.5)
    return _kept_by(pid)


def _kept_by(pid: int) -> tuple[int, int]:
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(resident.split()[1]), len(list(Path(f"/proc/{pid}/fd").iterdir()))
