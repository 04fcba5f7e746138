"""Packets on their way to one subscriber: how many, how big, and what its transport-cc feedback says of them.

Rule 1: a ring of fixed size; feedback on what has fallen out of it, or on what was told before, says nothing.
Rule 2: one-way delays hold an unknown difference of clocks, so that only how far they are above the least of
the last `BASE_WINDOW_S` counts: that is the time a packet waits in queues.
Rule 3: feedback is taken in when it comes and adds up until `outcome` is asked for.
Rule 4: this measures; what follows from it is in `downlink`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from . import twcc
from .rtp import newer_by

KEPT = 4096
"""Packets that feedback can still be about: two seconds of a whole gallery."""
BASE_WINDOW_S = 20
"""The least delay is that of so many seconds and the one under way."""
SMOOTHING = 0.1


class Flight:
    """What one line was sent. Times in seconds, sizes in bytes; arrivals are on the peer's clock."""

    def __init__(self) -> None:
        self.number = 0
        """The transport-wide number of the newest packet (unwrapped)."""
        self.sent_bytes = 0
        self.queue_s = self.latest_queue_s = self.standing_s = 0.0
        """How long packets wait: smoothed, the last one, and the least of those in the last `outcome`."""
        self.told = self.lost = 0
        """Feedback messages taken in, and packets that they report lost, since the last `outcome`."""
        self._came = self._size = 0
        self._standing = math.inf
        self._sent: list[tuple[int, float, int] | None] = [None] * KEPT
        self._arrived: deque[tuple[float, int]] = deque(maxlen=KEPT)
        self._least: deque[tuple[int, float]] = deque(maxlen=BASE_WINDOW_S + 1)
        """The least delay of each second of arrivals."""
        self._base = 0.0

    def sent(self, size: int, now: float) -> int:
        """Note a packet going out; return its transport-wide number (unwrapped)."""
        self.number = number = self.number + 1
        self.sent_bytes += size
        self._sent[number % KEPT] = (number, now, size)
        return number

    def read(self, body: bytes) -> None:
        """Take in a feedback message (see `twcc.read`, which raises ValueError)."""
        self.take(twcc.read(body))

    def take(self, reports: Iterable[tuple[int, float | None]]) -> None:
        """Take in a feedback message that was read: (16-bit number, arrival or None)."""
        sent, newest = self._sent, self.number
        for wire, arrival in reports:
            number = newest + newer_by(wire, newest & 0xFFFF)
            known = sent[number % KEPT]
            if known is None or known[0] != number:
                continue
            sent[number % KEPT] = None
            self._size += known[2]
            if arrival is None:
                self.lost += 1
                continue
            self._came += 1
            self._arrived.append((arrival, known[2]))
            self._note_delay(arrival - known[1], arrival)
            self._standing = min(self._standing, self.latest_queue_s)
        self.told += 1

    def outcome(self) -> tuple[int, int, int]:
        """Return packets come, packets lost, and the bytes of both since the last call; count anew."""
        found = self._came, self.lost, self._size
        self.standing_s = self._standing if self._came else 0.0
        self.told = self.lost = self._came = self._size = 0
        self._standing = math.inf
        return found

    def _note_delay(self, delay: float, arrival: float) -> None:
        second = int(arrival // 1)
        least = self._least
        if not least or second > least[-1][0]:
            least.append((second, delay))
            while least[0][0] < second - BASE_WINDOW_S:
                least.popleft()
            self._base = min(delay for _, delay in least)
        elif delay < least[-1][1]:
            least[-1] = (least[-1][0], delay)
            self._base = min(self._base, delay)
        self.latest_queue_s = delay - self._base
        self.queue_s += (self.latest_queue_s - self.queue_s) * SMOOTHING

    def arrived_bps(self, within_s: float) -> float:
        """Return the rate that reached the peer in the `within_s` before its newest arrival."""
        if not self._arrived:
            return 0.0
        newest = oldest = self._arrived[-1][0]
        total = 0
        for at, size in reversed(self._arrived):
            if newest - at > within_s:
                break
            total += size
            oldest = min(oldest, at)
        return 8 * total / max(0.1, newest - oldest)
