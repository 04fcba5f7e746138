"""RTP packets as far as a forwarder needs them: header, header extensions, and a fresh header to send.

Rule 1: bytes in, values out; anything that does not parse is a `ValueError`, never a guess.
Rule 2: payloads are never decoded, only their first bytes are looked at (see `codecs`).
"""

from __future__ import annotations

import struct

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"

ONE_BYTE_PROFILE = 0xBEDE
_FIXED = struct.Struct("!BBHII")
_U16 = struct.Struct("!H")


class Header:
    """The fields of one RTP packet; `payload_at` and `payload_end` are offsets into it."""

    __slots__ = (
        "extensions",
        "marker",
        "payload_at",
        "payload_end",
        "payload_type",
        "sequence",
        "ssrc",
        "timestamp",
    )

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_at: int
    payload_end: int
    extensions: dict[int, bytes]


def parse(data: bytes) -> Header:
    """Read one RTP packet (RFC 3550 §5.1, RFC 8285). Raises ValueError for anything malformed."""
    size = len(data)
    if size < 12:
        raise ValueError("RTP packet is shorter than its header")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != 2:
        raise ValueError("not RTP version 2")
    header = Header()
    header.marker = second > 127
    header.payload_type = second & 0x7F
    header.sequence = sequence
    header.timestamp = timestamp
    header.ssrc = ssrc
    at = 12 + 4 * (first & 0x0F)
    if first & 0x10:
        if at + 4 > size:
            raise ValueError("RTP extension header is truncated")
        end = at + 4 + 4 * (data[at + 2] << 8 | data[at + 3])
        if end > size:
            raise ValueError("RTP extension is truncated")
        header.extensions = _read_extensions(data, data[at] << 8 | data[at + 1], at + 4, end)
        at = end
    else:
        header.extensions = {}
    header.payload_at = at
    header.payload_end = size - data[-1] if first & 0x20 else size
    if header.payload_end < at:
        raise ValueError("RTP padding is longer than the packet")
    return header


def _read_extensions(data: bytes, profile: int, at: int, end: int) -> dict[int, bytes]:
    """Read the elements of a one-byte or two-byte extension block (RFC 8285 §4.2, §4.3)."""
    two_byte = profile & 0xFFF0 == 0x1000
    found: dict[int, bytes] = {}
    if not two_byte and profile != ONE_BYTE_PROFILE:
        return found
    while at < end:
        element = data[at]
        at += 1
        if element == 0:
            continue
        if two_byte:
            if at == end:
                break
            at += 1
            stop = at + data[at - 1]
        else:
            stop = at + (element & 0x0F) + 1
            element >>= 4
            if element == 15:
                break
        found[element] = data[at:stop] if stop <= end else data[at:end]
        at = stop
    return found


class Sealer:
    """Writes header extensions for one subscriber: transport-cc where accepted, else abs-send-time."""

    def __init__(self, abs_send_time_id: int, transport_cc_id: int) -> None:
        block = struct.pack("!HH", ONE_BYTE_PROFILE, 1)
        self.counts = 0 < transport_cc_id < 15
        """Whether packets carry a transport-wide number, so that feedback can be expected."""
        self._timed = not self.counts and 0 < abs_send_time_id < 15
        element = transport_cc_id << 4 | 1 if self.counts else abs_send_time_id << 4 | 2
        self.element = element & 0xFF
        """The byte before the value."""
        self._head = block + bytes((self.element,))

    def extensions(self, now: float, transport_sequence: int) -> bytes:
        """Return the extension block for a packet sent at `now` (seconds), or nothing."""
        if self.counts:
            return self._head + (transport_sequence << 8 & 0xFFFFFF).to_bytes(3, "big")
        if self._timed:
            return self._head + (int(now * 262144) & 0xFFFFFF).to_bytes(3, "big")  # 6.18 fixed point
        return b""


def build(
    payload_type: int,
    marker: bool,
    sequence: int,
    timestamp: int,
    ssrc: int,
    extensions: bytes,
    payload: bytes,
) -> bytes:
    """Return one RTP packet; `extensions` is a whole extension block or empty."""
    return (
        _FIXED.pack(
            0x90 if extensions else 0x80,
            payload_type | 0x80 if marker else payload_type,
            sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            ssrc,
        )
        + extensions
        + payload
    )


def padding(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, extensions: bytes, size: int
) -> bytes:
    """Return a packet of `size` bytes (1..255) of padding and nothing else (RFC 3550 §5.1)."""
    head = build(payload_type, False, sequence, timestamp, ssrc, extensions, bytes(size - 1) + bytes((size,)))
    return bytes((head[0] | 0x20,)) + head[1:]


def wrap_rtx(original_sequence: int, payload: bytes) -> bytes:
    """Return the payload of a retransmission (RFC 4588 §4)."""
    return _U16.pack(original_sequence & 0xFFFF) + payload


def unwrap_rtx(payload: bytes) -> tuple[int, bytes]:
    """Return (original sequence number, payload) of a retransmission. Raises ValueError when empty."""
    if len(payload) < 2:
        raise ValueError("empty retransmission")
    return int.from_bytes(payload[:2], "big"), payload[2:]


def newer_by(a: int, b: int, bits: int = 16) -> int:
    """Return the signed distance a - b on a circle of 2**bits."""
    half = 1 << (bits - 1)
    return ((a - b + half) & ((1 << bits) - 1)) - half
