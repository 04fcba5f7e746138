"""The last steps of a packet to one subscriber: number, header extension, header, encryption, and out.

Rule 1: every packet of media counts in the line's `Flight`, whoever asks for it and whether or not there is
a way out yet.
Rule 2: `fan_out` sends one incoming packet to all whose `Cursor` says that it may go straight out, moves
these on, and names those left untouched where it may matter: what to do there is for `route` and `plane` to
say. To who is being sent another stream, only a keyframe matters.
Rule 3: the compiled plane has the same names and sends the same bytes (see `engine`).
Rule 4: `fan_out` spends most of a relay's time: what `Sender.send` does is written out there once more for
the usual packet, which is numbered and goes straight out. All are written and encrypted in one buffer
(everything here is synchronous).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

from pylibsrtp import _binding

from . import rtp
from .codecs import renumber_vp8, rewrite_vp8
from .cursor import NONE, Cursor
from .flight import KEPT, Flight
from .history import Packet

PACKET_OVERHEAD = 50
"""Bytes of headers and encryption around a payload."""
BUFFER_BYTES = 2048
MAX_PLAIN_BYTES = BUFFER_BYTES - 148
"""What is sent has room for SRTP's trailer: index, tag and key identifier (`SRTP_MAX_TRAILER_LEN` + 4)."""
ffi: Any = _binding.ffi
_srtp: Any = _binding.lib
_OUT = ffi.new("char[]", BUFFER_BYTES)
_VIEW = memoryview(ffi.buffer(_OUT))
_UP_TO = [_VIEW[:size] for size in range(BUFFER_BYTES + 1)]
_LENGTH = ffi.new("int *")
PROTECT: Any = _srtp.srtp_protect

NUMBERED_HEADER = 20
EXTENSION = rtp.ONE_BYTE_PROFILE << 16 | 1
Straight = tuple[Any, int, Flight, "Wire", bool, tuple[Any, ...]]
"""The straight way to one subscriber: its session of SRTP, the byte before a packet's number, where packets
count, the sockets, whether IPv6 and the address."""
SendTo = Callable[[Any, tuple[Any, ...]], int]
SendBurstTo = Callable[[Any, Any, int, tuple[Any, ...]], int]
UDP_SEGMENT = 103
"""Linux' control message for datagrams of one size in one call: the kernel cuts them (from 4.18)."""


class _Writers(dict[int, Callable[..., None]]):
    """What writes a packet with a transport-wide number in one go, by the size of its payload."""

    def __missing__(self, size: int) -> Callable[..., None]:
        self[size] = write = struct.Struct(f"!BBHIIIBHB{size}s").pack_into
        return write


WRITERS = _Writers()


class Wire:
    """The UDP sockets (-1 = none) and how many datagrams went out on them or were refused."""

    def __init__(self) -> None:
        self.four = self.six = -1
        """Their descriptors."""
        self.sent = self.refused = 0
        self.to_four: SendTo | None = None
        self.to_six: SendTo | None = None
        self.burst_to_four: SendBurstTo | None = None
        self.burst_to_six: SendBurstTo | None = None

    def open(self, four: socket.socket | None, six: socket.socket | None) -> None:
        """Send on these from now on, to IPv4 and to IPv6 addresses."""
        self.four, self.six = (-1 if each is None else each.fileno() for each in (four, six))
        self.to_four, self.to_six = (None if each is None else each.sendto for each in (four, six))
        self.burst_to_four, self.burst_to_six = map(_burst_sender, (four, six))

    def close(self) -> None:
        """Send no more."""
        self.open(None, None)


def _burst_sender(sock: socket.socket | None) -> SendBurstTo | None:
    """Return what sends a burst on a socket, or None where the system does not cut it."""
    try:
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
            return sock.sendmsg
    except OSError:
        pass
    return None


