"""The way of one track to one subscriber.

Rule 1: a video route changes streams (simulcast layers) only at a keyframe of the new one; until then the old
one goes on. A new aim replaces an older one that has not been reached.
Rule 2: what goes out is one unbroken stream (see `rewriter`), on the publisher's clock where its sender
reports allow it, so that sound and picture stay together.
"""

from __future__ import annotations

from .history import Packet
from .rewriter import Rewriter
from .rtp import newer_by
from .track import Stream

RESEND_INTERVAL_S = 0.015
MAX_CLOCK_ERROR_S = 2.0


Formats = dict[str, tuple[int, int | None]]
"""By codec name: the subscriber's payload type, and the one for its retransmissions or None."""


class Route:
    """One outgoing stream. Without `rtx_ssrc`, or a payload type for it, packets are repeated as sent."""

    def __init__(self, ssrc: int, rtx_ssrc: int | None, clock_rate: int, formats: Formats) -> None:
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.clock_rate = clock_rate
        self.formats = formats
        self.payload_type, self.rtx_payload_type = next(iter(formats.values()))
        self.rtx_sequence = 1
        self.wanted: Stream | None = None
        self.current: Stream | None = None
        self.packets = 0
        self.octets = 0
        self.lost = 0.0
        """The share lost on the way to the subscriber, from its last receiver report."""
        self._streams: dict[int, Stream] = {}
        self._rewriter = Rewriter(1 + ssrc % 0x4000, 0)
        self._sent_at = 0.0
        self._resent: dict[int, float] = {}

    @property
    def waiting(self) -> bool:
        """Whether a keyframe of the wanted stream is awaited."""
        return self.wanted is not None and self.wanted is not self.current

    def aim(self, stream: Stream | None) -> bool:
        """Send this stream from its next keyframe on, or nothing; True when a keyframe is needed for it."""
        self.wanted = stream
        if stream is None:
            self.current = None
        return self.waiting

    def forward(self, stream: Stream, packet: Packet, now: float) -> tuple[int, int, bytes] | None:
        """Return (sequence, timestamp, payload) to send for a packet that came in, or None."""
        if stream is not self.current:
            if stream is not self.wanted or not packet.keyframe or stream.codec not in self.formats:
                return None
            self._begin(stream, packet, now)
        mapped = self._rewriter.map(stream.ssrc, packet)
        if mapped is not None:
            self.packets += 1
            self.octets += len(mapped[2])
            self._sent_at = now
        return mapped

    def _begin(self, stream: Stream, packet: Packet, now: float) -> None:
        self._rewriter.splice(stream.ssrc, packet, self._next_timestamp(stream, packet, now))
        self._streams[stream.ssrc] = stream
        self.payload_type, self.rtx_payload_type = self.formats[stream.codec]
        self.current = stream

    def _next_timestamp(self, stream: Stream, packet: Packet, now: float) -> int:
        if self.packets == 0:
            return packet.timestamp
        last = self._rewriter.timestamp
        by_arrival = last + max(1, int((now - self._sent_at) * self.clock_rate))
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

    def resend(self, sequence: int, now: float) -> tuple[Packet, int, int, bytes] | None:
        """Find what went out under `sequence` (16 bits): (packet, sequence, timestamp, payload), or None.

        None as well when it was repeated a moment ago.
        """
        if now - self._resent.get(sequence, -1e9) < RESEND_INTERVAL_S:
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
        return packet, *mapped

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
