"""The last steps of a packet to one subscriber: number, header extensions, header, and out.

Rule 1: every packet of media counts in the line's `Flight`, whoever asks for it and whether or not there is
a way out yet.
Rule 2: `fan_out` sends one incoming packet to all whose `Cursor` says that it may go straight out, moves
these on, and names those left untouched where it may matter: what to do there is for `route` and `plane` to
say. To who is being sent another stream, only a keyframe matters.
Rule 3: the compiled plane has the same names and sends the same bytes (see `engine`); what it has more is
that `aim` lets it encrypt and send without coming back here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import rtp
from .codecs import rewrite_vp8
from .cursor import NONE, Cursor
from .flight import Flight
from .history import Packet

PACKET_OVERHEAD = 50
"""Bytes of headers and encryption around a payload."""


class Wire:
    """The UDP sockets' descriptors (-1 = none), and how many datagrams went out on them or were refused."""

    def __init__(self) -> None:
        self.four = self.six = -1
        self.sent = self.refused = 0


class Sender:
    """Sends to one subscriber through `send_rtp`, which gets whole packets in the clear."""

    def __init__(self, send_rtp: Callable[[bytes], None], flight: Flight) -> None:
        self._send_rtp = send_rtp
        self._flight = flight
        self._sealer = rtp.Sealer(0, 0)
        self.packets = 0
        """Packets sent, since the start."""

    def configure(self, abs_send_time_id: int, transport_cc_id: int) -> None:
        """Take over the extension numbers of a negotiation, 0 for those not accepted (see `rtp.Sealer`)."""
        self._sealer = rtp.Sealer(abs_send_time_id, transport_cc_id)

    def aim(
        self, wire: Wire, address: tuple[str, int], session: int, srtp_protect: int, owner: object
    ) -> bool:
        """Send straight to an address; `session` and `srtp_protect` are pointers, `owner` keeps them alive.

        Returns whether this is done: never here, everything goes through `send_rtp`.
        """
        return False

    def release(self) -> None:
        """Send through `send_rtp` again."""

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
        self._send_rtp(rtp.build(payload_type, marker, sequence, timestamp, ssrc, extensions, payload))
        self.packets += 1


def fan_out(exits: Sequence[tuple[Cursor, Sender]], source: int, packet: Packet, now: float) -> list[int]:
    """Send a packet of the stream `source` to all that it may go straight to; return where to look closer."""
    left: list[int] = []
    vp8 = packet.vp8
    seq, size = packet.seq, len(packet.payload)
    for place, (cursor, sender) in enumerate(exits):
        if cursor.source != source or seq < cursor.first:
            if cursor.source in (source, NONE) or packet.keyframe:
                left.append(place)
            continue
        sequence = seq + cursor.shift
        timestamp = packet.timestamp + cursor.timestamp_shift & 0xFFFFFFFF
        payload = packet.payload
        if vp8 is not None and (cursor.picture_shift or cursor.tl0_shift):
            payload = rewrite_vp8(payload, vp8, cursor.picture_shift, cursor.tl0_shift)
        if sequence > cursor.sequence:
            cursor.sequence, cursor.timestamp, cursor.top = sequence, timestamp, seq
            if vp8 is not None:
                cursor.picture = vp8.picture_id + cursor.picture_shift & 0x7FFF
                cursor.tl0 = vp8.tl0 + cursor.tl0_shift & 0xFF
        cursor.packets += 1
        cursor.octets += size
        cursor.sent_at = now
        sender.send(cursor.payload_type, packet.marker, sequence, timestamp, cursor.ssrc, payload, now)
    return left
