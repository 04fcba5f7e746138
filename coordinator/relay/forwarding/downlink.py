"""How much a subscriber's line carries, from its transport-cc feedback, receiver reports and REMB.

Rule 1: until the first sign of congestion the line is taken to be good, and the estimate doubles each clean
second (a conference must not need minutes to open its pictures).
Rule 2: a growing queue, or loss, lowers the estimate at once to a little under what arrived. A queue that
drains, and loss that stays the same however little is sent, are no reason to send less.
Rule 3: after that it grows by what a probe has shown to arrive (see `probe`). Where it cannot be
probed it grows only when the line has been clean for a while, one step per `STEP_S`; each step that brings
congestion back makes that while longer.
Rule 4: while a line is `easy`, feedback may be weighed seldom and is taken to have come evenly; at the first
sign of anything it is weighed as it comes.
Rule 5: after a queue has built up it is let to drain first: `draining` asks for nothing but sound meanwhile.
"""

from __future__ import annotations

import math
from collections import deque

from .engine import Flight
from .flight import LONG_QUEUE_S
from .probe import Condition, Prober

START_BPS = 2_500_000.0
MIN_BPS = 60_000.0
MAX_BPS = 100_000_000.0
CLEAN_S, MAX_CLEAN_S = 10.0, 80.0
STEP_S = 5.0
STEP_FACTOR = 1.3
QUEUE_LIMIT_S = 0.15
LOSS_LIMIT, MAX_LOSS_LIMIT = 0.12, 0.40
SEVERE_LOSS = 0.30
LOSS_WINDOW_S, LONG_LOSS_WINDOW_S = 2.0, 6.0
LOSS_SAMPLE = 60
"""Loss is judged from at least so many packets: of sound alone they come in about four seconds."""
MILD_FLOOR_BPS = 160_000.0
"""Loss alone never takes a line below this while most of what is sent arrives."""
ARRIVED_S = 0.5
TREND_S = 0.3
LASTING_S = 0.2
FEW_PACKETS = 3
"""Fewer that are all late are no queue, where those before them were not late either."""
BACK_OFF_INTERVAL_S = 0.5
LOSS_INTERVAL_S = 1.0
SETTLED_S = 60.0
OVERFLOW_LOSS = 0.15
"""Loss that comes with a long queue: the line drops what it cannot hold."""
DRAINED_S = 0.06
DRAINING_SHARE = 0.6
"""While a queue drains the estimate falls to this share of itself at most, each time."""


