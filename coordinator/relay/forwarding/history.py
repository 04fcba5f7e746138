"""What was received lately on one stream: shared by all its subscribers to answer their NACKs.

Rule 1: a ring of fixed size; what falls out is gone, and the answer to a NACK for it is a keyframe.
Rule 2: numbers are unwrapped (they only grow), so that a slot's number tells whether it is the one meant.
"""

from __future__ import annotations

from .codecs import Vp8


class Packet:
    """One media packet of a stream, numbered without gaps for padding the publisher sent (see `track`)."""

    __slots__ = ("keyframe", "marker", "payload", "seq", "starts", "timestamp", "vp8")

    seq: int
    timestamp: int
    marker: bool
    payload: bytes
    keyframe: bool
    starts: bool
    vp8: Vp8 | None


class History:
    """The last `size` packets of a stream by number; `size` is a power of two."""

    def __init__(self, size: int) -> None:
        if size & (size - 1):
            raise ValueError("history size must be a power of two")
        self._mask = size - 1
        self.ring: list[Packet | None] = [None] * size
        """By the last bits of their numbers."""

    def put(self, packet: Packet) -> None:
        """Remember a packet in place of the one `size` numbers before it."""
        self.ring[packet.seq & self._mask] = packet

    def get(self, seq: int) -> Packet | None:
        """Return the packet with exactly this number, or None when it never came or fell out."""
        packet = self.ring[seq & self._mask]
        return packet if packet is not None and packet.seq == seq else None
