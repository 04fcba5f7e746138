"""Everybody's doors by address, and a media socket that is emptied through them.

Rule 1: datagrams are told apart by their first byte (RFC 7983) before anything is parsed: what may be STUN
goes to `stranger`, from wherever it comes; the rest goes through the door of its address, or is dropped.
In the compiled plane that door answers checks itself which change nothing (see `Door.answer_checks`).
Rule 2: so many are taken at a time and no more, so that a flood leaves the event loop to others.
Rule 3: what a door holds goes on its way before anybody else's turn, and at the end.
Rule 4: the compiled plane has the same class, which looks an address up without making a tuple of it.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from .door import Door
from .forwarding import engine

logger = logging.getLogger(__name__)

Address = tuple[str, int]
"""As the socket module gives it: host and port; an IPv6 host has a colon in it, and flow and scope behind."""
READS_PER_WAKE = 64
MAX_DATAGRAM = 2048


class PureDoors:
    """Doors by address. `stranger(data, address)` takes what may be STUN, and raises nothing."""

    def __init__(self, stranger: Callable[[bytes, Address], None]) -> None:
        self._stranger = stranger
        self._by_address: dict[Address, Door] = {}
        self._buffer = bytearray(MAX_DATAGRAM)
        self._view = memoryview(self._buffer)
        self.received = 0
        """Datagrams, since the start."""
        self.dropped = 0
        """Datagrams from strangers, since the start; those who take them for STUN count here too."""

    def __len__(self) -> int:
        return len(self._by_address)

    def admit(self, address: Address, door: Door) -> None:
        """Let datagrams from an address through this door, and no other."""
        self._by_address[address] = door

    def expel(self, address: Address, door: Door) -> None:
        """Stop letting an address through, if this is still its door."""
        if self._by_address.get(address) is door:
            del self._by_address[address]

    def get(self, address: Address) -> Door | None:
        """Return the door of an address, or None."""
        return self._by_address.get(address)

    def clear(self) -> None:
        """Let nobody through any more."""
        self._by_address.clear()

    def drain(self, sock: socket.socket) -> None:
        """Take what came to a UDP socket that does not block: up to `READS_PER_WAKE` datagrams."""
        buffer, view, doors, receive = self._buffer, self._view, self._by_address, sock.recvfrom_into
        open_door: Door | None = None
        for _ in range(READS_PER_WAKE):
            try:
                size, address = receive(buffer)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                logger.debug("udp receive: %s", error)
                continue
            self.received += 1
            if not size:
                continue
            door = None if buffer[0] < 4 else doors.get(address)
            if open_door is not None and door is not open_door:
                open_door.settle()
            open_door = door
            if door is not None:
                door.hold(view[:size])
            elif buffer[0] < 4:
                self._stranger(bytes(view[:size]), address)
            else:
                self.dropped += 1
        if open_door is not None:
            open_door.settle()


if TYPE_CHECKING:
    Doors = PureDoors
else:
    Doors = engine.compiled.Doors if engine.compiled else PureDoors
