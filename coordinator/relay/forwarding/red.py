"""Sound sent twice or three times: redundant audio data (RFC 2198), as browsers negotiate it for Opus.

Rule 1: a packet carries, before its own frame, the frames of the packets just before it; a receiver that
missed those takes them from here, without asking.
Rule 2: `unwrap` refuses what it cannot read with a `ValueError`.
Rule 3: an earlier frame that is too long or too old for its header is left out, never cut.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_BLOCK_BYTES, MAX_OFFSET = 1023, 16383
MAX_BLOCKS = 8
MAX_PAYLOAD_BYTES = 1100

Block = tuple[int, bytes]
"""How many clock ticks before its packet a frame belongs, and the frame."""


def wrap(payload_type: int, earlier: Sequence[Block], payload: bytes) -> bytes:
    """Return a payload with earlier frames, oldest first, before its own; all are of `payload_type`."""
    heads, frames = bytearray(), bytearray()
    room = MAX_PAYLOAD_BYTES - len(payload)
    for offset, frame in earlier:
        if 0 < offset <= MAX_OFFSET and len(frame) <= min(MAX_BLOCK_BYTES, room):
            room -= len(frame) + 4
            heads += (0x80000000 | payload_type << 24 | offset << 10 | len(frame)).to_bytes(4, "big")
            frames += frame
    return bytes(heads) + bytes((payload_type,)) + bytes(frames) + payload


def unwrap(payload: bytes) -> tuple[int, bytes, list[Block]]:
    """Return (payload type, frame, earlier frames, oldest first) of a redundant payload.

    Raises ValueError when it is truncated or has more than `MAX_BLOCKS` earlier frames.
    """
    at = 0
    sizes: list[tuple[int, int]] = []
    while True:
        if at >= len(payload):
            raise ValueError("redundant audio is truncated")
        first = payload[at]
        if not first & 0x80:
            break
        if at + 4 > len(payload) or len(sizes) >= MAX_BLOCKS:
            raise ValueError("redundant audio is truncated")
        word = int.from_bytes(payload[at : at + 4], "big")
        sizes.append((word >> 10 & 0x3FFF, word & 0x3FF))
        at += 4
    at += 1
    earlier: list[Block] = []
    for offset, size in sizes:
        if at + size > len(payload):
            raise ValueError("redundant audio is truncated")
        earlier.append((offset, payload[at : at + size]))
        at += size
    return first & 0x7F, payload[at:], earlier
