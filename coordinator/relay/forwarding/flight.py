"""Packets on their way to one subscriber: how many, how big, and what its transport-cc feedback says of them.

Rule 1: a ring of fixed size; feedback on what has fallen out of it, or on what was told before, says nothing.
Rule 2: one-way delays hold an unknown difference of clocks, so that only how far they are above the least of
the last `BASE_WINDOW_S` counts: that is the time a packet waits in queues.
Rule 3: feedback is taken in when it comes and adds up until `outcome` is asked for.
Rule 4: `alarm` is called with every message after which something was reported lost, packets wait for long,
or ever longer.
Rule 5: this measures; what follows from it is in `downlink`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice

from . import twcc
from .rtp import newer_by

KEPT = 4096
"""Packets that feedback can still be about: two seconds of a whole gallery."""
ARRIVALS_KEPT = 1024
"""Packets that the rate which arrives is found by."""
BASE_WINDOW_S = 20
"""The least delay is that of so many seconds and the one under way."""
SMOOTHING = 0.1
LONG_QUEUE_S = 0.03
"""Packets that wait for longer are worth a look at once."""
RISE_S, RISEN_S = 0.03, 0.1
"""Where the packets of two messages in a row are so much later than those before, and by now so late, a queue
builds up. A machine that stumbled gets everything at once after that."""

Sent = tuple[float, int]
"""When a packet went out in seconds, and its size in bytes."""


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
        self.rising = False
        """Whether a queue builds up, by the last three messages."""
        self.alarm: Callable[[], object] | None = None
        """Called where waiting to be asked for `outcome` is not enough."""
        self._came = self._size = 0
        self._standing = math.inf
        self._rises, self._late_s = 0, 0.0
        """Messages in a row that came later and later, and by how much the last one was late at least."""
        self.log: list[Sent | None] = [None] * KEPT
        """What went out, by the last bits of its number; None once told. One packet to many is one object."""
        self._arrived: deque[tuple[list[float], list[int]]] = deque()
        """When the packets of each message arrived, and their sizes."""
        self._arrivals = 0
        self._least: deque[tuple[int, float]] = deque(maxlen=BASE_WINDOW_S + 1)
        """The least delay of each second of arrivals."""
        self._base = 0.0

    def sent(self, size: int, now: float) -> int:
        """Note a packet going out; return its transport-wide number (unwrapped)."""
        self.number = number = self.number + 1
        self.sent_bytes += size
        self.log[number % KEPT] = now, size
        return number

    def read(self, body: bytes) -> None:
        """Take in a feedback message. Raises ValueError as `twcc.arrivals`, which reads it."""
        base, arrivals = twcc.arrivals(body)
        first = self.number + newer_by(base, self.number & 0xFFFF)
        self._hear(range(first, first + len(arrivals)), arrivals)

    def take(self, reports: Sequence[tuple[int, float | None]]) -> None:
        """Take in a feedback message that was read: (16-bit number, arrival or None)."""
        newest = self.number
        numbers = [newest + newer_by(wire, newest & 0xFFFF) for wire, _ in reports]
        self._hear(numbers, [arrival for _, arrival in reports])

    def _hear(self, numbers: Iterable[int], arrivals: Iterable[float | None]) -> None:
        newest, oldest = self.number, self.number - KEPT
        log = self.log
        came_at: list[float] = []
        sizes: list[int] = []
        queue, latest, standing = self.queue_s, self.latest_queue_s, self._standing
        second_ends, least, base = self._bounds()
        lost = total = 0
        late = math.inf
        for number, arrival in zip(numbers, arrivals, strict=True):
            sent = log[number % KEPT]
            if sent is None or not oldest < number <= newest:
                continue
            log[number % KEPT] = None
            sent_at, size = sent
            total += size
            if arrival is None:
                lost += 1
                continue
            came_at.append(arrival)
            sizes.append(size)
            delay = arrival - sent_at
            if arrival >= second_ends or delay < least:
                self._note_least(delay, arrival)
                second_ends, least, base = self._bounds()
            latest = delay - base
            queue += (latest - queue) * SMOOTHING
            standing = latest if latest < standing else standing
            late = latest if latest < late else late
        self.queue_s, self.latest_queue_s, self._standing = queue, latest, standing
        self._came, self.lost, self._size = self._came + len(sizes), self.lost + lost, self._size + total
        self.told += 1
        if sizes:
            self._keep(came_at, sizes)
            self._rises = self._rises + 1 if late >= self._late_s + RISE_S else 0
            self._late_s, self.rising = late, self._rises > 1 and late > RISEN_S
        if self.alarm is not None and (self.lost or self.rising or self.queue_s > LONG_QUEUE_S):
            self.alarm()

    def _keep(self, came_at: list[float], sizes: list[int]) -> None:
        """Note what arrived; forget messages once there is enough without them."""
        arrived = self._arrived
        arrived.append((came_at, sizes))
        self._arrivals += len(sizes)
        while self._arrivals - len(arrived[0][1]) >= ARRIVALS_KEPT:
            self._arrivals -= len(arrived.popleft()[1])

    def _bounds(self) -> tuple[float, float, float]:
        """Return when the newest second of arrivals ends, its least delay, and the least of all seconds."""
        if not self._least:
            return -math.inf, 0.0, 0.0
        second, least = self._least[-1]
        return second + 1.0, least, self._base

    def outcome(self) -> tuple[int, int, int]:
        """Return packets come, packets lost, and the bytes of both since the last call; count anew."""
        found = self._came, self.lost, self._size
        self.standing_s = self._standing if self._came else 0.0
        self.told = self.lost = self._came = self._size = 0
        self._standing = math.inf
        return found

    def _note_least(self, delay: float, arrival: float) -> None:
        second = math.floor(arrival)
        least = self._least
        if not least or second > least[-1][0]:
            least.append((second, delay))
            while least[0][0] < second - BASE_WINDOW_S:
                least.popleft()
            self._base = min(delay for _, delay in least)
        else:
            least[-1] = (least[-1][0], delay)
            self._base = min(self._base, delay)

    def arrived_bps(self, within_s: float) -> float:
        """Return the rate that reached the peer in the `within_s` before its newest arrival."""
        if not self._arrived:
            return 0.0
        newest = oldest = self._arrived[-1][0][-1]
        total = 0
        backwards = (zip(reversed(at), reversed(sizes), strict=True) for at, sizes in reversed(self._arrived))
        for at, size in islice(chain.from_iterable(backwards), ARRIVALS_KEPT):
            if newest - at > within_s:
                break
            total += size
            oldest = min(oldest, at)
        return 8 * total / max(0.1, newest - oldest)
