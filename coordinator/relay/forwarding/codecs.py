"""The few payload bytes a forwarder must understand: where a keyframe starts, and VP8's running numbers.

Rule: read-only on input, but for `renumber_vp8`. A payload that is too short is no keyframe; it is
forwarded as it is.
"""

from __future__ import annotations


class Vp8:
    """The VP8 payload descriptor (RFC 7741 §4.2). Offsets are into the payload; 0 means absent."""

    __slots__ = ("keyframe", "picture_at", "picture_id", "picture_long", "starts", "tl0", "tl0_at")

    keyframe: bool
    starts: bool
    picture_at: int
    picture_id: int
    picture_long: bool
    tl0_at: int
    tl0: int


def parse_vp8(payload: bytes) -> Vp8 | None:
    """Read a descriptor; None when the payload is too short to hold one."""
    found = Vp8()
    found.picture_at = found.picture_id = found.tl0_at = found.tl0 = 0
    found.picture_long = False
    size = len(payload)
    if size < 1:
        return None
    first = payload[0]
    at = 1
    if first & 0x80:
        if size < 2:
            return None
        flags = payload[1]
        at = 2
        if flags & 0x80:
            if size < at + 2:
                return None
            found.picture_at = at
            found.picture_long = payload[at] > 127
            if found.picture_long:
                found.picture_id = (payload[at] & 0x7F) << 8 | payload[at + 1]
                at += 2
            else:
                found.picture_id = payload[at]
                at += 1
        if flags & 0x40:
            if size < at + 1:
                return None
            found.tl0_at, found.tl0 = at, payload[at]
            at += 1
        if flags & 0x30:
            at += 1
    if size <= at:
        return None
    found.starts = first & 0x17 == 0x10
    found.keyframe = found.starts and payload[at] & 0x01 == 0
    return found


def rewrite_vp8(payload: bytes, descriptor: Vp8, picture_shift: int, tl0_shift: int) -> bytes:
    """Return the payload with PictureID and TL0PICIDX moved on by the given amounts."""
    changed = bytearray(payload)
    renumber_vp8(changed, 0, descriptor, picture_shift, tl0_shift)
    return bytes(changed)


def renumber_vp8(
    packet: bytearray | memoryview, at: int, descriptor: Vp8, picture_shift: int, tl0_shift: int
) -> None:
    """Move on PictureID and TL0PICIDX of the payload at this place of a packet."""
    picture_at = descriptor.picture_at
    if picture_at and picture_shift:
        number = descriptor.picture_id + picture_shift
        if descriptor.picture_long:
            packet[at + picture_at] = 0x80 | number >> 8 & 0x7F
            packet[at + picture_at + 1] = number & 0xFF
        else:
            packet[at + picture_at] = number & 0x7F
    if descriptor.tl0_at and tl0_shift:
        packet[at + descriptor.tl0_at] = descriptor.tl0 + tl0_shift & 0xFF


def starts_h264_keyframe(payload: bytes) -> bool:
    """Whether this packet carries a sequence parameter set, with which a decoder can begin (RFC 6184)."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind == 24:
        return _aggregate_has_sps(payload)
    if kind in (28, 29) and len(payload) > 1:
        return payload[1] & 0x80 != 0 and payload[1] & 0x1F == 7
    return kind == 7


def _aggregate_has_sps(payload: bytes) -> bool:
    at = 1
    while at + 2 < len(payload):
        size = payload[at] << 8 | payload[at + 1]
        if payload[at + 2] & 0x1F == 7:
            return True
        at += 2 + size
    return False
