"""RTP as a light client needs it: packets out of recorded frames, figures out of received packets.

Rule 1: bytes in, bytes or numbers out; no socket, no clock, no task.
Rule 2: a stream's sequence numbers, timestamps and picture numbers never jump, also where a recording starts
again; only then can a receiver tell loss from a loop.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

VIDEO_CLOCK_HZ = 90_000
MAX_PAYLOAD = 1100
"""Bytes of VP8 in one packet: with headers and SRTP it stays below a tunnel's 1280."""
MID_ID, RID_ID, REPAIRED_RID_ID, LEVEL_ID, TRANSPORT_CC_ID = 4, 10, 11, 1, 5
SPEAKING = bytes((0x80 | 30,))
"""Audio level: voice, 30 dB below the loudest (RFC 6464)."""

_HEADER = struct.Struct("!BBHII")


def extension_block(elements: dict[int, bytes]) -> bytes:
    """Return a one-byte-header extension block (RFC 8285 §4.2), or nothing for no elements."""
    if not elements:
        return b""
    body = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in elements.items())
    body += b"\0" * (-len(body) % 4)
    return struct.pack("!HH", 0xBEDE, len(body) // 4) + body


def packet(header: tuple[int, bool, int, int, int], extensions: bytes, payload: bytes) -> bytes:
    """Return one RTP packet (RFC 3550 §5.1).

    `header` is (payload type, marker, sequence number, timestamp, SSRC); `extensions` a whole block or empty.
    """
    payload_type, marker, sequence, timestamp, ssrc = header
    second = payload_type | 0x80 if marker else payload_type
    first = 0x90 if extensions else 0x80
    head = _HEADER.pack(first, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + extensions + payload


def split_vp8(frame: bytes, picture_id: int) -> list[bytes]:
    """Return the payloads of one VP8 frame, each with a descriptor and 15-bit PictureID (RFC 7741 §4.2)."""
    number = struct.pack("!H", 0x8000 | picture_id & 0x7FFF)
    pieces = [frame[at : at + MAX_PAYLOAD] for at in range(0, len(frame), MAX_PAYLOAD)]
    return [bytes((0x90 if at == 0 else 0x80, 0x80)) + number + piece for at, piece in enumerate(pieces)]


def payload_of(data: bytes) -> bytes:
    """Return the payload of a packet, without padding; empty for a packet that cannot be read."""
    size = len(data)
    at = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if size < at + 4:
            return b""
        at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
    return data[at : size - data[-1] if data[0] & 0x20 else size]


def read_extensions(data: bytes) -> dict[int, bytes]:
    """Return the one-byte-header extensions of a packet by number."""
    at = 12 + 4 * (data[0] & 0x0F)
    if not data[0] & 0x10 or data[at : at + 2] != b"\xbe\xde":
        return {}
    end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
    at += 4
    found: dict[int, bytes] = {}
    while at < min(end, len(data)):
        number, length = data[at] >> 4, (data[at] & 0x0F) + 1
        if number == 0:
            at += 1  # padding between elements
            continue
        found[number] = data[at + 1 : at + 1 + length]
        at += 1 + length
    return found


def starts_vp8_keyframe(payload: bytes) -> bool:
    """Whether a payload holds the first bytes of a keyframe (RFC 7741 §4.2, §4.3)."""
    if len(payload) < 2 or not payload[0] & 0x10 or payload[0] & 0x07:
        return False
    at = 1
    if payload[0] & 0x80:
        flags = payload[1]
        at = 2
        if flags & 0x80 and len(payload) > at:
            at += 2 if payload[at] & 0x80 else 1
        at += bool(flags & 0x40) + bool(flags & 0x30)
    return len(payload) > at and not payload[at] & 0x01


@dataclass
class Inbound:
    """What arrived of one subscribed track: distinct packets, and what they tell of those that are missing.

    Times are those of the caller's clock, in seconds.
    """

    kind: str
    packets: int = 0
    octets: int = 0
    keyframes: int = 0
    first_at: float | None = None
    last_at: float | None = None
    ssrc: int = 0
    recovered: int = 0
    _base: int = 0
    _highest: int = -1
    _missing: dict[int, float] = field(default_factory=dict)
    _expected_before: int = 0
    _received_before: int = 0
    _expected_of_others: int = 0

    @property
    def expected(self) -> int:
        """Packets the sender has numbered since the first that arrived."""
        return self._expected_of_others + self._highest - self._base + 1

    @property
    def lost(self) -> int:
        """Packets that have not arrived (yet)."""
        return max(0, self.expected - self.packets)

    def take(self, data: bytes, now: float) -> None:
        """Count one decrypted packet."""
        ssrc, sequence = int.from_bytes(data[8:12], "big"), int.from_bytes(data[2:4], "big")
        if ssrc != self.ssrc:
            self._begin(ssrc, sequence)
        if self._count(sequence, now):
            self.packets += 1
            self.octets += len(data)
            self.last_at = now
            self.first_at = now if self.first_at is None else self.first_at
            if self.kind == "video" and starts_vp8_keyframe(payload_of(data)):
                self.keyframes += 1

    def figures(self) -> dict[str, Any]:
        """Return the figures as one dictionary."""
        return {
            "kind": self.kind,
            "packets": self.packets,
            "bytes": self.octets,
            "lost": self.lost,
            "recovered": self.recovered,
            "keyframes": self.keyframes,
            "first_at": self.first_at,
            "last_at": self.last_at,
        }

    def missing(self, now: float, after_s: float = 0.03, within_s: float = 1.0) -> list[int]:
        """Return the sequence numbers worth asking for again now, and forget those that are too old."""
        for number in [n for n, since in self._missing.items() if now - since > within_s]:
            del self._missing[number]
        return [n & 0xFFFF for n, since in self._missing.items() if now - since >= after_s][:50]

    def interval_loss(self) -> int:
        """Return the share lost since the last call, in 256ths, as a receiver report states it."""
        expected, received = self.expected - self._expected_before, self.packets - self._received_before
        self._expected_before, self._received_before = self.expected, self.packets
        return min(255, max(0, (expected - received) * 256 // expected)) if expected > 0 else 0

    @property
    def highest(self) -> int:
        """The highest sequence number so far, extended to 32 bits."""
        return self._highest & 0xFFFFFFFF

    def _begin(self, ssrc: int, sequence: int) -> None:
        self._expected_of_others = self.expected
        self.ssrc, self._base, self._highest = ssrc, sequence, sequence - 1
        self._missing.clear()

    def _count(self, sequence: int, now: float) -> bool:
        step = (sequence - self._highest + 0x8000 & 0xFFFF) - 0x8000
        if step > 0:
            for number in range(self._highest + 1, self._highest + min(step, 500)):
                self._missing[number] = now
            self._highest += step
            return True
        if self._missing.pop(self._highest + step, None) is not None:
            self.recovered += 1
            return True
        return False  # a duplicate, or older than the first
