"""A bad line between clients and the relay: a UDP proxy that loses, delays and throttles, by direction.

Clients that connect after `BadLine.next` was set get a `Condition` like that, each its own: all ways on which
a client tries to come are one line, whenever it begins to try them. It can be changed in place.
"""

from __future__ import annotations

import asyncio
import copy
import random
import socket
from dataclasses import dataclass, field

from coordinator.relay.binding import read_request

Address = tuple[str, int]


@dataclass
class Way:
    """One direction: share lost, delay in seconds, rate in bit/s (0 = unlimited), queue in seconds."""

    loss: float = 0.0
    delay_s: float = 0.0
    rate_bps: float = 0.0
    queue_s: float = 0.4
    free_at: float = 0.0
    passed: int = 0
    lost: int = 0


@dataclass
class Condition:
    """Both directions of one client's line."""

    up: Way = field(default_factory=Way)
    down: Way = field(default_factory=Way)


class _Flow(asyncio.DatagramProtocol):
    def __init__(self, line: BadLine, client: Address, condition: Condition) -> None:
        self.line, self.client, self.condition = line, client, condition
        self.transport: asyncio.DatagramTransport | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        for data in self.early:
            self.send_up(data)

    def send_up(self, data: bytes) -> None:
        if self.transport is None:
            self.early.append(data)
        else:
            self.line.carry(self.condition.up, data, lambda: self.transport.sendto(data))  # type: ignore[union-attr]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.line.carry(self.condition.down, data, lambda: self.line.send_down(data, self.client))


class BadLine(asyncio.DatagramProtocol):
    """The proxy; `port` is what clients are told, `relay_port` is where it leads."""

    def __init__(self, relay_port: int, seed: int = 7, host: str = "127.0.0.1") -> None:
        self.relay_port, self.host = relay_port, host
        self.next = Condition()
        self.conditions: dict[str, Condition] = {}
        """By the username of a client's first check; the last one is the newest."""
        self.flows: dict[Address, _Flow] = {}
        self.port = 0
        self._random = random.Random(seed)
        self._down: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._down, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        handle: socket.socket = self._down.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.port = handle.getsockname()[1]

    def close(self) -> None:
        for flow in self.flows.values():
            if flow.transport is not None:
                flow.transport.close()
        if self._down is not None:
            self._down.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        flow = self.flows.get(addr)
        if flow is None:
            flow = self.flows[addr] = _Flow(self, addr, self._condition_of(data))
            self._starting = asyncio.ensure_future(self._start(flow))
        flow.send_up(data)

    def _condition_of(self, first: bytes) -> Condition:
        """Return the line of who sends this, the first that comes from an address, and so a check."""
        username = read_request(first).username
        if username not in self.conditions:
            self.conditions[username] = copy.deepcopy(self.next)
        return self.conditions[username]

    async def _start(self, flow: _Flow) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: flow, remote_addr=("127.0.0.1", self.relay_port))

    def send_down(self, data: bytes, client: Address) -> None:
        if self._down is not None and not self._down.is_closing():
            self._down.sendto(data, client)

    def carry(self, way: Way, data: bytes, deliver: object) -> None:
        """Send a datagram on as the condition of its way allows."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._random.random() < way.loss:
            way.lost += 1
            return
        at = now
        if way.rate_bps:
            if way.free_at - now > way.queue_s:
                way.lost += 1
                return
            way.free_at = max(way.free_at, now) + 8 * len(data) / way.rate_bps
            at = way.free_at
        way.passed += 1
        at += way.delay_s
        if at <= now:
            deliver()  # type: ignore[operator]
        else:
            loop.call_at(at, deliver)  # type: ignore[arg-type]
