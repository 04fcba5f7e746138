"""The way of one track to one subscriber.

Rule 1: a video route changes streams (simulcast layers) only at a keyframe of the new one; until then the old
one goes on. A new aim replaces an older one that has not been reached.
Rule 2: what goes out is one unbroken stream (see `rewriter`), on the publisher's clock where its sender
reports allow it, so that sound and picture stay together.
Rule 3: what was sent with copies of earlier sound is repeated byte for byte: one number is never encrypted
over two different payloads.
"""

from __future__ import annotations

from . import red
from .cursor import NONE
from .engine import Cursor
from .history import Packet
from .rewriter import Rewriter
from .rtp import newer_by
from .track import Stream

RESEND_INTERVAL_S = 0.015
MAX_CLOCK_ERROR_S = 2.0
WRAPPED_KEPT = 64


Formats = dict[str, tuple[int, int | None]]
"""By codec name: the subscriber's payload type, and the one for its retransmissions or None."""


class Route:
    """One outgoing stream. Without `rtx_ssrc`, or a payload type for it, packets are repeated as sent."""

    def __init__(self, ssrc: int, rtx_ssrc: int | None, clock_rate: int, formats: Formats) -> None:
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.clock_rate = clock_rate
        self.formats = formats
        self.video = clock_rate == 90000
        payload_type, self.rtx_payload_type = next(iter(formats.values()))
        self.cursor = Cursor(ssrc, 1 + ssrc % 0x4000, payload_type)
        self.rtx_sequence = 1
        self.wanted: Stream | None = None
        self.current: Stream | None = None
        self.lost = 0.0
        """The share lost on the way to the subscriber, from its last receiver report."""
        self._copies = 0
        self._paced = False
        self._streams: dict[int, Stream] = {}
        self._rewriter = Rewriter(self.cursor)
        self._resent: dict[int, float] = {}
        self._wrapped: dict[int, bytes] = {}
        self._copied = False
        self._ended = -1

    @property
    def copies(self) -> int:
        """How many earlier frames each packet of sound carries, for a line that loses packets."""
        return self._copies

    @copies.setter
    def copies(self, copies: int) -> None:
        self._copies = copies
        self._steer()

    @property
    def paced(self) -> bool:
        """Whether packets may have to wait, so that somebody has to look at each."""
        return self._paced

    @paced.setter
    def paced(self, paced: bool) -> None:
        self._paced = paced
        self._steer()

    def _steer(self) -> None:
        """Say whether the packets of the current stream may go straight out (see `cursor`)."""
        straight = self.current is not None and not (self._copies or self._wrapped or self._paced)
        self.cursor.source = self.current.ssrc if straight and self.current is not None else NONE

    @property
    def waiting(self) -> bool:
        """Whether a keyframe of the wanted stream is awaited."""
        return self.wanted is not None and self.wanted is not self.current

    def aim(self, stream: Stream | None, *, at_once: bool = False) -> bool:
        """Send this stream from its next keyframe on, or nothing; True when a keyframe is needed for it.

        `at_once` stops what is being sent now, without waiting for that keyframe, and repeats nothing of it.
        """
        self.wanted = stream
        if at_once and stream is not self.current:
            self._ended = self.cursor.sequence
        if stream is None or (at_once and stream is not self.current):
            self.current = None
            self._steer()
        return self.waiting

    def forward(self, stream: Stream, packet: Packet, now: float) -> tuple[int, int, bytes] | None:
        """Return (sequence, timestamp, payload) to send for a packet that came in, or None."""
        if stream is not self.current:
            if stream is not self.wanted or not packet.keyframe or stream.codec not in self.formats:
                return None
            self._begin(stream, packet, now)
        mapped = self._rewriter.map(stream.ssrc, packet)
        if mapped is not None:
            cursor = self.cursor
            cursor.packets += 1
            cursor.octets += len(mapped[2])
            cursor.sent_at = now
            if self._copies or self._wrapped:
                return self._with_copies(stream, packet, mapped)
        return mapped

    @property
    def takes_copies(self) -> bool:
        """Whether the subscriber reads redundant audio."""
        return "red" in self.formats

    def _with_copies(
        self, stream: Stream, packet: Packet, mapped: tuple[int, int, bytes]
    ) -> tuple[int, int, bytes]:
        """Put earlier frames before a frame of sound, and set the payload type that says so."""
        plain = self.formats[stream.codec][0]
        self._forget_wrapped()
        if not self._copies or not self.takes_copies:
            self.cursor.payload_type = plain
            self._steer()
            return mapped
        earlier = (stream.history.get(packet.seq - back) for back in range(self._copies, 0, -1))
        blocks = [(packet.timestamp - e.timestamp & 0xFFFFFFFF, e.payload) for e in earlier if e is not None]
        sequence, timestamp, payload = mapped
        wrapped = red.wrap(plain, blocks, payload)
        self.cursor.payload_type = self.formats["red"][0]
        self._wrapped[sequence & 0xFFFF] = wrapped
        self._copied = True
        return sequence, timestamp, wrapped

    def _forget_wrapped(self) -> None:
        while self._wrapped and self._age(oldest := next(iter(self._wrapped))) > WRAPPED_KEPT:
            del self._wrapped[oldest]

    def _age(self, sequence: int) -> int:
        return self.cursor.sequence - sequence & 0xFFFF

    def _begin(self, stream: Stream, packet: Packet, now: float) -> None:
        self._rewriter.splice(stream.ssrc, packet, self._next_timestamp(stream, packet, now))
        self._streams[stream.ssrc] = stream
        self.cursor.payload_type, self.rtx_payload_type = self.formats[stream.codec]
        self.current = stream
        self._steer()

    def _next_timestamp(self, stream: Stream, packet: Packet, now: float) -> int:
        cursor = self.cursor
        if cursor.packets == 0:
            return packet.timestamp
        last = cursor.timestamp
        by_arrival = last + max(1, int((now - cursor.sent_at) * self.clock_rate))
        by_reports = self._timestamp_by_reports(stream, packet)
        if by_reports is not None:
            ahead = newer_by(by_reports & 0xFFFFFFFF, last, 32)
            error = newer_by(by_reports & 0xFFFFFFFF, by_arrival & 0xFFFFFFFF, 32)
            if ahead > 0 and abs(error) < MAX_CLOCK_ERROR_S * self.clock_rate:
                return by_reports & 0xFFFFFFFF
        return by_arrival & 0xFFFFFFFF

    def _timestamp_by_reports(self, stream: Stream, packet: Packet) -> int | None:
        """Return where the packet lies on the outgoing clock, from both streams' sender reports."""
        piece = self._rewriter.current
        old = self._streams.get(piece.source) if piece else None
        if piece is None or old is None or old.last_report is None or stream.last_report is None:
            return None
        old_ntp, old_timestamp, _ = old.last_report
        new_ntp, new_timestamp, _ = stream.last_report
        since = newer_by(packet.timestamp, new_timestamp, 32) / self.clock_rate
        between = (new_ntp - old_ntp) / (1 << 32)
        return old_timestamp + piece.timestamp_shift + round((since + between) * self.clock_rate)

    def resend(
        self, sequence: int, now: float, interval_s: float = RESEND_INTERVAL_S
    ) -> tuple[Packet, int, int, bytes] | None:
        """Find what went out under `sequence` (16 bits): (packet, sequence, timestamp, payload), or None.

        None as well when it was repeated less than `interval_s` ago, when what it belonged to was ended at
        once, and for old sound on a line that has needed copies.
        """
        age = self._age(sequence)
        if (self._copied and age > WRAPPED_KEPT - 1) or self.cursor.sequence - age <= self._ended:
            return None
        if now - self._resent.get(sequence, -1e9) < interval_s:
            return None
        origin = self._rewriter.origin(sequence)
        stream = self._streams.get(origin[0]) if origin else None
        packet = stream.history.get(origin[1]) if stream is not None and origin is not None else None
        if packet is None or origin is None:
            return None
        mapped = self._rewriter.map(origin[0], packet)
        if mapped is None:
            return None
        if len(self._resent) > 512:
            self._resent.clear()
        self._resent[sequence] = now
        return packet, mapped[0], mapped[1], self._wrapped.get(sequence, mapped[2])

    def withdraw(self, sequence: int) -> None:
        """Never repeat what was given up before it went out."""
        self._resent[sequence & 0xFFFF] = 1e18

    def repeat_type(self, sequence: int) -> int:
        """Return the payload type under which `sequence` (16 bits) is repeated in its own stream."""
        if self.video:
            return self.cursor.payload_type
        name = "red" if sequence & 0xFFFF in self._wrapped else "opus"
        return self.formats[name][0] if name in self.formats else self.cursor.payload_type

    def knows(self, sequence: int) -> bool:
        """Whether what went out under `sequence` can still be answered (a recent repeat counts)."""
        origin = self._rewriter.origin(sequence)
        stream = self._streams.get(origin[0]) if origin else None
        return stream is None or origin is None or stream.history.get(origin[1]) is not None

    def report_timestamp(self, stream: Stream, timestamp: int) -> int | None:
        """Translate the RTP timestamp of a sender report, or None when this stream is not being sent."""
        piece = self._rewriter.current
        if stream is not self.current or piece is None:
            return None
        return timestamp + piece.timestamp_shift & 0xFFFFFFFF
