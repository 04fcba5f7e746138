"""How much a subscriber's line carries, from its transport-cc feedback, receiver reports and REMB.

Rule 1: until the first sign of congestion the line is taken to be good, and the estimate doubles each clean
second (a conference must not need minutes to open its pictures).
Rule 2: growing delay or loss lowers the estimate at once to a little under what arrived.
Rule 3: after that it grows only when the line has been clean for `CLEAN_S`, one step per `STEP_S`.
"""

from __future__ import annotations

from collections import deque

from .rtp import newer_by

START_BPS = 2_500_000.0
MIN_BPS = 30_000.0
MAX_BPS = 100_000_000.0
CLEAN_S = 10.0
STEP_S = 5.0
STEP_FACTOR = 1.3
QUEUE_LIMIT_S = 0.15
LOSS_LIMIT = 0.10
BASE_WINDOW_S = 20.0
BACK_OFF_INTERVAL_S = 0.6


class Downlink:
    """The estimate for one subscriber; times in seconds on one clock, rates in bit/s."""

    def __init__(self) -> None:
        self.budget_bps = START_BPS
        self.rtt_s = 0.1
        self.loss = 0.0
        self.remb_bps = 0.0
        self._sent: dict[int, tuple[float, int]] = {}
        self._number = 0
        self._arrived: deque[tuple[float, int]] = deque()
        self._base: deque[tuple[float, float]] = deque()
        self._queue_s = 0.0
        self._learning = True
        self._grew_at = 0.0
        self._bad_at = -1e9
        self._backed_off_at = -1e9

    def sent(self, size: int, now: float) -> int:
        """Note a packet going out; return its transport-wide number (unwrapped)."""
        self._number += 1
        self._sent[self._number] = (now, size)
        if len(self._sent) > 8192:
            for number in list(self._sent)[:4096]:
                del self._sent[number]
        return self._number

    def feedback(self, reports: list[tuple[int, float | None]], now: float) -> None:
        """Take in transport-cc feedback: (16-bit number, arrival on the peer's clock or None)."""
        lost = came = 0
        for wire, arrival in reports:
            number = self._number + newer_by(wire, self._number & 0xFFFF)
            known = self._sent.pop(number, None)
            if known is None:
                continue
            if arrival is None:
                lost += 1
                continue
            came += 1
            self._arrived.append((arrival, known[1]))
            self._note_delay(arrival - known[0], arrival)
        if came + lost >= 1:
            self.loss += (lost / (came + lost) - self.loss) * min(1.0, (came + lost) / 100)
        self._judge(now)

    def _note_delay(self, delay: float, arrival: float) -> None:
        while self._base and self._base[-1][1] >= delay:
            self._base.pop()
        self._base.append((arrival, delay))
        while self._base and arrival - self._base[0][0] > BASE_WINDOW_S:
            self._base.popleft()
        queued = delay - self._base[0][1]
        self._queue_s += (queued - self._queue_s) * 0.1

    def arrived_bps(self) -> float:
        """Return the rate that reached the peer over the last half second of feedback."""
        if not self._arrived:
            return 0.0
        newest = self._arrived[-1][0]
        while self._arrived and newest - self._arrived[0][0] > 0.5:
            self._arrived.popleft()
        span = max(0.1, newest - self._arrived[0][0]) if self._arrived else 0.1
        return 8 * sum(size for _, size in self._arrived) / span

    def receiver_report(self, lost: float, rtt_s: float | None, now: float) -> None:
        """Take in a report block of the peer: the share lost and, where known, the round trip."""
        if rtt_s is not None and 0 <= rtt_s < 10:
            self.rtt_s += (rtt_s - self.rtt_s) * 0.3
        if lost > LOSS_LIMIT:
            self.loss = max(self.loss, lost)
            self._judge(now)

    def remb(self, bitrate_bps: int, now: float) -> None:
        """Take in a receiver's own estimate: it caps ours while it is fresh."""
        self.remb_bps = float(bitrate_bps)
        if not self._sent and self.remb_bps < self.budget_bps and not self._learning:
            self.budget_bps = max(MIN_BPS, self.remb_bps)
        self._judge(now)

    def _judge(self, now: float) -> None:
        if self._queue_s > QUEUE_LIMIT_S or self.loss > LOSS_LIMIT:
            self._bad_at = now
            if now - self._backed_off_at > BACK_OFF_INTERVAL_S:
                self._back_off(now)
        else:
            self._grow(now)

    def _back_off(self, now: float) -> None:
        self._learning = False
        self._backed_off_at = self._grew_at = now
        arrived = self.arrived_bps()
        ceiling = arrived * 0.85 if arrived > 0 else self.budget_bps * 0.7
        self.budget_bps = max(MIN_BPS, min(self.budget_bps * 0.95, ceiling))
        self.loss *= 0.5

    def _grow(self, now: float) -> None:
        if self._learning:
            if self._grew_at == 0.0:
                self._grew_at = now
            if now - self._grew_at >= 1.0:
                self.budget_bps, self._grew_at = min(MAX_BPS, self.budget_bps * 2), now
        elif now - self._bad_at >= CLEAN_S and now - self._grew_at >= STEP_S:
            self.budget_bps, self._grew_at = min(MAX_BPS, self.budget_bps * STEP_FACTOR), now
