"""What goes over a link, counted packet by packet: media (UDP) and everything else, each way.

Rule: headers count, Ethernet's too; what waits or is dropped before the link does not.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

ALL_PROTOCOLS, OUTGOING = 3, 4
PROTOCOL_AT = {b"\x08\x00": 23, b"\x86\xdd": 20}
"""Where IPv4 and IPv6 say what they carry, by Ethernet's type."""
UDP = 17


@dataclass
class Count:
    """Packets and bytes of one kind."""

    packets: int = 0
    size: int = 0


class Wire:
    """Counts on `device`. Down is what this machine sends out there."""

    def __init__(self, device: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
        self._socket.bind((device, ALL_PROTOCOLS))
        self._socket.settimeout(0.2)
        self._ends = threading.Event()
        self.counts = {kind: Count() for kind in ("media down", "media up", "pages down", "pages up")}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ends.is_set():
            with contextlib.suppress(TimeoutError):
                data, (_, _, kind, *_) = self._socket.recvfrom(65536)
                self._note(data, "down" if kind == OUTGOING else "up")

    def _note(self, data: bytes, way: str) -> None:
        at = PROTOCOL_AT.get(data[12:14], 0)
        media = 0 < at < len(data) and data[at] == UDP
        count = self.counts[f"{'media' if media else 'pages'} {way}"]
        count.packets += 1
        count.size += len(data)

    def take(self) -> dict[str, Count]:
        """What went over since the last time."""
        taken = self.counts
        self.counts = {kind: Count() for kind in taken}
        return taken

    def close(self) -> None:
        self._ends.set()
        self._thread.join()
        self._socket.close()


@contextlib.contextmanager
def wire(device: str) -> Iterator[Wire]:
    """Count until the end."""
    counting = Wire(device)
    try:
        yield counting
    finally:
        counting.close()
