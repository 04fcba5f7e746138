"""Finding out whether a line carries more: padding beside the media, for a moment, a step at a time.

Rule 1: a probe begins only when somebody wants more than the estimate, `WAIT_S` after the line last showed
its limit (after probes that failed, up to `MAX_WAIT_S`: a line that was mended must be noticed in time) and
`CLEAN_S` after anything unclean, which may have been a machine that stumbled.
Rule 2: a step that arrived becomes the estimate, and the next one follows at once. A queue that grows past
`QUEUE_S`, or fresh loss, ends the probe before the sound is touched.
Rule 3: no clock and no packets here: it is told what was sent and what arrived, and says how much to pad.
"""

from __future__ import annotations

from dataclasses import dataclass

WAIT_S, MAX_WAIT_S, CLEAN_S = 2.5, 6.0, 1.0
STEP_S, MEASURED_S = 0.6, 0.4
FIRST_FACTOR, NEXT_FACTOR = 1.4, 1.6
QUEUE_S = 0.08
ARRIVED_SHARE = 0.85
FRESH_LOSS = 0.08
"""So much more than the line usually loses ends a probe."""
MAX_STEP_BYTES = 40_000
HEADROOM, MARGIN = 1.1, 1.05


@dataclass(frozen=True, slots=True)
class Condition:
    """How a line is now: the estimate, what arrived lately, its queue, its usual and its latest loss, its
    round trip, and how many bytes have been sent on it since the start."""

    budget_bps: float
    arrived_bps: float
    queue_s: float
    loss: float
    fresh_loss: float
    rtt_s: float
    sent_bytes: int


class Prober:
    """The probes of one subscriber's line; times in seconds."""

    def __init__(self) -> None:
        self.wanted_bps = 0.0
        """What everything that is wished for would take."""
        self._wait_s = WAIT_S
        self._next_at = 0.0
        self._goal_bps = 0.0
        self._began, self._sent_before = 0.0, 0

    @property
    def running(self) -> bool:
        """Whether a step is under way."""
        return self._goal_bps > 0

    def disturbed(self, now: float) -> None:
        """Note that the line is not clean: any probe ends."""
        self._goal_bps = 0.0
        self._next_at = max(self._next_at, now + CLEAN_S)

    def limited(self, now: float) -> None:
        """Note that the line has shown its limit: any probe ends, and the wait begins anew."""
        self._goal_bps = 0.0
        self._next_at = now + self._wait_s

    def padding(self, budget_bps: float, sent_bytes: int, now: float) -> int:
        """Return how many bytes of padding are due now; estimate and bytes sent as in `Condition`."""
        if not self.running:
            if self.wanted_bps <= budget_bps or now < self._next_at:
                return 0
            self._begin(FIRST_FACTOR * budget_bps, sent_bytes, now)
        due = self._goal_bps / 8 * (now - self._began) - (sent_bytes - self._sent_before)
        return max(0, min(int(due), MAX_STEP_BYTES))

    def _begin(self, goal_bps: float, sent_bytes: int, now: float) -> None:
        self._goal_bps = min(goal_bps, self.wanted_bps * HEADROOM)
        self._began, self._sent_before = now, sent_bytes

    def judge(self, line: Condition, now: float) -> float | None:
        """Take in fresh feedback; returns a new estimate in bit/s when a step has ended, else None."""
        if not self.running:
            return None
        if line.queue_s > QUEUE_S or line.fresh_loss > line.loss + FRESH_LOSS:
            return self._fail(line, now)  # what arrives past a full queue is what the line carries
        if now - self._began < max(STEP_S, MEASURED_S + line.rtt_s):
            return None
        if line.arrived_bps < ARRIVED_SHARE * self._goal_bps * (1 - line.loss):
            return self._fail(line, now)
        proven, self._wait_s = self._goal_bps / MARGIN, WAIT_S
        self._goal_bps = 0.0
        if self.wanted_bps > proven:
            self._begin(NEXT_FACTOR * proven, line.sent_bytes, now)
        return proven

    def _fail(self, line: Condition, now: float) -> float:
        found = min(self._goal_bps, max(0.9 * line.arrived_bps, 0.85 * line.budget_bps))
        self.limited(now)
        self._wait_s = min(MAX_WAIT_S, 1.4 * self._wait_s)
        return found
