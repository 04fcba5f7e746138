"""Finding out whether a line carries more: padding beside the media, for a moment, a step at a time.

Rule 1: a probe begins only when somebody wants more than the estimate, `WAIT_S` after the line last showed
its limit (after probes that failed, up to `MAX_WAIT_S`: a line that was mended must be noticed in time) and
`CLEAN_S` after anything unclean, which may have been a machine that stumbled.
Rule 2: a step that arrived becomes the estimate, and the next one follows at once. A queue that grows past
`QUEUE_S`, or fresh loss, ends the probe before the sound is touched; a shorter queue makes the step go on,
since many a line lets the first kilobytes pass faster than the rest.
Rule 3: what is sent before a queue is heard of has to wait on the line, and the sound with it. So steps are
small where the line last ended, and large once it has been shown to carry `PAST` times that.
Rule 4: no clock and no packets here: it is told what was sent and what arrived, and says how much to pad.
"""

from __future__ import annotations

from dataclasses import dataclass

WAIT_S, MAX_WAIT_S, CLEAN_S = 2.5, 6.0, 1.0
STEP_S, MAX_STEP_S, MEASURED_S = 0.6, 1.2, 0.4
FIRST_FACTOR, NEXT_FACTOR, NEAR_FACTOR = 1.4, 1.6, 1.25
PAST = 1.3
FREE_BYTES = 4500
"""What a line may let pass at once before its limit shows."""
SHORT_QUEUE_S, QUEUE_S = 0.03, 0.08
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
        self._goal_bps = self._end_bps = 0.0
        """What the step under way sends, and what the line carried when it last showed its limit."""
        self._began, self._step_s, self._sent_before = 0.0, STEP_S, 0

    @property
    def running(self) -> bool:
        """Whether a step is under way."""
        return self._goal_bps > 0

    def disturbed(self, now: float) -> None:
        """Note that the line is not clean: any probe ends."""
        self._goal_bps = 0.0
        self._next_at = max(self._next_at, now + CLEAN_S)

    def limited(self, end_bps: float, now: float) -> None:
        """Note that the line carries no more than this: any probe ends, and the wait begins anew."""
        self._goal_bps, self._end_bps = 0.0, end_bps
        self._next_at = now + self._wait_s

    def padding(self, budget_bps: float, sent_bytes: int, now: float) -> int:
        """Return how many bytes of padding are due now; estimate and bytes sent as in `Condition`."""
        if not self.running:
            if self.wanted_bps <= budget_bps or now < self._next_at:
                return 0
            self._begin(budget_bps, FIRST_FACTOR, sent_bytes, now)
        due = self._goal_bps / 8 * (now - self._began) - (sent_bytes - self._sent_before)
        return max(0, min(int(due), MAX_STEP_BYTES))

    def _begin(self, proven_bps: float, factor: float, sent_bytes: int, now: float) -> None:
        goal_bps, self._step_s = min(factor * proven_bps, self.wanted_bps * HEADROOM), STEP_S
        if proven_bps < PAST * self._end_bps:
            goal_bps = min(goal_bps, NEAR_FACTOR * max(proven_bps, self._end_bps))
            over_bps = max(1.0, goal_bps - self._end_bps)
            self._step_s = max(STEP_S, min(8 * FREE_BYTES / over_bps, MAX_STEP_S))
        self._goal_bps = goal_bps
        self._began, self._sent_before = now, sent_bytes

    def judge(self, line: Condition, now: float) -> float | None:
        """Take in fresh feedback; returns a new estimate in bit/s when a step has ended, else None."""
        if not self.running:
            return None
        if line.queue_s > QUEUE_S or line.fresh_loss > line.loss + FRESH_LOSS:
            return self._fail(line, now)  # what arrives past a full queue is what the line carries
        lasted_s = now - self._began
        if lasted_s < max(self._step_s, MEASURED_S + line.rtt_s):
            return None
        if line.queue_s > SHORT_QUEUE_S and lasted_s < MAX_STEP_S:
            return None
        if line.arrived_bps < ARRIVED_SHARE * self._goal_bps * (1 - line.loss):
            return self._fail(line, now)
        proven, self._wait_s = self._goal_bps / MARGIN, WAIT_S
        self._goal_bps = 0.0
        if self.wanted_bps > proven:
            self._begin(proven, NEXT_FACTOR, line.sent_bytes, now)
        return proven

    def _fail(self, line: Condition, now: float) -> float:
        least = 1.0 if line.arrived_bps >= line.budget_bps else 0.85
        found = min(self._goal_bps, max(0.9 * line.arrived_bps, least * line.budget_bps))
        self.limited(found, now)
        self._wait_s = min(MAX_WAIT_S, 1.4 * self._wait_s)
        return found
