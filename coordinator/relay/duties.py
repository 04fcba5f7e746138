"""Who has something to do, and when: nobody else is looked at.

Rule 1: `work(now)` does what is due and returns when it is to be called again (seconds, infinite = only when
woken). It may be called at any time, and then finds nothing to do.
Rule 2: what becomes due from outside is said by `wake`; the earlier time counts.
Rule 3: what `work` raises is logged and costs it `RETRY_S`, others nothing.
Rule 4: a run ends after `MAX_AT_ONCE` duties, so that no packet waits for hundreds; the rest is next.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Callable

logger = logging.getLogger(__name__)

RETRY_S = 0.2
MAX_AT_ONCE = 32

Work = Callable[[float], float]


class Duty:
    """One thing that is done again and again."""

    __slots__ = ("_duties", "_work", "at")

    def __init__(self, duties: Duties, work: Work) -> None:
        self._duties = duties
        self._work: Work | None = work
        self.at = math.inf
        """When it is next."""

    def wake(self, at: float = 0.0) -> None:
        """Let it be next at that time (seconds; 0 = the next time anybody looks), unless that is earlier."""
        if at < self.at and self._work is not None:
            self.at = at
            self._duties.put(self)

    def take(self, now: float) -> None:
        """Do it now."""
        if self._work is None:
            return
        try:
            again_at = self._work(now)
        except Exception:
            logger.exception("something due could not be done")
            again_at = now + RETRY_S
        self.wake(again_at)

    def cancel(self) -> None:
        """Do it no more."""
        self._work, self.at = None, math.inf


class Duties:
    """The duties of everybody."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Duty]] = []
        self._count = 0
        self._running = False
        self.on_earlier: Callable[[float], None] = lambda at: None
        """Told when something became due before all else, from outside of `run`."""

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_at(self) -> float:
        """When there is something to do (seconds), at the earliest."""
        return self._heap[0][0] if self._heap else math.inf

    def add(self, work: Work) -> Duty:
        """Take something in; it is due at once."""
        duty = Duty(self, work)
        duty.wake()
        return duty

    def put(self, duty: Duty) -> None:
        """Note that the time of a duty is another one."""
        self._count += 1
        heapq.heappush(self._heap, (duty.at, self._count, duty))
        if not self._running and self._heap[0][2] is duty:
            self.on_earlier(duty.at)

    def run(self, now: float) -> None:
        """Do what is due; what is due again at once has to wait for the next run."""
        heap: list[tuple[float, int, Duty]] = self._heap
        due: list[Duty] = []
        while heap and heap[0][0] <= now and len(due) < MAX_AT_ONCE:
            at, _, duty = heapq.heappop(heap)
            if at == duty.at:  # else it was moved since
                duty.at = math.inf
                due.append(duty)
        self._running = True
        try:
            for duty in due:
                duty.take(now)
        finally:
            self._running = False
        while heap and heap[0][0] != heap[0][2].at:
            heapq.heappop(heap)  # moved since: nothing is due then
