"""Packets of one stream that came in one go, to each subscriber in one go.

Rule 1: this comes to the same as `sender.fan_out` with each packet: what is kept of a subscriber is read and
written once, and the kernel is called once.
Rule 2: in one call go datagrams of one size, of which the last may be smaller; the kernel cuts them
(UDP_SEGMENT). Where it cannot, or not on this way, they go out one by one.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

from .codecs import renumber_vp8, rewrite_vp8
from .cursor import NONE, Cursor
from .flight import KEPT
from .history import Packet
from .sender import (
    _EXTENSION, _NUMBERED_HEADER, _PROTECT, _WRITERS, BUFFER_BYTES, MAX_PLAIN_BYTES, PACKET_OVERHEAD,
    UDP_SEGMENT, Sender, _ffi,
)  # fmt: skip

MAX_BURST = 16
_OUTS = [_ffi.new("char[]", BUFFER_BYTES) for _ in range(MAX_BURST)]
_VIEWS = [memoryview(_ffi.buffer(out)) for out in _OUTS]
_UP_TO = [[view[:size] for size in range(BUFFER_BYTES + 1)] for view in _VIEWS]
_LENGTH = _ffi.new("int *")


class _Cuts(dict[int, list[tuple[int, int, bytes]]]):
    """What tells the kernel the size of the datagrams in a burst."""

    def __missing__(self, size: int) -> list[tuple[int, int, bytes]]:
        self[size] = cut = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("@H", size))]
        return cut


_CUTS = _Cuts()


def fan_out_burst(
    exits: Sequence[tuple[Cursor, Sender]], source: int, burst: Sequence[tuple[Packet, float]]
) -> list[int]:
    """Send packets that follow one another, none a keyframe, as `sender.fan_out`, each as of its time."""
    left: list[int] = []
    first, (last, at) = burst[0][0].seq, burst[-1]
    newest, stamp, vp8 = last.seq, last.timestamp, last.vp8
    count, total = len(burst), sum(len(packet.payload) for packet, _ in burst)
    parts = [
        (
            packet, now, 0x80 if packet.marker else 0, packet.seq, packet.timestamp, packet.payload,
            len(packet.payload) + PACKET_OVERHEAD, len(packet.payload) + _NUMBERED_HEADER,
            _WRITERS[len(packet.payload)], out, view, up_to,
        )
        for (packet, now), out, view, up_to in zip(burst, _OUTS, _VIEWS, _UP_TO, strict=False)
    ]  # fmt: skip
    counted_all = total + count * PACKET_OVERHEAD
    too_large = parts[0][7] > MAX_PLAIN_BYTES
    protect, length = _PROTECT, _LENGTH
    for place, (cursor, sender) in enumerate(exits):
        if cursor.source != source or first < cursor.first:
            if cursor.source in (source, NONE):
                left.append(place)
            continue
        shift, timestamp_shift = cursor.shift, cursor.timestamp_shift
        if newest + shift > cursor.sequence:
            cursor.sequence, cursor.top = newest + shift, newest
            cursor.timestamp = stamp + timestamp_shift & 0xFFFFFFFF
            if vp8 is not None:
                cursor.picture = vp8.picture_id + cursor.picture_shift & 0x7FFF
                cursor.tl0 = vp8.tl0 + cursor.tl0_shift & 0xFF
        cursor.packets += count
        cursor.octets += total
        cursor.sent_at = at
        payload_type, ssrc = cursor.payload_type, cursor.ssrc
        renumbered = cursor.picture_shift or cursor.tl0_shift
        session, sealer = sender._session, sender._sealer
        if session is None or not sealer.counts or too_large:
            for packet, now, _, seq, timestamp, payload, *_ in parts:
                if renumbered and packet.vp8 is not None:
                    payload = rewrite_vp8(payload, packet.vp8, cursor.picture_shift, cursor.tl0_shift)
                timestamp = timestamp + timestamp_shift & 0xFFFFFFFF
                sender.send(payload_type, packet.marker, seq + shift, timestamp, ssrc, payload, now)
            continue
        flight, element = sender._flight, sealer.element
        times, sizes, number = flight.times, flight.sizes, flight.number
        datagrams = []
        for packet, now, marker, seq, timestamp, payload, counted, whole, write, out, view, up_to in parts:
            number += 1
            times[number % KEPT] = now
            sizes[number % KEPT] = counted
            write(
                view, 0, 0x90, payload_type | marker, seq + shift & 0xFFFF,
                timestamp + timestamp_shift & 0xFFFFFFFF, ssrc, _EXTENSION, element, number & 0xFFFF, 0, payload,
            )  # fmt: skip
            if renumbered and packet.vp8 is not None:
                renumber_vp8(view, _NUMBERED_HEADER, packet.vp8, cursor.picture_shift, cursor.tl0_shift)
            length[0] = whole
            if not protect(session, out, length):
                datagrams.append(up_to[length[0]])
        flight.number = number
        flight.sent_bytes += counted_all
        sender.packets += count
        wire = sender._wire
        send_burst_to = wire.burst_to_six if sender._six else wire.burst_to_four
        address = sender._address
        if send_burst_to is not None and len(datagrams) == count:
            try:
                send_burst_to(datagrams, _CUTS[len(datagrams[0])], 0, address)
                wire.sent += count
                continue
            except OSError:
                pass
        send_to = wire.to_six if sender._six else wire.to_four
        if send_to is None:
            continue
        for datagram in datagrams:
            try:
                send_to(datagram, address)
                wire.sent += 1
            except OSError:
                wire.refused += 1
    return left
