"""Packets of one stream that came in one go, to each subscriber in one go.

Rule 1: this comes to the same as `sender.fan_out` with each packet: what is kept of a subscriber is read and
written once, and the kernel is called once.
Rule 2: in one call go datagrams of one size, of which the last may be smaller; the kernel cuts them
(UDP_SEGMENT). Where it cannot, or not on this way, they go out one by one.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Any

from .codecs import renumber_vp8, rewrite_vp8
from .cursor import NONE, Cursor
from .flight import KEPT, Flight
from .history import Packet
from .sender import (
    BUFFER_BYTES,
    EXTENSION,
    MAX_PLAIN_BYTES,
    NUMBERED_HEADER,
    PACKET_OVERHEAD,
    PROTECT,
    UDP_SEGMENT,
    WRITERS,
    Sender,
    Wire,
    ffi,
)

MAX_BURST = 16
_OUTS = [ffi.new("char[]", BUFFER_BYTES) for _ in range(MAX_BURST)]
_LENGTH = ffi.new("int *")
Held = Sequence[tuple[Packet, float]]
"""Packets, and when they came in seconds."""


class _Cuts(dict[int, list[tuple[int, int, bytes]]]):
    """What tells the kernel the size of the datagrams in a burst."""

    def __missing__(self, size: int) -> list[tuple[int, int, bytes]]:
        self[size] = cut = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("@H", size))]
        return cut


class _Views(dict[int, memoryview]):
    """So much of a buffer, by the number of bytes."""

    def __init__(self, out: Any) -> None:
        super().__init__()
        self.whole = memoryview(ffi.buffer(out))

    def __missing__(self, size: int) -> memoryview:
        self[size] = view = self.whole[:size]
        return view


_CUTS = _Cuts()
_VIEWS = [_Views(out) for out in _OUTS]


def fan_out_burst(exits: Sequence[tuple[Cursor, Sender]], source: int, burst: Held) -> list[int]:
    """Send packets that follow one another as `sender.fan_out`, each as of its time.

    None is a keyframe, but of sound, which all are.
    """
    left: list[int] = []
    (first, _), (last, at) = burst[0], burst[-1]
    described = next((packet for packet, _ in reversed(burst) if packet.vp8 is not None), last)
    octets = sum(len(packet.payload) for packet, _ in burst)
    parts = _parts(burst)
    for place, (cursor, sender) in enumerate(exits):
        if cursor.source != source or first.seq < cursor.first:
            if cursor.source in (source, NONE) or first.keyframe:
                left.append(place)
            continue
        _move_on(cursor, last, described, at)
        cursor.packets += len(burst)
        cursor.octets += octets
        straight = sender.straight
        if straight is None or parts is None:
            _send_each(cursor, sender, burst)
            continue
        session, element, flight, wire, six, address = straight
        flight.sent_bytes += octets + len(burst) * PACKET_OVERHEAD
        sender.packets += len(burst)
        _send(_sealed(cursor, session, element, flight, parts), wire, six, address)
    return left


def _parts(burst: Held) -> list[tuple[Any, ...]] | None:
    """Return what the packets are for all, with a buffer for each; None where they are too large for it."""
    parts: list[tuple[Any, ...]] = []
    for (packet, now), out, views in zip(burst, _OUTS, _VIEWS, strict=False):
        payload, size = packet.payload, len(packet.payload)
        if size + NUMBERED_HEADER > MAX_PLAIN_BYTES:
            return None
        parts.append((
            (now, size + PACKET_OVERHEAD), 0x80 if packet.marker else 0, packet.seq, packet.timestamp,
            payload, packet.vp8, size + NUMBERED_HEADER, WRITERS[size], out, views.whole, views,
        ))  # fmt: skip
    return parts


def _move_on(cursor: Cursor, last: Packet, described: Packet, at: float) -> None:
    """Note the last packet that goes out, and the last that says which picture it is of."""
    vp8 = described.vp8
    if vp8 is not None and described.seq + cursor.shift > cursor.sequence:
        cursor.picture = vp8.picture_id + cursor.picture_shift & 0x7FFF
        cursor.tl0 = vp8.tl0 + cursor.tl0_shift & 0xFF
    if last.seq + cursor.shift > cursor.sequence:
        cursor.sequence, cursor.top = last.seq + cursor.shift, last.seq
        cursor.timestamp = last.timestamp + cursor.timestamp_shift & 0xFFFFFFFF
    cursor.sent_at = at


def _send_each(cursor: Cursor, sender: Sender, burst: Held) -> None:
    """Send one by one."""
    for packet, now in burst:
        payload, timestamp = packet.payload, packet.timestamp + cursor.timestamp_shift & 0xFFFFFFFF
        if packet.vp8 is not None and (cursor.picture_shift or cursor.tl0_shift):
            payload = rewrite_vp8(payload, packet.vp8, cursor.picture_shift, cursor.tl0_shift)
        sequence = packet.seq + cursor.shift
        sender.send(cursor.payload_type, packet.marker, sequence, timestamp, cursor.ssrc, payload, now)


def _sealed(
    cursor: Cursor, session: Any, element: int, flight: Flight, parts: list[tuple[Any, ...]]
) -> list[memoryview]:
    """Number, write and encrypt packets; return them."""
    payload_type, ssrc, shift, timestamp_shift = (
        cursor.payload_type, cursor.ssrc, cursor.shift, cursor.timestamp_shift
    )  # fmt: skip
    picture_shift, tl0_shift = cursor.picture_shift, cursor.tl0_shift
    log, number, protect, length = flight.log, flight.number, PROTECT, _LENGTH
    datagrams: list[memoryview] = []
    for sent, marker, seq, timestamp, payload, vp8, whole, write, out, view, views in parts:
        number += 1
        log[number % KEPT] = sent
        write(
            view, 0, 0x90, payload_type | marker, seq + shift & 0xFFFF,
            timestamp + timestamp_shift & 0xFFFFFFFF, ssrc, EXTENSION, element, number & 0xFFFF, 0, payload,
        )  # fmt: skip
        if vp8 is not None and (picture_shift or tl0_shift):
            renumber_vp8(view, NUMBERED_HEADER, vp8, picture_shift, tl0_shift)
        length[0] = whole
        if not protect(session, out, length):
            datagrams.append(views[length[0]])
    flight.number = number
    return datagrams


def _send(datagrams: list[memoryview], wire: Wire, six: bool, address: tuple[Any, ...]) -> None:
    """Send encrypted packets, all as long as the first but the last, which may be shorter."""
    together = wire.burst_to_six if six else wire.burst_to_four
    if together is not None and datagrams:
        try:
            together(datagrams, _CUTS[len(datagrams[0])], 0, address)
            wire.sent += len(datagrams)
            return
        except OSError:
            pass
    send_to = wire.to_six if six else wire.to_four
    if send_to is None:
        return
    for datagram in datagrams:
        try:
            send_to(datagram, address)
            wire.sent += 1
        except OSError:
            wire.refused += 1
