"""One outgoing stream made of pieces of incoming ones: sequence, timestamp and VP8 numbers run on.

Rule 1: a piece ("splice") begins at a given packet of a source and lasts until the next splice; within it,
the outgoing number is the incoming one plus a constant.
Rule 2: a late packet of an ended piece is still mapped if it belongs there, never into a later piece.
Rule 3: only the last `KEPT` pieces can be traced back for NACKs.
"""

from __future__ import annotations

from collections import deque

from .codecs import rewrite_vp8
from .cursor import Cursor
from .history import Packet

KEPT = 16


class Splice:
    """A piece: `source` names the stream; `first`..`end` are its numbers there (`end` None while current)."""

    __slots__ = ("end", "first", "out_first", "picture_shift", "source", "timestamp_shift", "tl0_shift")

    def __init__(self, source: int, first: int, out_first: int, timestamp_shift: int) -> None:
        self.source = source
        self.first = first
        self.end: int | None = None
        self.out_first = out_first
        self.timestamp_shift = timestamp_shift
        self.picture_shift = 0
        self.tl0_shift = 0


class Rewriter:
    """The pieces of one outgoing stream, whose `cursor` may be moved on within a piece without it."""

    def __init__(self, cursor: Cursor) -> None:
        self._splices: deque[Splice] = deque(maxlen=KEPT)
        self.current: Splice | None = None
        """The piece in force, or None before the first."""
        self._cursor = cursor

    def splice(self, source: int, packet: Packet, timestamp: int) -> None:
        """Begin a piece at `packet`, which will go out next, with the outgoing `timestamp` (32 bits)."""
        cursor, previous = self._cursor, self.current
        if previous is not None:
            previous.end = cursor.top
        piece = Splice(source, packet.seq, cursor.sequence + 1, timestamp - packet.timestamp & 0xFFFFFFFF)
        if packet.vp8 is not None:
            piece.picture_shift = (cursor.picture + 1 - packet.vp8.picture_id) & 0x7FFF
            piece.tl0_shift = (cursor.tl0 + 1 - packet.vp8.tl0) & 0xFF
            if previous is None:
                piece.picture_shift = piece.tl0_shift = 0
        self._splices.append(piece)
        self.current = piece
        cursor.first, cursor.shift = piece.first, piece.out_first - piece.first
        cursor.timestamp_shift = piece.timestamp_shift
        cursor.picture_shift, cursor.tl0_shift = piece.picture_shift, piece.tl0_shift

    def map(self, source: int, packet: Packet) -> tuple[int, int, bytes] | None:
        """Return (sequence, timestamp, payload) to send for this packet, or None when it has no place."""
        piece = self.current
        if piece is None or piece.source != source or packet.seq < piece.first:
            piece = self._find(source, packet.seq)
            if piece is None:
                return None
        sequence = piece.out_first + packet.seq - piece.first
        timestamp = packet.timestamp + piece.timestamp_shift & 0xFFFFFFFF
        payload = packet.payload
        vp8 = packet.vp8
        if vp8 is not None and (piece.picture_shift or piece.tl0_shift):
            payload = rewrite_vp8(payload, vp8, piece.picture_shift, piece.tl0_shift)
        cursor = self._cursor
        if piece.end is None and sequence > cursor.sequence:
            cursor.sequence, cursor.timestamp, cursor.top = sequence, timestamp, packet.seq
            if vp8 is not None:
                cursor.picture = vp8.picture_id + piece.picture_shift & 0x7FFF
                cursor.tl0 = vp8.tl0 + piece.tl0_shift & 0xFF
        return sequence, timestamp, payload

    def _find(self, source: int, seq: int) -> Splice | None:
        for piece in reversed(self._splices):
            if piece.source == source and seq >= piece.first and (piece.end is None or seq <= piece.end):
                return piece
        return None

    def origin(self, sequence: int) -> tuple[int, int] | None:
        """Return (source, number there) of what went out, or should have, under a 16-bit outgoing number."""
        newest = self._cursor.sequence
        number = newest - (newest - sequence & 0xFFFF)
        for piece in reversed(self._splices):
            if number >= piece.out_first:
                seq = piece.first + number - piece.out_first
                return None if piece.end is not None and seq > piece.end else (piece.source, seq)
        return None
