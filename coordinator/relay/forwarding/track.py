"""What comes in from a publisher: one `Stream` per SSRC, one or more streams per track.

Rule 1: numbers are unwrapped, and closed up over padding-only packets (some senders pad with hundreds a
second), so that subscribers never see them as losses.
Rule 2: a duplicate is dropped here; a gap is noted for NACK here; a late packet is passed on.
Rule 3: what comes in its usual course is taken in by `intake`, all else here.
"""

from __future__ import annotations

from .engine import Intake, Packet, RateMeter
from .history import History
from .intake import packet_of
from .nack import NackTracker
from .rtcp import Block
from .rtp import Header, newer_by

VIDEO_HISTORY, AUDIO_HISTORY = 1024, 256
VIDEO_NACK_AGE_S, AUDIO_NACK_AGE_S = 1.0, 0.4
STALLED_FRAMES = 5
"""A layer that misses so many frames of another one is not being sent."""
JUMP = 1000
"""A step in sequence numbers that means a new beginning, not a loss."""
LATEST = 2048
"""What is older by so many numbers is dropped."""


class Stream:
    """One SSRC from a publisher. `codec` is "vp8", "h264" or "opus"; `quality` is models.VideoQuality."""

    def __init__(self, ssrc: int, codec: str, clock_rate: int, quality: int) -> None:
        video = codec != "opus"
        self.ssrc = ssrc
        self.codec = codec
        self.quality = quality
        self.clock_rate = clock_rate
        self.history = History(VIDEO_HISTORY if video else AUDIO_HISTORY)
        self.intake = Intake(codec, clock_rate, self.history)
        self.missing = NackTracker(VIDEO_NACK_AGE_S if video else AUDIO_NACK_AGE_S)
        self.last_report: tuple[int, int, float] | None = None
        """The publisher's last sender report: (ntp, timestamp, when it came)."""
        self._base = self._origin = 0
        self._reported = (0, 0)
        self._gaps: dict[int, int] = {}
        """Numbers that have not come, and how many were closed up before each."""

    @property
    def last_arrival(self) -> float:
        """When anything came last, in seconds."""
        return self.intake.last_arrival

    @property
    def rate(self) -> RateMeter:
        """How much comes."""
        return self.intake.rate

    def receive(
        self, header: Header, payload: bytes, now: float, *, repeated: bool = False, copied: bool = False
    ) -> Packet | None:
        """Take one packet in; None when it must not be passed on (duplicate, padding).

        `repeated` marks a retransmission, which says nothing about jitter; `copied` one that was lost and
        came as a copy inside another, which still counts as lost in reports (RFC 3550 §6.4.1).
        """
        intake = self.intake
        if not (repeated or copied):
            packet = intake.next(header.sequence, header.timestamp, header.marker, payload, now)
            if packet is not None:
                return packet
        seq, ahead = self._unwrap(header.sequence)
        if self._came(seq) or seq < max(self._base, intake.top - LATEST):
            return None
        self._note_gap(seq, ahead, now)
        intake.received += not copied
        intake.note(len(payload), header.marker, now)
        if not repeated:
            intake.note_jitter(header.timestamp, now)
        if not payload and ahead > 0:
            intake.removed += 1
            return None
        before = self._gaps.pop(seq, None)
        packet = packet_of(Packet(), self.codec, payload)
        packet.seq = seq - (intake.removed if before is None else before)
        packet.timestamp, packet.marker = header.timestamp, header.marker
        self.history.put(packet)
        return packet

    def misses(self, sequence: int) -> bool:
        """Whether a packet near the newest, by its 16-bit number, has not come."""
        top = self.intake.top
        if top < 0:
            return False
        seq = top + newer_by(sequence, top & 0xFFFF)
        return seq >= self._base and not self._came(seq)

    def _came(self, seq: int) -> bool:
        return self._base <= seq <= self.intake.top and seq not in self._gaps

    def _unwrap(self, sequence: int) -> tuple[int, int]:
        top = self.intake.top
        if top < 0:
            self._base = self._origin = sequence + 0x10000
            self.intake.top = self._base - 1
            return self._base, 1
        ahead = newer_by(sequence, top & 0xFFFF)
        if abs(ahead) > JUMP:  # the sender began anew: go on after what came before, and count no losses
            ahead += 0x10000 if ahead < 0 else 0
            self.intake.received += ahead - 1
        return top + ahead, ahead

    def _note_gap(self, seq: int, ahead: int, now: float) -> None:
        if ahead <= 0:
            self.missing.arrived(seq)
            return
        top = self.intake.top
        if seq > top + 1:
            self.missing.gap(top + 1, seq - 1, now)
            for number in range(max(top + 1, seq - JUMP), seq):
                self._gaps[number] = self.intake.removed
            self._gaps = {number: before for number, before in self._gaps.items() if number > seq - LATEST}
            self._base = max(self._base, seq - LATEST)
        self.intake.top = seq

    def live(self, now: float, within_s: float = 1.0) -> bool:
        """Whether anything came lately."""
        return now - self.last_arrival < within_s

    def outrun_by(self, other: Stream) -> bool:
        """Whether another layer goes on while this one has stopped: its publisher suspended it."""
        return sum(1 for at in other.intake.frame_times if at > self.last_arrival + 0.1) >= STALLED_FRAMES

    def report(self, now: float) -> Block | None:
        """Return the report block for the publisher, or None before the first packet."""
        if self.intake.top < 0:
            return None
        expected, received = self.intake.top - self._origin + 1, self.intake.received
        was_expected, was_received = self._reported
        fresh, lost = expected - was_expected, (expected - was_expected) - (received - was_received)
        self._reported = (expected, received)
        share = lost / fresh if fresh > 0 and lost > 0 else 0.0
        last_sr, delay = 0, 0.0
        if self.last_report is not None:
            ntp, _, came = self.last_report
            last_sr, delay = ntp >> 16 & 0xFFFFFFFF, now - came
        total = max(0, expected - received)
        return Block(self.ssrc, share, total, self.intake.top, int(self.intake.jitter), last_sr, delay)
