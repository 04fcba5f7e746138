"""Players: RTP streams that replay a recording, and the one timer that drives all of them.

Rule 1: a player has no clock; it is asked what is due at a moment and answers with finished packets.
Rule 2: timestamps follow the clock, so a pause or a stalled process leaves a gap in time, never a burst.
Rule 3: one timer a process, whatever the number of players: waking per packet would cost more than sending.
"""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Callable
from typing import ClassVar
from weakref import WeakKeyDictionary

from aiortc.rtp import RtcpSenderInfo

from . import rtp
from .recording import Recording

TICK_S = 0.01
BURST = 16
"""Packets of one stream in one tick: a large keyframe is spread over several."""
HISTORY = 512
MAX_BEHIND = 5
"""Frames sent late at most, after the process was held up."""

_log = logging.getLogger(__name__)


class Player:
    """One stream: `recording` as RTP of `payload_type` and `ssrc`, its packets marked with `names`.

    `names` are header extensions that tell the receiver what the stream is; they are left out once it has
    shown, by feedback, that it knows (`acknowledge`). `always` are extensions of every packet.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        payload_type: int,
        ssrc: int,
        names: dict[int, bytes],
        always: dict[int, bytes],
        now: float,
    ) -> None:
        self.ssrc = ssrc
        self.paused = False
        self.packets = self.octets = self.keyframes = self.restarts = 0
        self._recording, self._payload_type = recording, payload_type
        self._always = rtp.extension_block(always)
        self._extensions = rtp.extension_block(names | always)
        self._started = now
        self._frame = self._at = 0
        self._sequence = ssrc & 0x7FFF
        self._first_timestamp = (ssrc * 2654435761) & 0xFFFFFFFF
        self._queue: deque[bytes] = deque()
        self._history: list[tuple[int, bytes] | None] = [None] * HISTORY

    def acknowledge(self) -> None:
        """The receiver knows the stream by its SSRC now."""
        self._extensions = self._always

    def restart(self) -> None:
        """Go on with the keyframe, as a camera asked by PLI does."""
        self.restarts += 1
        self._at = 0

    def pause(self, paused: bool) -> None:
        """Stop or go on; a picture goes on with its keyframe."""
        if self.paused and not paused:
            self._at = 0
        self.paused = paused

    def due(self, now: float) -> list[bytes]:
        """Return the packets to send at `now`, in order."""
        wanted = int((now - self._started) * self._recording.clock_hz / self._recording.step)
        if self.paused:
            self._frame = wanted + 1
            self._queue.clear()
            return []
        self._frame = max(self._frame, wanted - MAX_BEHIND)
        while self._frame <= wanted:
            self._queue.extend(self._packets())
            self._frame += 1
        return [self._queue.popleft() for _ in range(min(BURST, len(self._queue)))]

    def again(self, sequences: list[int]) -> list[bytes]:
        """Return the packets asked for by NACK, as far as they are still kept."""
        kept = (self._history[sequence % HISTORY] for sequence in sequences)
        return [
            entry[1]
            for entry, sequence in zip(kept, sequences, strict=True)
            if entry and entry[0] == sequence
        ]

    def report(self, now: float, ntp: int) -> RtcpSenderInfo:
        """Return what a sender report says at `now`, which is `ntp` on the wall."""
        elapsed = int((now - self._started) * self._recording.clock_hz)
        return RtcpSenderInfo(
            ntp_timestamp=ntp,
            rtp_timestamp=(self._first_timestamp + elapsed) & 0xFFFFFFFF,
            packet_count=self.packets & 0xFFFFFFFF,
            octet_count=self.octets & 0xFFFFFFFF,
        )

    def _packets(self) -> list[bytes]:
        """Number the packets of the next frame of the loop."""
        frame = self._recording.frames[self._at]
        video = self._recording.picture is not None
        self.keyframes += video and self._at == 0
        self._at = (self._at + 1) % len(self._recording.frames)
        payloads = rtp.split_vp8(frame, self._frame) if video else [frame]
        timestamp = self._first_timestamp + self._frame * self._recording.step
        finished = []
        for number, payload in enumerate(payloads, 1):
            marker = video and number == len(payloads)
            header = (self._payload_type, marker, self._sequence, timestamp, self.ssrc)
            packet = rtp.packet(header, self._extensions, payload)
            self._history[self._sequence % HISTORY] = (self._sequence, packet)
            self._sequence = (self._sequence + 1) & 0xFFFF
            self.packets += 1
            self.octets += len(payload)
            finished.append(packet)
        return finished


class Pacer:
    """Calls every member with the loop's time, every `TICK_S`."""

    _of_loop: ClassVar["WeakKeyDictionary[asyncio.AbstractEventLoop, Pacer]"] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._members: dict[Callable[[float], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def here(cls) -> "Pacer":
        """Return the pacer of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in cls._of_loop:
            cls._of_loop[loop] = cls()
        return cls._of_loop[loop]

    def add(self, tick: Callable[[float], None]) -> None:
        """Call `tick(now)` from now on."""
        self._members[tick] = None
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._run)

    def remove(self, tick: Callable[[float], None]) -> None:
        """Call it no more. Unknown members are no error."""
        self._members.pop(tick, None)

    def _run(self) -> None:
        now = self._loop.time()
        for tick in list(self._members):
            try:
                tick(now)
            except Exception:
                _log.exception("a simulated client failed; it is left out from now on")
                self.remove(tick)
        self._timer = self._loop.call_later(TICK_S, self._run) if self._members else None


def ntp_of(unix_s: float) -> int:
    """Return a moment as NTP's 64 bits (RFC 5905 §6)."""
    return int((unix_s + 2_208_988_800) * 2**32) & 0xFFFFFFFFFFFFFFFF


def middle_of(ntp: int) -> int:
    """Return the middle 32 bits of an NTP time, as reports quote it (RFC 3550 §6.4.1)."""
    return int(struct.unpack("!I", struct.pack("!Q", ntp)[2:6])[0])
