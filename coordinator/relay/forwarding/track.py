"""What comes in from a publisher: one `Stream` per SSRC, one or more streams per track.

Rule 1: numbers are unwrapped, and closed up over padding-only packets (some senders pad with hundreds a
second), so that subscribers never see them as losses.
Rule 2: a duplicate is dropped here; a gap is noted for NACK here; a late packet is passed on.
Rule 3: reception statistics follow RFC 3550 §6.4.1 and appendix A.
"""

from __future__ import annotations

from collections import deque

from .codecs import parse_vp8, starts_h264_keyframe
from .history import History, Packet
from .nack import NackTracker
from .rtcp import Block
from .rtp import Header, newer_by

VIDEO_HISTORY, AUDIO_HISTORY = 1024, 256
VIDEO_NACK_AGE_S, AUDIO_NACK_AGE_S = 1.0, 0.4
STALLED_FRAMES = 5
"""A layer that misses so many frames of another one is not being sent."""
JUMP = 1000
"""A step in sequence numbers that means a new beginning, not a loss."""


class Stream:
    """One SSRC from a publisher. `codec` is "vp8", "h264" or "opus"; `quality` is models.VideoQuality."""

    def __init__(self, ssrc: int, codec: str, clock_rate: int, quality: int) -> None:
        video = codec != "opus"
        self.ssrc = ssrc
        self.codec = codec
        self.quality = quality
        self.clock_rate = clock_rate
        self.history = History(VIDEO_HISTORY if video else AUDIO_HISTORY)
        self.missing = NackTracker(VIDEO_NACK_AGE_S if video else AUDIO_NACK_AGE_S)
        self.last_arrival = 0.0
        self.last_report: tuple[int, int, float] | None = None
        """The publisher's last sender report: (ntp, timestamp, when it came)."""
        self.keyframe_asked = -1e9
        self.rate = RateMeter()
        self.frame_times: deque[float] = deque(maxlen=8)
        """When the last frames were complete."""
        self._top = -1
        self._base = self._origin = 0
        self._received = 0
        self._jitter = 0.0
        self._transit: float | None = None
        self._reported = (0, 0)
        self._removed = 0
        self._removed_at: dict[int, int] = {}
        self._seen: dict[int, bool] = {}

    def receive(
        self, header: Header, payload: bytes, now: float, *, repeated: bool = False, copied: bool = False
    ) -> Packet | None:
        """Take one packet in; None when it must not be passed on (duplicate, padding).

        `repeated` marks a retransmission, which says nothing about jitter; `copied` one that was lost and
        came as a copy inside another, which still counts as lost in reports (RFC 3550 §6.4.1).
        """
        seq, ahead = self._unwrap(header.sequence)
        if seq in self._seen or seq < self._base:
            return None
        self._note_gap(seq, ahead, now)
        self._seen[seq] = True
        self._received += not copied
        self.last_arrival = now
        self.rate.add(len(payload), now)
        if not repeated:
            self._note_jitter(header.timestamp, now)
        if not payload and ahead > 0:
            self._removed += 1
            self._trim(seq)
            return None
        if header.marker:
            self.frame_times.append(now)
        late = self._removed_at.pop(seq, None)
        packet = self._packet(header, payload, seq - (self._removed if late is None else late))
        self.history.put(packet)
        self._trim(seq)
        return packet

    def misses(self, sequence: int) -> bool:
        """Whether a packet near the newest, by its 16-bit number, has not come."""
        if self._top < 0:
            return False
        seq = self._top + newer_by(sequence, self._top & 0xFFFF)
        return seq >= self._base and seq not in self._seen

    def _unwrap(self, sequence: int) -> tuple[int, int]:
        if self._top < 0:
            self._top = self._base = self._origin = sequence + 0x10000
            return self._top, 1
        ahead = newer_by(sequence, self._top & 0xFFFF)
        if abs(ahead) > JUMP:  # the sender began anew: go on after what came before, and count no losses
            ahead += 0x10000 if ahead < 0 else 0
            self._received += ahead - 1
        return self._top + ahead, ahead

    def _note_gap(self, seq: int, ahead: int, now: float) -> None:
        if ahead <= 0:
            self.missing.arrived(seq)
            return
        if seq > self._top + 1:
            self.missing.gap(self._top + 1, seq - 1, now)
            for number in range(max(self._top + 1, seq - JUMP), seq):
                self._removed_at[number] = self._removed
        self._top = max(self._top, seq)

    def _trim(self, seq: int) -> None:
        if len(self._seen) > 4096:
            self._seen = {number: True for number in self._seen if number > self._top - 2048}
            self._removed_at = {k: v for k, v in self._removed_at.items() if k > self._top - 2048}
            self._base = max(self._base, self._top - 2048)

    def _note_jitter(self, timestamp: int, now: float) -> None:
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate * 10:
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit

    def _packet(self, header: Header, payload: bytes, seq: int) -> Packet:
        packet = Packet()
        packet.seq = seq
        packet.timestamp = header.timestamp
        packet.marker = header.marker
        packet.payload = payload
        packet.vp8 = parse_vp8(payload) if self.codec == "vp8" else None
        if packet.vp8 is not None:
            packet.keyframe, packet.starts = packet.vp8.keyframe, packet.vp8.starts
        elif self.codec == "h264":
            packet.keyframe = packet.starts = starts_h264_keyframe(payload)
        else:
            packet.keyframe = packet.starts = self.codec == "opus"
        return packet

    def live(self, now: float, within_s: float = 1.0) -> bool:
        """Whether anything came lately."""
        return now - self.last_arrival < within_s

    def outrun_by(self, other: Stream) -> bool:
        """Whether another layer goes on while this one has stopped: its publisher suspended it."""
        return sum(1 for at in other.frame_times if at > self.last_arrival + 0.1) >= STALLED_FRAMES

    def report(self, now: float) -> Block | None:
        """Return the report block for the publisher, or None before the first packet."""
        if self._top < 0:
            return None
        expected = self._top - self._origin + 1
        was_expected, was_received = self._reported
        fresh, lost = expected - was_expected, (expected - was_expected) - (self._received - was_received)
        self._reported = (expected, self._received)
        share = lost / fresh if fresh > 0 and lost > 0 else 0.0
        last_sr, delay = 0, 0.0
        if self.last_report is not None:
            ntp, _, came = self.last_report
            last_sr, delay = ntp >> 16 & 0xFFFFFFFF, now - came
        total = max(0, expected - self._received)
        return Block(self.ssrc, share, total, self._top, int(self._jitter), last_sr, delay)


class RateMeter:
    """Bits per second over the last few seconds: each second counts a third, so that bursts even out."""

    def __init__(self) -> None:
        self._since = 0.0
        self._bytes = 0
        self._smooth: float | None = None

    def add(self, size: int, now: float) -> None:
        """Count `size` bytes at `now` (seconds)."""
        elapsed = now - self._since
        if elapsed >= 1.0:
            rate = 8 * self._bytes / elapsed
            fresh = elapsed > 3.0
            if self._smooth is None or fresh:
                self._smooth = None if fresh else rate
            else:
                self._smooth += (rate - self._smooth) / 3
            self._since, self._bytes = now, 0
        self._bytes += size

    def bps(self, now: float) -> float:
        """Return the rate; 0 when nothing was counted for two seconds."""
        elapsed = now - self._since
        if elapsed > 2.0:
            return 0.0
        return self._smooth if self._smooth is not None else 8 * self._bytes / max(elapsed, 0.5)