class Downlink:
    """The estimate for one subscriber; times in seconds on one clock, rates in bit/s."""

    def __init__(self) -> None:
        self.budget_bps = START_BPS
        self.rtt_s = 0.1
        self.loss = 0.0
        """The share lost over the last two seconds, or as many as it takes to judge."""
        self.flight = Flight()
        """What was sent, and what is known of its journey."""
        self.draining = False
        self.probing = False
        """Set where padding can be sent: the estimate then grows by probes alone."""
        self.prober = Prober()
        self.loss_before = 0.0
        """What the line loses when its queue is short."""
        self.fresh_loss = 0.0
        """The share lost over the last moments, however few packets that is."""
        self._outcomes: deque[tuple[float, int, int, int]] = deque()  # when, came, lost, bytes sent
        self._came = self._lost = self._bytes = 0  # the sums of these
        self._queues: deque[tuple[float, float]] = deque()
        self._standing_s, self._stands = 0.0, False  # the least wait of the last message; is it a queue's?
        self._weighed_at = -1e9
        self._was_easy = False
        self._learning = True
        self._grew_at = 0.0
        self._bad_at = -1e9
        self._over_since = 0.0
        self._backed_off_at = self._overflowed_at = -1e9
        self._clean_s = CLEAN_S
        self._loss_limit = LOSS_LIMIT
        self._doubt = 0.0
        self._last_loss = (0.0, 0.0)  # loss and rate sent at the last back-off for loss

    @property
    def queue_s(self) -> float:
        """How long packets wait on the line, above its best of late."""
        return self.flight.queue_s

    def feedback(self, reports: list[tuple[int, float | None]], now: float) -> None:
        """Take in transport-cc feedback: (16-bit number, arrival on the peer's clock or None)."""
        self.flight.take(reports)
        self.weigh(now)

    def read(self, body: bytes, now: float) -> None:
        """Take in a transport-cc feedback message. Raises ValueError as `twcc.read` does."""
        self.flight.read(body)
        self.weigh(now)

    @property
    def easy(self) -> bool:
        """Whether nothing has been lost of late, nothing waits, and the line has never shown a limit."""
        lost = self._lost or self.loss or self.flight.lost
        waits = self.flight.rising or self.flight.queue_s > LONG_QUEUE_S
        return self._learning and not lost and not waits

    def weigh(self, now: float) -> None:
        """Judge the line by the feedback that its flight has taken in since the last time."""
        told, easy = self.flight.told, self.easy
        came, lost, size = self.flight.outcome()
        self._stands = came >= FEW_PACKETS or self._standing_s > LONG_QUEUE_S
        self._standing_s = self.flight.standing_s
        if easy and told:
            self._note_easy(told, came, size, now)
        else:
            if self._was_easy and told > 1:
                before = came * (told - 1) // told, size * (told - 1) // told
                self._note_easy(told - 1, *before, now - (now - self._weighed_at) / told)
                came, size = came - before[0], size - before[1]
            self._note_outcome(came, lost, size, now)
            self._queues.append((now, self.flight.queue_s))
            while now - self._queues[0][0] > TREND_S:
                self._queues.popleft()
            self._judge(now)
        self._weighed_at, self._was_easy = now, easy

    def _note_easy(self, told: int, came: int, size: int, now: float) -> None:
        """Do what `_note_outcome` and `_judge` come to when all is well; the last message came at `now`."""
        pause_s = (now - self._weighed_at) / told
        for left in range(told, 0, -1):
            self._add(now - (left - 1) * pause_s, came // left, 0, size // left)
            came, size = came - came // left, size - size // left
        self._queues.clear()
        self._over_since = now
        self.fresh_loss = self.loss_before = 0.0
        self._grow(now)

    def _add(self, now: float, came: int, lost: int, size: int) -> None:
        outcomes = self._outcomes
        outcomes.append((now, came, lost, size))
        self._came, self._lost, self._bytes = self._came + came, self._lost + lost, self._bytes + size
        while self._outlived(outcomes[0], now):
            _, came, lost, size = outcomes.popleft()
            self._came, self._lost, self._bytes = self._came - came, self._lost - lost, self._bytes - size

    def _note_outcome(self, came: int, lost: int, size: int, now: float) -> None:
        self._add(now, came, lost, size)
        fresh = fresh_lost = 0
        for at, some_came, some_lost, _ in reversed(self._outcomes):
            if now - at >= TREND_S:
                break
            fresh, fresh_lost = fresh + some_came + some_lost, fresh_lost + some_lost
        self.fresh_loss = fresh_lost / max(1, fresh)
        total = self._came + self._lost
        self._doubt = 1 / math.sqrt(max(total, 1))  # few packets say little about the line
        loss = self._lost / total if total else 0.0
        if total >= LOSS_SAMPLE or (loss > SEVERE_LOSS and total >= LOSS_SAMPLE / 2):
            self.loss = loss

    def _outlived(self, outcome: tuple[float, int, int, int], now: float) -> bool:
        """Whether what is newer than the oldest outcome is enough to judge by, or it is too old itself."""
        at, came, lost, _ = outcome
        enough = self._came + self._lost - came - lost >= LOSS_SAMPLE
        return now - at > (LOSS_WINDOW_S if enough else LONG_LOSS_WINDOW_S)

    def arrived_bps(self, within_s: float = ARRIVED_S) -> float:
        """Return the rate that reached the peer lately, by its feedback."""
        return self.flight.arrived_bps(within_s)

    def _sent_bps(self) -> float:
        span = max(0.1, self._outcomes[-1][0] - self._outcomes[0][0]) if self._outcomes else 1.0
        return 8 * self._bytes / span

    def receiver_report(self, lost: float, rtt_s: float | None, now: float) -> None:
        """Take in a report block of the peer: the share lost and, where known, the round trip."""
        if rtt_s is not None and 0 <= rtt_s < 10:
            self.rtt_s += (rtt_s - self.rtt_s) * 0.3
        if not self._outcomes:  # a peer without transport-cc: all there is to judge by
            self.loss += (lost - self.loss) * 0.5
            self._judge(now)

    def remb(self, bitrate_bps: int, now: float) -> None:
        """Take in a receiver's own estimate, which counts where it gives no transport-cc feedback."""
        if not self._outcomes and bitrate_bps < self.budget_bps:
            self._learning = False
            self._bad_at = now
            self.budget_bps = max(MIN_BPS, float(bitrate_bps))

    def chance_loss(self, now: float) -> float:
        """Return the share lost by chance: what a full queue has dropped of late tells nothing about that."""
        return self.loss if now - self._overflowed_at > LOSS_WINDOW_S + 1.0 else 0.0

    @property
    def learning(self) -> bool:
        """Whether the line has shown no sign of congestion yet."""
        return self._learning

    def padding(self, now: float) -> int:
        """Return how many bytes of padding to send now, to find out whether the line carries more."""
        if self._learning or not self.probing or not self._outcomes:
            return 0
        return self.prober.padding(self.budget_bps, self.flight.sent_bytes, now)

    def _condition(self) -> Condition:
        queue_s = max(self.queue_s, self._standing_s if self._stands else 0.0)
        return Condition(
            self.budget_bps, self.arrived_bps(), queue_s, self.loss, self.fresh_loss, self.rtt_s,
            self.flight.sent_bytes,
        )  # fmt: skip

    def _probe(self, now: float) -> None:
        found = self.prober.judge(self._condition(), now) if self.prober.running else None
        if found is not None:
            self.budget_bps = max(MIN_BPS, min(MAX_BPS, found))

    def _judge(self, now: float) -> None:
        self._probe(now)
        if self.queue_s < DRAINED_S:
            self.loss_before = self.chance_loss(now)
        if self.draining and (
            self.flight.latest_queue_s < DRAINED_S or now - self._backed_off_at > LOSS_WINDOW_S
        ):
            self.draining = False
        # once the queue is gone, what arrives is what little was sent meanwhile, and no measure of the line
        there = self.flight.latest_queue_s > DRAINED_S
        draining = bool(self._queues) and self.queue_s < self._queues[0][1] - 0.01
        if self.queue_s <= QUEUE_LIMIT_S or draining:
            self._over_since = now
        if self.flight.rising or self.queue_s > QUEUE_LIMIT_S:
            self._bad_at = now
            self.prober.disturbed(now)
            full = self.flight.rising or self.fresh_loss > self.loss_before + OVERFLOW_LOSS
            # a machine that stumbled once is no narrow line, unless packets were dropped as well
            lasting = full or now - self._over_since >= LASTING_S
            if lasting and there and now - self._backed_off_at > BACK_OFF_INTERVAL_S:
                first = now - self._backed_off_at > 2.0
                least = 0.0 if full or not first else 0.4 * min(self.budget_bps, self._sent_bps())
                if self.draining:  # little is sent meanwhile, and what was lost before is still being told
                    least = DRAINING_SHARE * self.budget_bps
                arrived = self.arrived_bps(LASTING_S) if full else self.arrived_bps()
                self._back_off(max(least, 0.85 * arrived), now)
                self.draining, self._overflowed_at = True, now
        elif self.chance_loss(now) > self._loss_limit + self._doubt:
            self._bad_at = now
            self.prober.disturbed(now)
            if now - self._backed_off_at > LOSS_INTERVAL_S:
                self._back_off_for_loss(now)
        else:
            self._grow(now)

    def _back_off_for_loss(self, now: float) -> None:
        sent = self._sent_bps() if self._outcomes else self.budget_bps
        before, before_sent = self._last_loss
        if before and self.loss > 0.6 * before and sent < 0.8 * before_sent:
            self._loss_limit = min(MAX_LOSS_LIMIT, 1.5 * self.loss)  # sending less did not help
            return
        self._last_loss = (self.loss, sent)
        if self.loss > SEVERE_LOSS and self._outcomes:
            self._back_off(0.9 * self.arrived_bps(), now)
        else:
            base = min(self.budget_bps, 1.2 * max(sent, 2 * MILD_FLOOR_BPS))
            self._back_off(max(MILD_FLOOR_BPS, base * (1 - 0.5 * self.loss)), now)

    def _back_off(self, to_bps: float, now: float) -> None:
        if not self._learning and self._grew_at > self._backed_off_at:
            self._clean_s = min(MAX_CLEAN_S, 2 * self._clean_s)  # the last step up was one too many
        self._learning = False
        self._backed_off_at = now
        self.budget_bps = max(MIN_BPS, min(self.budget_bps, to_bps))
        self.prober.limited(self.budget_bps, now)

    def _grow(self, now: float) -> None:
        if self._learning:
            if self._grew_at == 0.0:
                self._grew_at = now
            if now - self._grew_at >= 1.0:
                self.budget_bps, self._grew_at = min(MAX_BPS, self.budget_bps * 2), now
            return
        if now - self._bad_at > SETTLED_S:
            self._clean_s, self._loss_limit, self._last_loss = CLEAN_S, LOSS_LIMIT, (0.0, 0.0)
        if self.probing:
            return
        if now - self._bad_at >= self._clean_s and now - self._grew_at >= STEP_S:
            self.budget_bps, self._grew_at = min(MAX_BPS, self.budget_bps * STEP_FACTOR), now
