"""Reception of one incoming stream in its usual course: the next packet, in order, with something in it.

Rule 1: `next` takes that one and no other; what is late, early, empty or repeated is for `track`, which reads
and writes the same state.
Rule 2: reception statistics follow RFC 3550 §6.4.1 and appendix A.
Rule 3: the compiled plane has the same classes (see `engine`).
"""

from __future__ import annotations

from collections import deque

from .codecs import parse_vp8, starts_h264_keyframe
from .history import History, Packet

FRAMES_KEPT = 8
ACTIVE_LEVEL = 35
"""Audio levels of this many -dBov or less are speech (LiveKit's default)."""
MAX_JITTER_S = 10
"""A step in the sender's clock beyond this says nothing about the network."""


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


class Intake:
    """What came of one stream. Numbers are unwrapped; `codec` is as in `track.Stream`."""

    def __init__(self, codec: str, clock_rate: int, history: History) -> None:
        self.codec = codec
        self.clock_rate = clock_rate
        self._ring = history.ring
        self.rate = RateMeter()
        self.frame_times: deque[float] = deque(maxlen=FRAMES_KEPT)
        """When the last frames were complete."""
        self.top = -1
        """The newest number, -1 before the first."""
        self.removed = 0
        """How many numbers were closed up so far."""
        self.received = 0
        self.levels = self.loud = self.loudness = 0
        """Packets that said how loud they are, those of them that are speech, and the sum of these' -dBov."""
        self.last_arrival = 0.0
        self.jitter = 0.0
        """In units of the clock."""
        self.transit = 0.0
        self.timed = False
        """Whether `transit` says something."""

    def next(self, sequence: int, timestamp: int, marker: bool, payload: bytes, now: float) -> Packet | None:
        """Take in the packet that follows the newest, by its 16-bit number; None when it is another one."""
        top = self.top + 1
        if top < 1 or sequence != top & 0xFFFF or not payload:
            return None
        self.top = top
        self.received += 1
        self.note(len(payload), marker, now)
        self.note_jitter(timestamp, now)
        packet = packet_of(Packet(), self.codec, payload)
        packet.seq = seq = top - self.removed
        packet.timestamp, packet.marker = timestamp, marker
        ring = self._ring
        ring[seq & len(ring) - 1] = packet
        return packet

    def note(self, size: int, marker: bool, now: float) -> None:
        """Count a packet of `size` bytes of payload that came at `now`."""
        self.last_arrival = now
        self.rate.add(size, now)
        if marker and size:
            self.frame_times.append(now)

    def note_level(self, level: int) -> None:
        """Note an audio level (RFC 6464): 0 is loudest, 127 is silence."""
        level &= 0x7F
        self.levels += 1
        if level <= ACTIVE_LEVEL:
            self.loud += 1
            self.loudness += level

    def note_jitter(self, timestamp: int, now: float) -> None:
        """Take in how long a packet was under way (RFC 3550 §6.4.1)."""
        transit = now * self.clock_rate - timestamp
        if self.timed:
            difference = abs(transit - self.transit)
            if difference < self.clock_rate * MAX_JITTER_S:
                self.jitter += (difference - self.jitter) / 16
        self.transit, self.timed = transit, True


def packet_of(packet: Packet, codec: str, payload: bytes) -> Packet:
    """Fill in what a payload says of itself; returns the packet."""
    packet.payload = payload
    packet.vp8 = vp8 = parse_vp8(payload) if codec == "vp8" else None
    if vp8 is not None:
        packet.keyframe, packet.starts = vp8.keyframe, vp8.starts
    elif codec == "h264":
        packet.keyframe = packet.starts = starts_h264_keyframe(payload)
    else:
        packet.keyframe = packet.starts = codec == "opus"
    return packet
