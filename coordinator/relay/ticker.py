"""Work at a steady pace on the event loop, without a task to wake.

Rule: everything ticks at multiples of its interval on the loop's clock, so that what is due at about the same
time is done in one turn of the loop.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

from .duties import Duties

logger = logging.getLogger(__name__)


class Ticker:
    """Calls `work` with the loop's time every `interval_s`, until it is stopped.

    Ticks do not drift; those that come too late to be of use are left out. What `work` raises is logged, and
    costs that one tick.
    """

    def __init__(self, work: Callable[[float], None], interval_s: float) -> None:
        self._work = work
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._due = (self._loop.time() // interval_s + 1) * interval_s
        self._handle = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        """Call it no more."""
        self._handle.cancel()

    def _tick(self) -> None:
        now = self._loop.time()
        interval_s = self._interval_s
        self._due = max(self._due + interval_s, now // interval_s * interval_s)
        self._handle = self._loop.call_at(self._due, self._tick)
        try:
            self._work(now)
        except Exception:
            logger.exception("a tick failed")


class DutyTicker:
    """Runs the duties where one of them is due, once every `interval_s` at most, until it is stopped."""

    def __init__(self, duties: Duties, interval_s: float) -> None:
        self._duties = duties
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        duties.on_earlier = self._set
        self._set(duties.next_at)

    def stop(self) -> None:
        """Run it no more."""
        self._duties.on_earlier = lambda at: None
        if self._handle is not None:
            self._handle.cancel()

    def _set(self, at: float) -> None:
        if at == math.inf:
            return
        interval_s = self._interval_s
        tick = max(math.ceil(at / interval_s - 1e-6), self._loop.time() // interval_s + 1)
        if self._handle is not None:
            if self._handle.when() <= tick * interval_s:
                return
            self._handle.cancel()
        self._handle = self._loop.call_at(tick * interval_s, self._run)

    def _run(self) -> None:
        self._handle = None
        self._duties.run(self._loop.time())
        self._set(self._duties.next_at)
