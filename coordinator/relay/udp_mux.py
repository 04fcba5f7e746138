"""One UDP port for everybody, over IPv4 and IPv6.

Rule 1: from the moment the socket is open, a datagram that is not STUN is dropped unless its source address
has passed an authenticated connectivity check; strangers reach no queue and no parser.
Rule 2: STUN from a stranger is looked at only if it is a binding request for a known username fragment, and
is answered only if it is signed (see `ice`): the port cannot be used to reflect traffic.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from typing import Protocol

from .allowance import Allowance
from .binding import BindingRequest, looks_like_request, read_request
from .door import Door
from .doors import Address, Doors
from .forwarding.engine import Wire
from .media_loop import MediaLoop

logger = logging.getLogger(__name__)

BUFFER_BYTES = 4 * 1024 * 1024
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
FREE_PORT_TRIES = 8
NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Endpoint(Protocol):
    """One participant's end of the mux; datagrams from its validated addresses go through its door."""

    door: Door

    def check(self, request: BindingRequest, address: Address) -> bytes | None:
        """Answer a binding request that names one of our username fragments; None = not authentic."""


class UdpMux:
    """The socket and who it serves. `port` is the real port once open."""

    def __init__(self) -> None:
        self._four: socket.socket | None = None
        self._six: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._by_fragment: dict[str, Endpoint] = {}
        self._faults = Allowance(5, 0.1)
        self.doors = Doors(self._stranger)
        """The ways in for validated addresses, and the count of what came."""
        self.port = 0
        self.wire = Wire()
        """The sockets for those who send on them themselves; all that goes out counts there."""

    @property
    def received(self) -> int:
        """Datagrams, since the start."""
        return self.doors.received

    @property
    def dropped(self) -> int:
        """Datagrams from strangers, since the start."""
        return self.doors.dropped

    def open(self, host: str, port: int) -> None:
        """Bind the port and begin to serve: on this address, or for 0.0.0.0 on all, IPv6 ones too.

        Port 0 takes a free one. Raises OSError when the address cannot be bound.
        """
        self._four, self._six = _bind(host, port)
        self._loop = loop = asyncio.get_running_loop()
        self.wire.open(self._four, self._six)
        for sock in (self._four, self._six):
            if sock is None:
                continue
            self.port = sock.getsockname()[1]
            if isinstance(loop, MediaLoop):
                loop.watch(sock, self.doors)
            else:
                loop.add_reader(sock, self.doors.drain, sock)

    def close(self) -> None:
        """Stop serving and close the sockets."""
        self.wire.close()
        for sock in (self._four, self._six):
            if sock is None or self._loop is None:
                continue
            if isinstance(self._loop, MediaLoop):
                self._loop.unwatch(sock)
            else:
                self._loop.remove_reader(sock)
            sock.close()
        self._four = self._six = None
        self.doors.clear()
        self._by_fragment.clear()

    def claim(self, fragment: str, endpoint: Endpoint) -> None:
        """Send checks for this username fragment to `endpoint`."""
        self._by_fragment[fragment] = endpoint

    def release(self, fragment: str) -> None:
        """Know this username fragment no longer."""
        self._by_fragment.pop(fragment, None)

    def admit(self, address: Address, endpoint: Endpoint) -> None:
        """Let datagrams from a validated address through to `endpoint`."""
        self.doors.admit(address, endpoint.door)

    def expel(self, address: Address, endpoint: Endpoint) -> None:
        """Stop letting an address through, if it is still this endpoint's."""
        self.doors.expel(address, endpoint.door)

    def send(self, data: bytes | memoryview, address: Address) -> None:
        """Send one datagram, or count it as refused; never blocks, never raises."""
        sock = self._six if ":" in address[0] else self._four
        if sock is None:
            return
        try:
            sock.sendto(data, address)
            self.wire.sent += 1
        except OSError:
            self.wire.refused += 1

    def _stranger(self, data: bytes, address: Address) -> None:
        """Take what may be a check of connectivity, from wherever it comes."""
        try:
            self._check(data, address)
        except Exception:
            if self._faults.take():
                logger.exception("a datagram from %s could not be handled", address)

    def _check(self, data: bytes, address: Address) -> None:
        if not looks_like_request(data):
            return
        try:
            request = read_request(data)
        except ValueError:
            self.doors.dropped += 1
            return
        endpoint = self._by_fragment.get(request.username.partition(":")[0])
        answer = endpoint.check(request, address) if endpoint is not None else None
        if answer is None:
            self.doors.dropped += 1
        else:
            self.send(answer, address)


def _bind(host: str, port: int) -> tuple[socket.socket | None, socket.socket | None]:
    """Return the IPv4 and the IPv6 socket, both on one port."""
    if ":" in host:
        return None, _socket(socket.AF_INET6, host, port)
    for attempt in range(FREE_PORT_TRIES):
        four = _socket(socket.AF_INET, host, port)
        if host != "0.0.0.0":
            return four, None
        try:
            return four, _socket(socket.AF_INET6, "::", four.getsockname()[1])
        except OSError as error:
            if error.errno in NO_IPV6:
                return four, None
            four.close()
            if port or attempt == FREE_PORT_TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _socket(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        for plain, forced in ((socket.SO_RCVBUF, SO_RCVBUFFORCE), (socket.SO_SNDBUF, SO_SNDBUFFORCE)):
            sock.setsockopt(socket.SOL_SOCKET, plain, BUFFER_BYTES)
            with contextlib.suppress(OSError):  # past the system's limit, where we are allowed to
                sock.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
