"""What strangers pour at a relay in `coordinator bench floods`, from a process of its own.

`python -m coordinator.benchmarks.flooder KIND HOST TCP_PORT UDP_PORT RATE`, until it is ended.

Rule 1: each kind goes at the rate that was asked for, evenly, or as near to it as this process can.
Rule 2: nothing here knows a key: these are people who found the ports.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import socket
import sys
from collections.abc import Awaitable, Callable

STEP_S = 0.01
SOURCES = 16
AT_ONCE = 100
_COOKIE = b"\x21\x12\xa4\x42"
DATAGRAMS = ("garbage", "stun", "handshakes")
CONNECTS = ("sockets", "signalling")
KINDS = (*DATAGRAMS, *CONNECTS)


def _garbage(dice: random.Random) -> bytes:
    """Random bytes, of which half look like media."""
    data = dice.randbytes(dice.randint(1, 1200))
    return b"\x80\x60" + data if dice.random() < 0.5 else data


def _stun(dice: random.Random) -> bytes:
    """A binding request for a fragment that nobody has, with a signature that is none."""
    name = f"{dice.randrange(10**11):012d}:abcd".encode().ljust(20)
    body = b"\x00\x06" + len(name).to_bytes(2, "big") + name + b"\x00\x08\x00\x14" + dice.randbytes(20)
    return b"\x00\x01" + len(body).to_bytes(2, "big") + _COOKIE + dice.randbytes(12) + body


def _handshake(dice: random.Random) -> bytes:
    """The head of a ClientHello, or an alert."""
    if dice.random() < 0.2:
        return b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28"
    return b"\x16\xfe\xff" + bytes(8) + b"\x00\x70\x01" + dice.randbytes(111)


_MAKE: dict[str, Callable[[random.Random], bytes]] = {
    "garbage": _garbage,
    "stun": _stun,
    "handshakes": _handshake,
}


async def pour(kind: str, host: str, tcp_port: int, udp_port: int, rate: float) -> None:
    """Flood for ever. `rate` is in datagrams or connections a second."""
    if kind in DATAGRAMS:
        await _pour_datagrams(_MAKE[kind], (host, udp_port), rate)
    else:
        visit = _open_and_wait if kind == "sockets" else _ask_in
        await _pour_visits(visit, host, tcp_port, rate)


async def _pour_datagrams(
    make: Callable[[random.Random], bytes], target: tuple[str, int], rate: float
) -> None:
    dice = random.Random(1)
    made = [make(dice) for _ in range(1000)]
    lines = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOURCES)]
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    while True:
        due = int((loop.time() - began) * rate)
        for number in range(sent, due):
            with contextlib.suppress(OSError):
                lines[number % SOURCES].sendto(made[number % len(made)], target)
        sent = due
        await asyncio.sleep(STEP_S)


async def _pour_visits(
    visit: Callable[[str, int], Awaitable[None]], host: str, port: int, rate: float
) -> None:
    loop = asyncio.get_running_loop()
    began, made = loop.time(), 0
    running: set[asyncio.Task[None]] = set()

    async def quietly() -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(5):
                await visit(host, port)

    while True:
        due = int((loop.time() - began) * rate)
        for _ in range(min(due - made, AT_ONCE - len(running))):
            task = loop.create_task(quietly())
            running.add(task)
            task.add_done_callback(running.discard)
        made = due
        await asyncio.sleep(STEP_S)


async def _open_and_wait(host: str, port: int) -> None:
    """A connection that says half a request and no more for a second."""
    _, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /rtc/v1?access_token=")
        await asyncio.sleep(1)
    finally:
        writer.close()


async def _ask_in(host: str, port: int) -> None:
    """A WebSocket for the signalling, with a token of somebody's own making and a long join request."""
    token = ".".join(base64.urlsafe_b64encode(os.urandom(60)).decode().rstrip("=") for _ in range(3))
    join = base64.urlsafe_b64encode(os.urandom(6000)).decode()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(
            f"GET /rtc/v1?access_token={token}&join_request={join} HTTP/1.1\r\nHost: {host}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n")
    finally:
        writer.close()


if __name__ == "__main__":
    kind, host, tcp_port, udp_port, rate = sys.argv[1:]
    asyncio.run(pour(kind, host, int(tcp_port), int(udp_port), float(rate)))
