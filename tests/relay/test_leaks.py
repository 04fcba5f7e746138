"""Three hundred joins and leaves, polite and rude, leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from livekit.protocol import rtc

from coordinator.relay.main import Running
from coordinator.relay.participant import Participant
from tests.relay.harness import running_relay, token
from tests.relay.peer import peer, section

WARM, ROUNDS = 20, 300
IDLE_TASKS = 3
"""The test itself and the relay's two ticks."""
BYTES_A_JOIN = 4096
"""What may stay of one join on average: the HTTP library's bounded caches keep the last few hundred
addresses. A participant that stayed would be ten times as much."""


@pytest.mark.slow
async def test_three_hundred_joins_and_leaves_leave_nothing_behind() -> None:
    async with running_relay() as running:
        for number in range(WARM):
            await visit(running, number)
        await empty(running)
        before = held(running)
        tracemalloc.start()
        size = tracemalloc.get_traced_memory()[0]
        seen: list[weakref.ref[Participant]] = []
        for number in range(ROUNDS):
            seen.append(await visit(running, number))
        await empty(running)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - size
        tracemalloc.stop()
        assert len(seen) == ROUNDS and not any(one() for one in seen)
        await settles(lambda: held(running) == before)
        assert held(running) == before
        assert grown < ROUNDS * BYTES_A_JOIN


def held(running: Running) -> dict[str, int]:
    """What is open: files and sockets, tasks, and what the port knows."""
    mux = running.rooms.mux
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()),
        "fragments": len(mux._by_fragment),
        "addresses": len(mux.doors),
        "participants": sum(1 for _ in running.rooms.everybody()),
    }


async def visit(running: Running, number: int) -> weakref.ref[Participant]:
    """Join with media and leave: politely, by closing the peer connection and the socket, or thrown out."""
    identity = f"visitor-{number}"
    joining: Any = {"connection_settings": rtc.ConnectionSettings(auto_subscribe=True)}
    async with peer(running.port, token(identity), **joining) as one:
        answer = await one.offers(section("0", "audio", "recvonly"), section("1", "video", "recvonly"))
        await one.connect(answer)
        room = running.rooms.get("hall")
        assert room is not None
        gone = weakref.ref(room.participants[identity])
        await one.until(lambda: room.participants[identity].active)
        if number % 3 == 0:
            await one.send(leave=rtc.LeaveRequest())
        elif number % 3 == 1:
            room.participants[identity].remove(0)
        else:
            await one.socket.close()
            await one.dtls.stop()
        await one.until(lambda: identity not in room.participants)
        return gone


async def empty(running: Running) -> None:
    """Wait until the relay has given back what it gives back in the background."""
    await settles(lambda: not any(running.rooms.everybody()) and len(asyncio.all_tasks()) <= IDLE_TASKS)
    gc.collect()


async def settles(true: Callable[[], bool]) -> None:
    """Wait for something, at most 20 s."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110 (what is open tells nobody)
                await asyncio.sleep(0.02)