class Sender:
    """Sends to one subscriber: straight once it is aimed, else whole and in the clear through `send_rtp`."""

    def __init__(self, send_rtp: Callable[[bytes], None], flight: Flight) -> None:
        self._send_rtp = send_rtp
        self._flight = flight
        self._sealer = rtp.Sealer(0, 0)
        self.packets = 0
        """Packets sent, since the start."""
        self.straight: Straight | None = None
        """For numbered packets while aimed, else None."""
        self._session: Any = None  # None while not aimed; then the rest means nothing
        self._wire = Wire()
        self._address: tuple[Any, ...] = ()
        self._six = False
        self._owner: object = None

    def configure(self, abs_send_time_id: int, transport_cc_id: int) -> None:
        """Take over the extension numbers of a negotiation, 0 for those not accepted (see `rtp.Sealer`)."""
        self._sealer = rtp.Sealer(abs_send_time_id, transport_cc_id)
        self._straighten()

    def aim(
        self, wire: Wire, address: tuple[Any, ...], session: int, srtp_protect: int, owner: object
    ) -> bool:
        """Encrypt, and send straight to an address, from now on.

        `session` and `srtp_protect` are pointers, and `owner` keeps them alive. Returns whether this can be
        done: not to an address that is none; then `send_rtp` serves.
        """
        self.release()
        family = _family(address)
        if not (session and srtp_protect and family):
            return False
        self._wire, self._address, self._owner = wire, address, owner
        self._six = family == socket.AF_INET6
        self._session = ffi.cast("srtp_t", session)
        self._straighten()
        return True

    def release(self) -> None:
        """Send through `send_rtp` again."""
        self._session = self._owner = self.straight = None

    def _straighten(self) -> None:
        """Put together what the usual packet needs, which is then one thing to look up."""
        counted = self._session is not None and self._sealer.counts
        element, flight, wire = self._sealer.element, self._flight, self._wire
        self.straight = (self._session, element, flight, wire, self._six, self._address) if counted else None

    def send(
        self,
        payload_type: int,
        marker: bool,
        sequence: int,
        timestamp: int,
        ssrc: int,
        payload: bytes,
        now: float,
    ) -> None:
        """Send one packet; numbers are cut to what fits the wire, `now` is in seconds."""
        sealer = self._sealer
        number = self._flight.sent(len(payload) + PACKET_OVERHEAD, now) if sealer.counts else 0
        extensions = sealer.extensions(now, number)
        packet = rtp.build(payload_type, marker, sequence, timestamp, ssrc, extensions, payload)
        if self._session is None:
            self._send_rtp(packet)
        elif len(packet) <= MAX_PLAIN_BYTES:
            _VIEW[: len(packet)] = packet
            self._encrypt(len(packet))
        self.packets += 1

    def _encrypt(self, size: int) -> None:
        """Encrypt so much of the buffer and send it."""
        _LENGTH[0] = size
        wire = self._wire
        send_to = wire.to_six if self._six else wire.to_four
        if PROTECT(self._session, _OUT, _LENGTH) or send_to is None:
            return
        try:
            send_to(_UP_TO[_LENGTH[0]], self._address)
            wire.sent += 1
        except OSError:
            wire.refused += 1


def _family(address: tuple[Any, ...]) -> int | None:
    """Return the family of an address that can be sent to, or None."""
    try:
        host, port = address[:2]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.inet_pton(family, host)
    except (OSError, TypeError, ValueError):
        return None
    return family if isinstance(port, int) and 0 < port < 65536 else None


def fan_out(exits: Sequence[tuple[Cursor, Sender]], source: int, packet: Packet, now: float) -> list[int]:
    """Send a packet of the stream `source` to all that it may go straight to; return where to look closer."""
    left: list[int] = []
    seq, stamp, payload, vp8 = packet.seq, packet.timestamp, packet.payload, packet.vp8
    marker, size = 0x80 if packet.marker else 0, len(payload)
    whole, counted = size + NUMBERED_HEADER, size + PACKET_OVERHEAD
    sent = now, counted
    write, protect, view, out, length, up_to = WRITERS[size], PROTECT, _VIEW, _OUT, _LENGTH, _UP_TO
    for place, (cursor, sender) in enumerate(exits):
        if cursor.source != source or seq < cursor.first:
            if cursor.source in (source, NONE) or packet.keyframe:
                left.append(place)
            continue
        sequence = seq + cursor.shift
        timestamp = stamp + cursor.timestamp_shift & 0xFFFFFFFF
        if sequence > cursor.sequence:
            cursor.sequence, cursor.timestamp, cursor.top = sequence, timestamp, seq
            if vp8 is not None:
                cursor.picture = vp8.picture_id + cursor.picture_shift & 0x7FFF
                cursor.tl0 = vp8.tl0 + cursor.tl0_shift & 0xFF
        cursor.packets += 1
        cursor.octets += size
        cursor.sent_at = now
        other = vp8 if cursor.picture_shift or cursor.tl0_shift else None
        straight = sender.straight
        if straight is None or whole > MAX_PLAIN_BYTES:
            rewritten = payload
            if other is not None:
                rewritten = rewrite_vp8(payload, other, cursor.picture_shift, cursor.tl0_shift)
            sender.send(cursor.payload_type, packet.marker, sequence, timestamp, cursor.ssrc, rewritten, now)
            continue
        session, element, flight, wire, six, address = straight
        flight.number = number = flight.number + 1
        flight.sent_bytes += counted
        flight.log[number % KEPT] = sent
        write(
            view, 0, 0x90, cursor.payload_type | marker, sequence & 0xFFFF, timestamp, cursor.ssrc,
            EXTENSION, element, number & 0xFFFF, 0, payload,
        )  # fmt: skip
        if other is not None:
            renumber_vp8(view, NUMBERED_HEADER, other, cursor.picture_shift, cursor.tl0_shift)
        sender.packets += 1
        length[0] = whole
        send_to = wire.to_six if six else wire.to_four
        if protect(session, out, length) or send_to is None:
            continue
        try:
            send_to(up_to[length[0]], address)
            wire.sent += 1
        except OSError:
            wire.refused += 1
    return left
