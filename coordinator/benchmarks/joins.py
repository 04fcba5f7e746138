"""`coordinator bench joins`: what stays in a relay after thousands have come and gone.

Rule 1: the relay is a process of its own; what it holds is read from the kernel and from its /metrics.
Rule 2: everybody joins with media (ICE, DTLS) and hears the others; every third leaves without a word.
Rule 3: a relay that holds a socket more at the end than after the first round, or whose memory grows by more
than `BYTES_A_JOIN` for each join in the second half, leaks: exit code 1. In the first half caches and the
allocator's pools fill; the second is judged by a straight line, for what is resident goes up and down.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
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
"""Joins before memory is first looked at."""
LOOKS = 10
BYTES_A_JOIN = 4096
"""What one participant holds while it is here is many times this."""
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
        held = {FIRST: await _held(process.pid, url)}
        _tell(FIRST, began, held[FIRST])
        done = FIRST
        while done < joins:
            count = min(max(FIRST // 2, joins // LOOKS), joins - done)
            await _come_and_go(url, count)
            done += count
            held[done] = await _held(process.pid, url)
            _tell(done, began, held[done])
        grown = grown_bytes({at: kept[0] for at, kept in held.items()})
        late = [kept[1] for at, kept in held.items() if at >= joins / 2]
        more = min(late) - held[FIRST][1]  # the question itself holds one for a moment
        print(
            f"\n{grown:.0f} bytes a join in the second half; {more} descriptors more than at the first look"
        )
        return 1 if grown > BYTES_A_JOIN or more > 0 else 0


def grown_bytes(resident_kb: dict[int, int]) -> float:
    """What each join of the second half added, in bytes, from the memory after so many joins."""
    half = max(resident_kb) / 2
    late = {at: kept for at, kept in resident_kb.items() if at >= half}
    if len(late) < 2:
        return 0.0
    return 1024 * statistics.linear_regression(list(late), list(late.values())).slope


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
