"""From the door to all who get it, for packets in their usual course.

Rule 1: a packet is of this path when its stream and payload type were put here, when it is the next of its
stream, and when it is written as senders do: no padding, no contributing sources, header extensions with
elements of one byte. Nothing has been touched of one that is not: it goes to `uplink` whole.
Rule 2: what is done here with a packet is what `rtp.parse`, `uplink` and `track` would do, step by step; it
is written once more because it is done for nearly every packet.
Rule 3: what came in one go goes out in one go: `hold` keeps packets of a stream that follow one another until
`settle`, which sends them to one subscriber after the other (see `burst`). All else settles first, so that
it comes to the same as if each had been sent when it came.
Rule 4: the compiled plane has the same class (see `engine`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from .burst import MAX_BURST, fan_out_burst
from .cursor import Cursor
from .history import Packet
from .intake import Intake
from .sender import Sender, fan_out
from .twcc import Recorder

MANY_EXITS, MANY_PACKETS = 2, 3
"""For fewer, going together saves less than it costs in Python."""
_FIXED = struct.Struct("!BBHII")
_Source = tuple[
    tuple[int, ...], Intake, list[tuple[Cursor, Sender]],
    Callable[[Packet, float], None], Callable[[Packet, list[int], float], None],
]  # fmt: skip


class FastPath:
    """The usual packets of one participant; `recorder` notes when they came, feedback goes to `send_rtcp`."""

    def __init__(self, recorder: Recorder, send_rtcp: Callable[[bytes], object]) -> None:
        self.received = 0
        """Packets taken, since the start."""
        self._recorder = recorder
        self._send_rtcp = send_rtcp
        self._counted_id = self._level_id = 0
        self._sources: dict[int, _Source] = {}
        self._held: list[tuple[Packet, float]] = []
        self._held_ssrc = self._held_size = 0
        self._held_source: _Source | None = None

    def configure(self, counted_id: int, level_id: int) -> None:
        """Take over the extension numbers of transport-wide numbers and of audio levels, 0 for none."""
        self._counted_id, self._level_id = counted_id, level_id

    def forget(self) -> None:
        """Take no packets any more; what is held still goes out."""
        self._sources = {}

    def put(
        self,
        ssrc: int,
        types: tuple[int, ...],
        intake: Intake,
        exits: list[tuple[Cursor, Sender]],
        forward: Callable[[Packet, float], None],
        forward_left: Callable[[Packet, list[int], float], None],
    ) -> None:
        """Take the packets of a stream with one of these payload types.

        They go out at `exits`; where one may not go straight, `forward_left(packet, places, now)` is called,
        and `forward(packet, now)` instead of both with a keyframe, which somebody may wait for.
        """
        self._sources[ssrc] = types, intake, exits, forward, forward_left

    def take(self, data: bytes, now: float) -> bool:
        """Take a packet all the way, at `now` in seconds; False when it is not for this path."""
        taken = self.hold(data, now)
        self.settle()
        return taken

    def hold(self, data: bytes, now: float) -> bool:
        """Take a packet, which may wait for `settle`; False when it is not for this path."""
        size = len(data)
        if size < 16:
            return False
        first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
        source = self._sources.get(ssrc)
        if source is None or first & 0xEF != 0x80:
            return False
        types, intake, exits, forward, forward_left = source
        if second & 0x7F not in types or intake.top < 0 or sequence != intake.top + 1 & 0xFFFF:
            return False
        at, number_at, level_at = 12, 0, 0
        if first == 0x90:
            at, number_at, level_at = self._extension(data)
            if not at:
                return False
        if at == size:
            return False
        self.received += 1
        if number_at:
            self._recorder.arrived(data[number_at] << 8 | data[number_at + 1], now)
        if level_at and intake.codec == "opus":
            intake.note_level(data[level_at])
        packet = intake.next(sequence, timestamp, second > 127, data[at:], now)
        if packet is None:
            return True
        if packet.keyframe and intake.codec != "opus":
            try:
                self.settle()
            finally:  # what goes wrong with others costs this one nothing
                forward(packet, now)
            if now >= self._recorder.due_at:
                self._answer(ssrc, now)
            return True
        if len(exits) >= MANY_EXITS:
            self._keep(ssrc, source, packet, size - at, now)
            return True
        try:
            self.settle()
        finally:
            if left := fan_out(exits, ssrc, packet, now):
                forward_left(packet, left, now)
        if now >= self._recorder.due_at:
            self._answer(ssrc, now)
        return True

    def _extension(self, data: bytes) -> tuple[int, int, int]:
        """Return where a header extension ends, and where its number and its level are; 0 where not."""
        at, number_at, level_at, end = 16, 0, 0, 16 + 4 * (data[14] << 8 | data[15])
        if data[12] != 0xBE or data[13] != 0xDE or end > len(data):
            return 0, 0, 0
        while at < end:
            element = data[at]
            if element == 0:
                at += 1
                continue
            which = element >> 4
            if which in (0, 15):
                return 0, 0, 0
            if which == self._counted_id:
                number_at = at + 1 if element & 0x0F else 0
            elif which == self._level_id:
                level_at = at + 1
            at += 2 + (element & 0x0F)
        return (end if at == end else 0), number_at, level_at

    def _keep(self, ssrc: int, source: _Source, packet: Packet, size: int, now: float) -> None:
        """Let a packet wait, even where letting go of others fails."""
        try:
            if self._held and (
                self._held_source is not source or size > self._held_size or len(self._held) == MAX_BURST
            ):
                self.settle()
        finally:
            if not self._held:
                self._held_ssrc, self._held_source, self._held_size = ssrc, source, size
            elif size < self._held_size:
                self._held_size = 0
            self._held.append((packet, now))

    def settle(self) -> None:
        """Send what was held, and feedback where it is due."""
        held, source = self._held, self._held_source
        if not held or source is None:
            return
        self._held = []
        _, _, exits, _, forward_left = source
        together = len(held) >= MANY_PACKETS
        left = fan_out_burst(exits, self._held_ssrc, held) if together else []
        fault: Exception | None = None
        for packet, now in held if left or not together else ():
            places = left if together else fan_out(exits, self._held_ssrc, packet, now)
            try:
                if places:
                    forward_left(packet, places, now)
            except Exception as error:  # it costs one packet
                fault = error
        if fault is not None:
            raise fault
        if held[-1][1] >= self._recorder.due_at:
            self._answer(self._held_ssrc, held[-1][1])

    def _answer(self, ssrc: int, now: float) -> None:
        """Send the feedback that is due."""
        if feedback := self._recorder.packet(ssrc, now):
            self._send_rtcp(feedback)
