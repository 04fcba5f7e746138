"""RTCP: reading what peers say, writing what the relay says (RFC 3550 §6, RFC 4585, RFC 5104).

Rule 1: a compound packet is read part by part; an unknown part is skipped, a truncated one ends the reading.
Rule 2: transport-cc bodies are passed on unread (see `twcc`).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
OWN_SSRC = 1
"""The SSRC under which the relay reports; peers never send with it."""
MAX_TOGETHER_BYTES = 1200
"""What there is to say at one time goes out as one packet up to this size."""
_SENDER_REPORT, _BLOCK = struct.Struct("!BBHIQIII"), struct.Struct("!IIIIII")


@dataclass(slots=True)
class Block:
    """One report block: what its sender received of `ssrc`. `lost` is a share 0..1; delays in seconds."""

    ssrc: int
    lost: float
    total_lost: int
    highest: int
    jitter: int
    last_sr: int
    delay_s: float


@dataclass(slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    timestamp: int


@dataclass(slots=True)
class Reports:
    blocks: tuple[Block, ...]


@dataclass(slots=True)
class Nack:
    ssrc: int
    sequences: tuple[int, ...]


@dataclass(slots=True)
class KeyframeRequest:
    ssrc: int


@dataclass(slots=True)
class Remb:
    bitrate_bps: int


@dataclass(slots=True)
class TransportFeedback:
    body: bytes


@dataclass(slots=True)
class Bye:
    ssrcs: tuple[int, ...]


Part = SenderReport | Reports | Nack | KeyframeRequest | Remb | TransportFeedback | Bye


def parse(data: bytes) -> list[Part]:
    """Read a compound packet as far as it is whole."""
    parts: list[Part] = []
    at = 0
    while at + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            break
        body = data[at + 4 : end]
        count = first & 0x1F
        if first & 0x20 and body:
            body = body[: max(0, len(body) - body[-1])]
        parts.extend(_read(kind, count, body))
        at = end
    return parts


def only_feedback(data: bytes) -> bytes | None:
    """Return the body of a packet that is transport feedback alone, as nearly all are; else None."""
    if len(data) < 20 or data[0] & 0xDF != 0x80 | 15 or data[1] != RTPFB:
        return None
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    return data[12:end] if len(data) == 4 + 4 * (data[2] << 8 | data[3]) and end >= 20 else None


def only_good_reports(data: bytes) -> bool:
    """Whether a compound packet holds nothing but reports without loss, and descriptions."""
    at = 0
    while at + 4 <= len(data):
        end, kind = at + 4 + 4 * (data[at + 2] << 8 | data[at + 3]), data[at + 1]
        start = at + (28 if kind == SR else 8)
        blocks = range(start, start + 24 * (data[at] & 0x1F), 24) if kind != SDES else range(0)
        if data[at] & 0xE0 != 0x80 or end > len(data) or kind not in (SR, RR, SDES):
            return False
        if blocks and (blocks[-1] + 24 > end or any(data[block + 4] for block in blocks)):
            return False
        at = end
    return at == len(data) and at > 0


def _read(kind: int, count: int, body: bytes) -> Iterable[Part]:
    if kind == SR and len(body) >= 24:
        ssrc, ntp, timestamp = struct.unpack_from("!IQI", body)
        return (SenderReport(ssrc, ntp, timestamp), Reports(_blocks(body[24:], count)))
    if kind == RR and len(body) >= 4:
        return (Reports(_blocks(body[4:], count)),)
    if kind == BYE:
        return (Bye(struct.unpack_from(f"!{min(count, len(body) // 4)}I", body)),)
    if kind == RTPFB and len(body) >= 8:
        return _read_transport_feedback(count, body)
    if kind == PSFB and len(body) >= 8:
        return _read_payload_feedback(count, body)
    return ()


def _blocks(data: bytes, count: int) -> tuple[Block, ...]:
    blocks = []
    whole = memoryview(data)[: 24 * min(count, len(data) // 24)]
    for ssrc, loss, highest, jitter, last_sr, delay in _BLOCK.iter_unpack(whole):
        total = loss & 0xFFFFFF
        total = total - 0x1000000 if total & 0x800000 else total
        blocks.append(Block(ssrc, (loss >> 24) / 256, total, highest, jitter, last_sr, delay / 65536))
    return tuple(blocks)


def _read_transport_feedback(fmt: int, body: bytes) -> Iterable[Part]:
    if fmt == 15:
        return (TransportFeedback(body[8:]),)
    if fmt != 1:
        return ()
    (ssrc,) = struct.unpack_from("!I", body, 4)
    sequences: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, mask = struct.unpack_from("!HH", body, at)
        sequences.append(first)
        sequences.extend(first + bit + 1 & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return (Nack(ssrc, tuple(sequences)),)


def _read_payload_feedback(fmt: int, body: bytes) -> Iterable[Part]:
    (ssrc,) = struct.unpack_from("!I", body, 4)
    if fmt == 1:
        return (KeyframeRequest(ssrc),)
    if fmt == 4:
        return tuple(
            KeyframeRequest(struct.unpack_from("!I", body, at)[0]) for at in range(8, len(body) - 7, 8)
        )
    if fmt == 15 and body[8:12] == b"REMB" and len(body) >= 16:
        exponent = body[13] >> 2
        mantissa = (body[13] & 3) << 16 | body[14] << 8 | body[15]
        return (Remb(mantissa << exponent),)
    return ()


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def receiver_report(blocks: Sequence[Block]) -> bytes:
    """Return a receiver report on at most 31 streams."""
    body = struct.pack("!I", OWN_SSRC)
    for block in blocks[:31]:
        loss = min(255, int(block.lost * 256)) << 24 | max(0, min(block.total_lost, 0x7FFFFF))
        body += struct.pack(
            "!IIIIII", block.ssrc, loss, block.highest & 0xFFFFFFFF, block.jitter & 0xFFFFFFFF,
            block.last_sr, int(block.delay_s * 65536) & 0xFFFFFFFF,
        )  # fmt: skip
    return _packet(RR, min(len(blocks), 31), body)


def sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, cname: str) -> bytes:
    """Return a sender report with the SDES that a compound packet must have."""
    report = _SENDER_REPORT.pack(
        0x80, SR, 6, ssrc, ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    return report + _description(ssrc, cname)


@functools.lru_cache(maxsize=4096)
def _description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    item = struct.pack("!IBB", ssrc, 1, len(name)) + name + b"\0"
    return _packet(SDES, 1, item + bytes(-len(item) % 4))


def nack(ssrc: int, sequences: Iterable[int]) -> bytes:
    """Return a generic NACK for sequence numbers in rising order (RFC 4585 §6.2.1)."""
    body = struct.pack("!II", OWN_SSRC, ssrc)
    first: int | None = None
    mask = 0
    for sequence in sequences:
        if first is not None and 0 < (sequence - first & 0xFFFF) <= 16:
            mask |= 1 << (sequence - first & 0xFFFF) - 1
            continue
        if first is not None:
            body += struct.pack("!HH", first, mask)
        first, mask = sequence & 0xFFFF, 0
    if first is not None:
        body += struct.pack("!HH", first, mask)
    return _packet(RTPFB, 1, body)


def pli(ssrc: int) -> bytes:
    """Return a picture loss indication (RFC 4585 §6.3.1)."""
    return _packet(PSFB, 1, struct.pack("!II", OWN_SSRC, ssrc))


def transport_feedback(ssrc: int, body: bytes) -> bytes:
    """Return transport-wide feedback around a body made by `twcc`; `ssrc` is any of the sender's."""
    whole = struct.pack("!II", OWN_SSRC, ssrc) + body
    padding = -len(whole) % 4
    if not padding:
        return _packet(RTPFB, 15, whole)
    whole += bytes(padding - 1) + bytes((padding,))
    return struct.pack("!BBH", 0xA0 | 15, RTPFB, len(whole) // 4) + whole
