"""Who has something to do, and when: nobody else is looked at.

Rule 1: `work(now)` does what is due and returns when it is to be called again (seconds, infinite = only when
woken). It may be called at any time, and then finds nothing to do.
Rule 2: what becomes due from outside is said by `wake`; the earlier time counts.
Rule 3: what `work` raises is logged and costs it `RETRY_S`, others nothing.
Rule 4: a run ends after `MAX_AT_ONCE` turns, so that packets need not wait for hundreds; the rest comes next.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Callable

logger = logging.getLogger(__name__)

RETRY_S = 0.2
MAX_AT_ONCE = 64

Work = Callable[[float], float]


class Turn:
    """One thing that is done again and again."""

    __slots__ = ("_agenda", "_work", "at")

    def __init__(self, agenda: Agenda, work: Work) -> None:
        self._agenda = agenda
        self._work: Work | None = work
        self.at = math.inf
        """When it is next."""

    def wake(self, at: float = 0.0) -> None:
        """Let it be next at that time (seconds; 0 = the next time anybody looks), unless that is earlier."""
        if at < self.at and self._work is not None:
            self.at = at
            self._agenda.put(self)

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
        self._work = None


class Agenda:
    """The turns of everybody."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Turn]] = []
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

    def add(self, work: Work) -> Turn:
        """Take something in; it is due at once."""
        turn = Turn(self, work)
        turn.wake()
        return turn

    def put(self, turn: Turn) -> None:
        """Note that the time of a turn is another one."""
        self._count += 1
        heapq.heappush(self._heap, (turn.at, self._count, turn))
        if not self._running and self._heap[0][2] is turn:
            self.on_earlier(turn.at)

    def run(self, now: float) -> None:
        """Do what is due; what asks for another turn at once gets it the next time."""
        heap: list[tuple[float, int, Turn]] = self._heap
        due: list[Turn] = []
        while heap and heap[0][0] <= now and len(due) < MAX_AT_ONCE:
            at, _, turn = heapq.heappop(heap)
            if at == turn.at:  # else it was moved since
                turn.at = math.inf
                due.append(turn)
        self._running = True
        for turn in due:
            turn.take(now)
        self._running = False
